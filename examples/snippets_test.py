#!/usr/bin/env python3
"""Checks that the code in documents is code of files that tests compile.

usage: snippets_test.py DOCUMENT...

Each block of code follows a line `<!-- from FILE -->`, and is, but for how far it
is indented, some lines of that file.
"""

import re
import sys
import textwrap

BLOCK = re.compile(r"(?:<!-- from (\S+) -->\n)?^```(\w*)\n(.*?)^```$", re.M | re.S)


def contains(text, block):
    """Whether lines of `text` are `block`, indented by any number of spaces."""
    for indent in range(0, 33):
        shifted = textwrap.indent(block, " " * indent)
        if text.startswith(shifted) or "\n" + shifted in text:
            return True
    return False


def problems(path):
    """Of each block of code in a document, what is wrong with it, or nothing."""
    with open(path, encoding="utf-8") as file:
        document = file.read()
    for name, language, block in BLOCK.findall(document):
        if not name:
            yield f"a block of {language} says not where it is from:\n{block}"
            continue
        with open(name, encoding="utf-8") as file:
            yield None if contains(file.read(), block) else f"not in {name}:\n{block}"


def main(paths):
    failed = False
    for path in paths:
        found = list(problems(path))
        wrong = [each for each in found if each]
        print(f"{path}: {len(found)} blocks of code", *wrong, sep="\nFAILED: ")
        failed = failed or wrong or not found
    return bool(failed)


sys.exit(main(sys.argv[1:]))
