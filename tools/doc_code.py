#!/usr/bin/env python3
"""Fails unless the code in documents is code that is compiled.

usage: doc_code.py FILE...

Of the files, those that end in .md are looked through: each block that is marked as
C, C++ or Rust has to stand, line by line, in one of the other files; indented in
another way it may be, and a line "..." stands for any lines.
"""

import re
import sys

BLOCK = re.compile(r"^```(?:c|cpp|rust)\n(.*?)^```$", re.M | re.S)


def lines_of(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def stands_in(part, lines):
    return any(lines[i:i + len(part)] == part for i in range(len(lines)))


def parts_of(block):
    """The runs of lines between those that are "..."."""
    part = []
    for line in lines_of(block):
        if line in ("...", "// ..."):
            yield part
            part = []
        else:
            part.append(line)
    yield part


def main(paths):
    texts = {path: open(path, encoding="utf-8").read() for path in paths}
    sources = [lines_of(text) for path, text in texts.items() if not path.endswith(".md")]
    blocks = problems = 0
    for path in (path for path in paths if path.endswith(".md")):
        for block in BLOCK.findall(texts[path]):
            blocks += 1
            if not any(all(stands_in(part, source) for part in parts_of(block))
                       for source in sources):
                problems += 1
                print("%s: this stands in no file that is compiled:\n%s" % (path, block))
    print("%d blocks, %d problems" % (blocks, problems))
    return 0 if blocks and not problems else 1


sys.exit(main(sys.argv[1:]))
