#!/usr/bin/env python3
"""Checks that the code in a document is code of files that tests compile.

usage: snippets_test.py DOCUMENT

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


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        document = file.read()
    blocks = BLOCK.findall(document)
    failed = len(blocks) == 0
    for name, language, block in blocks:
        if not name:
            print(f"FAILED: a block of {language} says not where it is from:\n{block}")
            failed = True
            continue
        with open(name, encoding="utf-8") as file:
            if not contains(file.read(), block):
                print(f"FAILED: not in {name}:\n{block}")
                failed = True
    print(f"{len(blocks)} blocks of code")
    return failed


if __name__ == "__main__":
    sys.exit(main())
