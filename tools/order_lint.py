#!/usr/bin/env python3
"""Checks the memory orders of include/ and src/ against docs/design.md.

usage: tools/order_lint.py [ROOT]

Every atomic operation must name its orders as std::memory_order_*, and a comment
must give the reason for them, directly before the statement or before its last line:

  // order: relaxed. Why.
  // order: release -> EDGE, EDGE. Why.
  // order: acquire <- EDGE: why; release -> EDGE: why. Failure relaxed: why.
  // order: acquire, stronger than needed. Why. Failure acquire <- EDGE: why.
  // order: relaxed, both. Why.  (`all` for more than two: of one statement, or
  // of several without a blank line; a compare-exchange has two.)

A function that takes a std::memory_order and passes it on argues nothing: its
callers do.

An edge is a pair of a release and an acquire operation that synchronize. A list of
edges ends with a period, a semicolon or a colon. Each edge must be a row of "Edges"
in the design, must have both ends in the code, and must name scenarios of tests/model
that fail when it is weakened. Each row of "Invariants" must be cited as [INV-n] by the
code and by a test.

The linter reads text, not C++. It does not see an atomic that is used through a
conversion or an operator (x = 1, ++x, if (x)), which is sequentially consistent.
"""

import os
import re
import sys
from collections import namedtuple

DESIGN = "docs/design.md"
MODEL = "tests/model"

OPERATION = re.compile(r"(?:\.|->)\s*(load|store|exchange|fetch_\w+|"
                       r"compare_exchange_(?:weak|strong|both))\s*\(")
# compare_exchange_both says nothing of the two words if it fails, and has one order.
TWO_ORDERS = ("compare_exchange_weak", "compare_exchange_strong")
ORDER = re.compile(r"std::memory_order_(relaxed|acquire|release|acq_rel)")
BANNED = {
    r"\batomic_(?:thread|signal)_fence\b":
        "ThreadSanitizer does not model fences; order an operation instead",
    r"\batomic_(?:load|store|exchange|fetch|compare|flag)\w*":
        "not checked here; use a member of an Atomic",
    r"\bvolatile\b": "it orders nothing; use an Atomic",
}

# The orders that a comment states; "failure" means that of a failed operation.
ARROW = re.compile(r"(failure )?\b(release(?= ->)|acquire(?= <-)) .. *"
                   r"([^.;:]*)([.;:]?)", re.I)
RELAXED = re.compile(r"(?:order: |(failure ))(relaxed)\b", re.I)
STRONGER = re.compile(r"(failure )?\b(acquire|release), stronger than needed", re.I)
SEVERAL = re.compile(r"order: relaxed, (both|all)\b")
ARROWS = {"release": "release ->", "acquire": "acquire <-"}

COMMENT_OR_LITERAL = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'
                                r"'(?:\\.|[^'\\\n])'", re.S)
COMMENT_BLOCK = re.compile(r"^(?:[ \t]*//[^\n]*\n)+", re.M)
PARAGRAPH_END = re.compile(r"\n *(?:\n|//[^\n]*order:|\}(?! while))|\Z")

# An operation must name `wanted` orders: one, or two if it can fail. `orders` are
# those that it names.
Operation = namedtuple("Operation", "at name wanted orders")
# A comment is about the operations in code[begin:end].
Comment = namedtuple("Comment", "at text begin end")


