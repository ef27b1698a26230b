#!/usr/bin/env python3
"""Copies headers so that one change at a time can be switched on at run time.

usage: mutate.py DEFECTS TABLE PREFIX OUT_DIR HEADER...

Each header is written to OUT_DIR under its path after PREFIX, with
  * each memory order replaced by model::Order(n, the order), and
  * each defect of the file DEFECTS planted behind model::Planted(n).
TABLE gets the list of both, which mutants_test.cc includes. The headers
themselves contain nothing for this purpose.

DEFECTS describes a defect so:

  = name
  killed by: scenario, scenario
  in: file
  expression: the text in the header   (or `statement:`)
  becomes: the text that replaces it

`in` is relative to PREFIX. A defect may have several changes; `in` holds until
the next `in`. A text may go on in indented lines, and white space does not
count. Each text must be in its file exactly once. An `expression` must be one
in C++ (it goes into `planted ? new : old`); a `statement` may be several (they
go into `if (planted) { new } else { old }`), but must not declare a variable
that is used after it.
"""

import os
import re
import sys

ORDER = re.compile(r"std::memory_order_(relaxed|acquire|release|acq_rel)")
WEAKER = {"acquire": ["relaxed"], "release": ["relaxed"], "acq_rel": ["acquire", "release"]}
KEYS = ["killed by", "in", "expression", "statement", "becomes"]


def parse(path):
    """[(name, [scenario], [(file, kind, old, new)])]"""
    defects, fields = [], []
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    for line in lines:
        key, _, value = line.partition(":")
        if line.startswith("= "):
            fields = []
            defects.append((line[2:].strip(), fields))
        elif key in KEYS:
            fields.append([key, value.strip()])
        elif line.startswith("  ") and fields:
            fields[-1][1] += "\n" + line.strip()
        elif line.strip() and not line.startswith("#"):
            sys.exit(f"{path}: cannot read: {line}")
    return [(name, *hunks(name, fields)) for name, fields in defects]


def hunks(name, fields):
    killers, found, file = [], [], None
    for at, (key, value) in enumerate(fields):
        if key == "killed by":
            killers = [each.strip() for each in value.split(",")]
        elif key == "in":
            file = value
        elif key in ("expression", "statement"):
            if at + 1 == len(fields) or fields[at + 1][0] != "becomes":
                sys.exit(f"{name}: {key} without becomes")
            found.append((file, key, value, fields[at + 1][1]))
    if not killers or not found:
        sys.exit(f"{name}: nobody kills it, or it changes nothing")
    return killers, found


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
    for number, (defect, _, changes) in enumerate(defects):
        for file, kind, old, new in changes:
            if file == name:
                span = find(text, old, f"{defect}, {name}")
                spans.setdefault((span, kind), []).append((number, new))
    out, last = [], len(text)
    for (span, kind), planted in sorted(spans.items(), reverse=True):
        if span[1] > last:
            sys.exit(f"{name}: two defects overlap:\n{text[span[0]:span[1]]}")
        made = text[span[0]:span[1]]
        for number, new in planted:
            # Hides the orders in `new` from sweep, which counts the original ones.
            new = ORDER.sub(lambda m: "kept_order_" + m[1], new)
            if kind == "expression":
                made = f"(::holdfast::model::Planted({number}) ? ({new}) : ({made}))"
            else:
                made = f"if (::holdfast::model::Planted({number})) {{ {new} }} else {{ {made} }}"
        out[:0] = [made, text[span[1]:last]]
        last = span[0]
    return text[:last] + "".join(out)


def sweep(name, original, text, sites):
    """`text` with its orders behind switches. `sites` gets (place, line, order)."""
    lines = [(original.count("\n", 0, m.start()) + 1, m[1])
             for m in ORDER.finditer(original)]
    used = iter(lines)

    def switch(match):
        line, order = next(used)
        if order != match[1]:
            sys.exit(f"{name}: a defect moves an order")
        sites.append((f"{name}:{line}", original.split("\n")[line - 1].strip(), order))
        return f"::holdfast::model::Order({len(sites) - 1}, {match[0]})"

    text = ORDER.sub(switch, text)
    return text.replace("kept_order_", "std::memory_order_")


def main(defects_path, table, prefix, out_dir, *headers):
    defects, sites = parse(defects_path), []
    for header in headers:
        name = header[header.index(prefix) + len(prefix):]
        with open(header, encoding="utf-8") as f:
            original = f.read()
        text = sweep(name, original, plant(name, original, defects), sites)
        include = '#include "tests/model/mutation.h"\n'
        text = re.sub(r"(#define HOLDFAST_\w+_H_\n)", lambda m: m[1] + include, text, count=1)
        os.makedirs(os.path.dirname(os.path.join(out_dir, name)), exist_ok=True)
        with open(os.path.join(out_dir, name), "w", encoding="utf-8") as f:
            f.write(text)
    files = {file for _, _, changes in defects for file, *_ in changes}
    for file in files:
        if not any(header.endswith(prefix + file) for header in headers):
            sys.exit(f"{defects_path}: no file {file}")
    with open(table, "w", encoding="utf-8") as f:
        for number, (place, line, order) in enumerate(sites):
            text = line.replace("\\", "\\\\").replace('"', '\\"')
            for weaker in WEAKER.get(order, []):
                f.write(f'WEAKENED({number}, "{place}", "{text}", {order}, {weaker})\n')
        for number, (name, killers, _) in enumerate(defects):
            f.write(f'PLANTED({number}, "{name}", "{",".join(killers)}")\n')


main(*sys.argv[1:])
