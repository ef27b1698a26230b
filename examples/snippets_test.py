#!/usr/bin/env python3
"""Checks that the code in documents is code of files that tests compile.

usage: snippets_test.py DOCUMENT...

Each block of C, C++ or Rust must follow a line `<!-- from FILE -->`, and must consist
of consecutive lines of that file; only the indentation may differ. Blocks in other
languages, such as shell commands, are not checked unless they have such a line.
"""

import re
import sys
import textwrap

COMPILED = {"c", "cpp", "rust"}
BLOCK = re.compile(r"(?:<!-- from (\S+) -->\n)?^```(\w*)\n(.*?)^```$", re.M | re.S)


def contains(text, block):
    """Whether consecutive lines of `text` are `block`, indented by some spaces."""
    for indent in range(0, 33):
        shifted = textwrap.indent(block, " " * indent)
        if text.startswith(shifted) or "\n" + shifted in text:
            return True
    return False


def problems(path):
    """Yields for each checked block what is wrong with it, or None."""
    with open(path, encoding="utf-8") as file:
        document = file.read()
    for name, language, block in BLOCK.findall(document):
        if not name:
            if language in COMPILED:
                yield f"a block of {language} does not say where it is from:\n{block}"
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