class Lint:
    def __init__(self, root):
        self.root = root
        self.errors = set()
        self.operations = 0
        self.ends = set()  # (edge, "release" or "acquire")
        self.edges = self.table("Edges", r"\w+")
        self.invariants = self.table("Invariants", r"INV-\d+")

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as f:
            return f.read()

    def sources(self, *folders):
        return sorted(os.path.relpath(os.path.join(parent, name), self.root)
                      for folder in folders
                      for parent, _, names in os.walk(os.path.join(self.root, folder))
                      for name in names if name.endswith((".h", ".cc")))

    def table(self, heading, key):
        """Returns the table below a heading: {key: (line, {column: cell})}."""
        rows, columns, section = {}, None, None
        for number, line in enumerate(self.read(DESIGN).split("\n"), 1):
            if line.startswith("## "):
                section = line[3:].strip()
            if section == heading and line.startswith("|"):
                cells = [cell.strip() for cell in line.strip("|").split("|")]
                columns = columns or cells
                if cells is not columns and re.fullmatch(key, cells[0]):
                    rows[cells[0]] = (number, dict(zip(columns, cells)))
        return rows

    def check_source(self, path):
        text = self.read(path)
        code = COMMENT_OR_LITERAL.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)

        def error(at, message):
            self.errors.add((path, text.count("\n", 0, at) + 1, message))

        for pattern, advice in BANNED.items():
            for match in re.finditer(pattern, code):
                error(match.start(), f"{match[0]}: {advice}")
        operations = [operation(code, match) for match in OPERATION.finditer(code)
                      if not passes_on(code, match)]
        self.operations += len(operations)
        for op in operations:
            if len(op.orders) != op.wanted:
                error(op.at, f"{op.name} names {len(op.orders)} of {op.wanted} orders; "
                      "write std::memory_order_relaxed, _acquire, _release, _acq_rel")
        for comment in order_comments(text, code):
            covered = [op for op in operations
                       if comment.begin <= op.at < comment.end]
            operations = [op for op in operations if op not in covered]
            check_comment(comment, covered, error)
            self.check_edges(comment, error)
        for op in operations:
            error(op.at, f"{op.name} has no order: comment; argue its order "
                  "directly before the statement")

    def check_edges(self, comment, error):
        for _, end, names, stop in ARROW.findall(comment.text):
            for name in names.split(","):
                if stop and name.strip() in self.edges:
                    self.ends.add((name.strip(), end.lower()))
                else:
                    error(comment.at, f'"{name.strip()}" is no edge in {DESIGN}; '
                          "correct it, add a row, or end the list with . ; or :")

    def check_design(self, scenarios):
        for edge, (line, row) in self.edges.items():
            for end, arrow in ARROWS.items():
                if (edge, end) not in self.ends:
                    self.errors.add((DESIGN, line, f"edge {edge} has no {end} end; "
                                     f'argue one in the code as "{arrow} {edge}", '
                                     "or delete the row"))
            names = re.findall(r"`(\w+)`", row.get("scenario", ""))
            if not names:
                self.errors.add((DESIGN, line, f"edge {edge} names no scenario; add "
                                 "one that fails when it is weakened"))
            for name in names:
                if scenarios and name not in scenarios:
                    self.errors.add((DESIGN, line, f"edge {edge} names scenario "
                                     f"{name}, which {MODEL} lacks; write it, or "
                                     "correct the name"))

    def scenarios(self):
        files = [path for path in self.sources(MODEL)
                 if "scenarios" in os.path.basename(path)]
        if not files:
            self.errors.add((MODEL, 1, "no *scenarios* file; add the model (under "
                             "Bazel also to the data of //tools:order_lint)"))
        return {name for path in files
                for name in re.findall(r'"(\w+)"', self.read(path))}

    def citations(self, paths):
        cited = set()
        for path in paths:
            for number, line in enumerate(self.read(path).split("\n"), 1):
                for name in re.findall(r"\[(INV-\d+)\]", line):
                    cited.add(name)
                    if name not in self.invariants:
                        self.errors.add((path, number, f"[{name}] is no row in "
                                         f"{DESIGN}; correct it, or add the row"))
        return cited

    def check_invariants(self):
        self.citations([DESIGN])
        for folders in [("include", "src"), ("tests", "stress")]:
            cited = self.citations(self.sources(*folders))
            for name, (line, _) in self.invariants.items():
                if name not in cited:
                    self.errors.add((DESIGN, line, f"{name} is not cited in "
                                     f"{' or '.join(folders)}; write [{name}] where "
                                     "it is relied on and where it is tested"))

    def run(self):
        for path in self.sources("include", "src"):
            self.check_source(path)
        if self.operations == 0:
            self.errors.add(("include", 1, "no atomic operation; is ROOT right?"))
        self.check_design(self.scenarios())
        self.check_invariants()
        for path, line, message in sorted(self.errors):
            print(f"{path}:{line}: {message}")
        if not self.errors:
            print(f"order_lint: {self.operations} operations, {len(self.edges)} "
                  f"edges, {len(self.invariants)} invariants")
        return 1 if self.errors else 0


