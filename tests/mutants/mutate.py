#!/usr/bin/env python3
"""Copies headers so that one change at a time can be switched on at run time.

usage: mutate.py [--orders] --defects=FILE... TABLE PREFIX OUT_DIR HEADER...

Each header is written to OUT_DIR under its path after PREFIX, with
  * each defect of the files planted behind Planted(n, every) and,
  * with --orders, each memory order replaced by Order(n, the order).
TABLE gets the list of both for C++ to include. The headers themselves know
nothing of this.

A defect in a file:

  = name
  killed by: detector, detector
  every: number of calls         (1, if left out)
  in: file
  expression: what is in the file   (or `statement:`)
  becomes: what is there instead

with as many `in`, `expression`, `becomes` as it takes. Texts may go on in
indented lines; white space does not count. Each must be found exactly once. A
name that has stood in an earlier file adds detectors to that defect.
"""

import argparse
import os
import re
import sys

ORDER = re.compile(r"std::memory_order_(relaxed|acquire|release|acq_rel)")
WEAKER = {"acquire": ["relaxed"], "release": ["relaxed"], "acq_rel": ["acquire", "release"]}
KEYS = ["killed by", "every", "in", "expression", "statement", "becomes"]
NAMESPACE = "::holdfast::mutants::"


class Defect:
    def __init__(self, name):
        self.name = name
        self.killers = []
        self.every = 1
        self.changes = []  # (file, kind, old, new)

    def read(self, fields):
        file = None
        for at, (key, value) in enumerate(fields):
            if key == "killed by":
                self.killers += [each.strip() for each in value.split(",")]
            elif key == "every":
                self.every = int(value)
            elif key == "in":
                file = value
            elif key in ("expression", "statement"):
                if at + 1 == len(fields) or fields[at + 1][0] != "becomes":
                    sys.exit(f"{self.name}: {key} without becomes")
                self.changes.append((file, key, value, fields[at + 1][1]))


def parse(paths):
    fields = {}  # By names, in their order.
    for path in paths:
        with open(path, encoding="utf-8") as f:
            parse_lines(path, f.read().split("\n"), fields)
    defects = []
    for name, read in fields.items():
        defect = Defect(name)
        defect.read(read)
        if not defect.killers or not defect.changes:
            sys.exit(f"{name}: nobody kills it, or it changes nothing")
        defects.append(defect)
    return defects


def parse_lines(path, lines, fields):
    last = []  # Fields of the defect that the lines are about.
    for line in lines:
        key, _, value = line.partition(":")
        if line.startswith("= "):
            last = fields.setdefault(line[2:].strip(), [])
        elif key in KEYS:
            last.append([key, value.strip()])
        elif line.startswith("  ") and last:
            last[-1][1] += "\n" + line.strip()
        elif line.strip() and not line.startswith("#"):
            sys.exit(f"{path}: cannot read: {line}")


def find(text, old, where):
    """Begin and end of `old` in `text`, white space aside."""
    places = [at for at, char in enumerate(text) if not char.isspace()]
    squeezed = "".join(text[at] for at in places)
    wanted = "".join(old.split())
    if squeezed.count(wanted) != 1:
        sys.exit(f"{where}: found {squeezed.count(wanted)} times:\n{old}")
    begin = squeezed.index(wanted)
    return places[begin], places[begin + len(wanted) - 1] + 1


def plant(name, text, defects):
    """`text` with the defects of the file `name` behind switches."""
    spans = {}
    for number, defect in enumerate(defects):
        for file, kind, old, new in defect.changes:
            if file == name:
                span = find(text, old, f"{defect.name}, {name}")
                on = f"{NAMESPACE}Planted({number}, {defect.every})"
                spans.setdefault((span, kind), []).append((on, new))
    out, last = [], len(text)
    for (span, kind), planted in sorted(spans.items(), reverse=True):
        if span[1] > last:
            sys.exit(f"{name}: two defects overlap:\n{text[span[0]:span[1]]}")
        made = text[span[0]:span[1]]
        for on, new in planted:
            # A removed statement's variables are still used elsewhere.
            new = ORDER.sub(lambda m: "kept_order_" + m[1], new)
            if kind == "expression":
                made = f"({on} ? ({new}) : ({made}))"
            else:
                made = f"if ({on}) {{ {new} }} else {{ {made} }}"
        out[:0] = [made, text[span[1]:last]]
        last = span[0]
    return text[:last] + "".join(out)


def sweep(name, original, text, sites):
    """`text` with its orders behind switches. `sites` gets (place, order)."""
    lines = [(original.count("\n", 0, m.start()) + 1, m[1])
             for m in ORDER.finditer(original)]
    used = iter(lines)

    def switch(match):
        line, order = next(used)
        if order != match[1]:
            sys.exit(f"{name}: a defect moves an order")
        sites.append((f"{name}:{line}", original.split("\n")[line - 1].strip(), order))
        return f"{NAMESPACE}Order({len(sites) - 1}, {match[0]})"

    return ORDER.sub(switch, text)


def copy(header, args, defects, sites):
    name = header[header.index(args.prefix) + len(args.prefix):]
    with open(header, encoding="utf-8") as f:
        original = f.read()
    text = plant(name, original, defects)
    if args.orders:
        text = sweep(name, original, text, sites)
    text = text.replace("kept_order_", "std::memory_order_")
    include = '#include "tests/mutants/mutation.h"\n'
    text = re.sub(r"(#define HOLDFAST_\w+_H_\n)", lambda m: m[1] + include, text, count=1)
    path = os.path.join(args.out_dir, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_table(path, sites, defects):
    with open(path, "w", encoding="utf-8") as f:
        for number, (place, line, order) in enumerate(sites):
            for weaker in WEAKER.get(order, []):
                f.write(f"WEAKENED({number}, {quoted(place)}, {quoted(line)}, {order}, {weaker})\n")
        for number, defect in enumerate(defects):
            killers = quoted(",".join(defect.killers))
            f.write(f"PLANTED({number}, {quoted(defect.name)}, {killers})\n")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--orders", action="store_true")
    parser.add_argument("--defects", action="append", required=True)
    for name in ("table", "prefix", "out_dir"):
        parser.add_argument(name)
    parser.add_argument("headers", nargs="+")
    args = parser.parse_args()

    defects, sites = parse(args.defects), []
    for file in {file for defect in defects for file, *_ in defect.changes}:
        if not any(header.endswith(args.prefix + file) for header in args.headers):
            sys.exit(f"no file {file} to plant a defect in")
    for header in args.headers:
        copy(header, args, defects, sites)
    write_table(args.table, sites, defects)


main()