def passes_on(code, match):
    """Whether the operation's orders are parameters of the function it is in."""
    wanted = 2 if match[1] in TWO_ORDERS else 1
    parameters = re.findall(r"std::memory_order (\w+)", code)
    return set(arguments(code, match.end())[-wanted:]) <= set(parameters)


def operation(code, match):
    orders = [ORDER.fullmatch(each) for each in arguments(code, match.end())]
    wanted = 2 if match[1] in TWO_ORDERS else 1
    return Operation(match.start(), match[1], wanted,
                     [each[1] for each in orders if each])


def arguments(code, begin):
    """Returns the arguments of the call whose parenthesis opens before `begin`."""
    found, depth, start = [], 0, begin
    for at in range(begin, len(code)):
        if code[at] in ",)" and depth == 0:
            found.append(code[start:at].strip())
            start = at + 1
        depth += (code[at] in "([{") - (code[at] in ")]}")
        if depth < 0:
            break
    return found


def order_comments(text, code):
    for block in COMMENT_BLOCK.finditer(text):
        lines = [line.strip(" \t/") for line in block[0].split("\n")]
        _, order, argument = " ".join(lines).partition("order: ")
        if order:
            end = statement_end(code, block.end())
            if SEVERAL.match(order + argument):
                end = max(end, PARAGRAPH_END.search(text, block.end()).start())
            yield Comment(block.start() + block[0].index("order:"),
                          order + argument, block.end(), end)


def statement_end(code, begin):
    """Returns where the statement ends: at its semicolon, at the { of a block that
    follows, or at the end of the scope."""
    depth = 0
    for at in range(begin, len(code)):
        opens_block = re.compile(r"\{[ \t]*\n").match(code, at)
        if depth == 0 and (code[at] == ";" or opens_block):
            return at
        if code.startswith("} while", at) and depth == 0:
            continue
        depth += (code[at] in "([{") - (code[at] in ")]}")
        if depth < 0:
            return at
    return len(code)


def check_comment(comment, covered, error):
    several = SEVERAL.match(comment.text)
    orders = [order for op in covered for order in op.orders]
    explicit = len(orders) == sum(op.wanted for op in covered)
    if not covered:
        error(comment.at, "an order: comment without an operation; put it directly "
              "before the statement")
    elif several and explicit:
        fits = len(orders) == 2 if several[1] == "both" else len(orders) > 2
        if not fits or set(orders) != {"relaxed"}:
            error(comment.at, f'"relaxed, {several[1]}" covers {", ".join(orders)}; '
                  "`both` is for two that are relaxed, `all` for more")
    elif len(covered) > 1:
        error(comment.at, f"one order: comment for {len(covered)} operations; give "
              'each its own, or write "order: relaxed, both" or "all"')
    elif explicit:
        compare(covered[0], comment, error)


def compare(op, comment, error):
    """Reports each difference between the orders of the code and of the comment.
    Both are sets of strings such as "release" and "failure relaxed"."""
    named = {failure + part for failure, order in zip(["", "failure "], op.orders)
             for part in order.replace("acq_rel", "acquire release").split()}
    claimed = {(match[1] or "") + match[2] for pattern in [ARROW, RELAXED, STRONGER]
               for match in pattern.finditer(comment.text)}
    claimed = {claim.lower() for claim in claimed}
    for each in named - claimed:
        error(op.at, f"{op.name} has {each}, which its comment does not argue; write "
              f'"{each}" with its edge or reason')
    for each in claimed - named:
        error(comment.at, f"the comment claims {each}, which {op.name} has not; "
              "correct one of them")


if __name__ == "__main__":
    HERE = os.path.dirname(os.path.abspath(__file__))
    ROOT = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(HERE)
    if not os.path.exists(os.path.join(ROOT, DESIGN)):
        sys.exit(f"{DESIGN}:1: not found; is ROOT right?")
    sys.exit(Lint(ROOT).run())
