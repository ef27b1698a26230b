#!/usr/bin/env python3
"""Tests order_lint.py: a small tree that is clean, and one for each rule that
breaks it alone."""

import os
import subprocess
import sys
import tempfile
import unittest

LINT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "order_lint.py")
CODE = "include/flag.h"
DESIGN = "docs/design.md"
TEST = "tests/flag_test.cc"
MODEL = "tests/model/flag_scenarios.cc"

CLEAN = {
    DESIGN: """\
## Invariants

| | |
|---|---|
| INV-1 | The flag never falls. |

## Edges

| edge | writer | scenario |
|---|---|---|
| raise | Raise | `raise_look` |
""",
    CODE: """\
void Raise() {
  // order: release -> raise. [INV-1]
  flag.store(1, std::memory_order_release);
}
""",
    "src/flag.cc": """\
bool Look() {
  // order: acquire <- raise.
  return flag->load(std::memory_order_acquire) != 0;
}
""",
    TEST: "// [INV-1]\n",
    MODEL: 'Scenario("raise_look", RaiseLook);\n',
}

ALL_FORMS = """\
// Text may say flag.load() and volatile; "so may // literals".
const char* text = "flag.load() volatile";
/* And so may
   flag.load(). */
uint32_t Forms() {
  // Two sentences. order: relaxed. One operation over
  // several lines.
  const uint64_t wide =
      uint64_t{1} << Shift(flag
                               .load(std::memory_order_relaxed), '"');

  // order: relaxed, both. Two statements, one inside the other.
  if (flag.load(std::memory_order_relaxed) == 0) {
    flag.store(1, std::memory_order_relaxed);
  }

  // order: relaxed, both. The failure order is the second.
  flag.compare_exchange_strong(old, 1, std::memory_order_relaxed,
                               std::memory_order_relaxed);
  // order: relaxed, all. Up to the blank line.
  uint32_t seen = flag.load(std::memory_order_relaxed);
  do {
    if (seen == 9) return 0;
  } while (!flag.compare_exchange_weak(
      seen, 1, std::memory_order_relaxed, std::memory_order_relaxed));

  do {
    if (seen == 9) return 0;
    // order: release -> raise: why; acquire <- raise, raise; and so on. Failure
    // relaxed: why.
  } while (!flag.compare_exchange_weak(
      seen, 1, std::memory_order_acq_rel, std::memory_order_relaxed));

  // order: failure acquire <- raise. Success acquire, stronger than needed:
  // relaxed would do.
  while (!flag.compare_exchange_weak(seen, {1, 2}, std::memory_order_acquire,
                                     std::memory_order_acquire)) {
    // order: acquire <- raise.
    seen = flag.fetch_or(1, std::memory_order_acquire);
  }
  // order: relaxed.
  return flag.exchange(1, std::memory_order_relaxed);
}
"""


def lint(tree):
    """Exit code and lines of order_lint.py for {path: text}."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in tree.items():
            file = os.path.join(root, path)
            os.makedirs(os.path.dirname(file), exist_ok=True)
            with open(file, "w", encoding="utf-8") as f:
                f.write(text)
        done = subprocess.run([sys.executable, LINT, root], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout.decode().splitlines()


class OrderLintTest(unittest.TestCase):
    def expect(self, tree, place, message):
        """The linter's one complaint is `message`, or starts so, at `place`."""
        code, lines = lint(tree)
        self.assertEqual(code, 1, lines)
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith(f"{place}: {message}"), lines[0])

    def expect_in_code(self, statements, line, message):
        """The same for a function with these statements, counted from line 1."""
        tree = {**CLEAN, "src/more.cc": "void More() {\n" + statements + "}\n"}
        self.expect(tree, f"src/more.cc:{line + 1}", message)

    def expect_edited(self, path, old, new, place, message):
        """The same for the clean tree with `old` replaced in a file."""
        self.assertIn(old, CLEAN[path])
        self.expect({**CLEAN, path: CLEAN[path].replace(old, new)}, place, message)

    # --- What is right -----------------------------------------------------------

    def test_clean_tree(self):
        self.assertEqual(
            lint(CLEAN), (0, ["order_lint: 2 operations, 1 edges, 1 invariants"]))

    def test_all_forms(self):
        self.assertEqual(
            lint({**CLEAN, "src/all_forms.cc": ALL_FORMS}),
            (0, ["order_lint: 12 operations, 1 edges, 1 invariants"]))

    def test_invariant_may_be_cited_by_stress(self):
        tree = {**CLEAN, TEST: "", "stress/soak.h": "// [INV-1]\n"}
        self.assertEqual(lint(tree)[0], 0)

    # --- Orders and comments -------------------------------------------------------

    def test_no_order(self):
        for call, orders in [("load()", "0 of 1"),
                             ("load(std::memory_order_seq_cst)", "0 of 1"),
                             ("load(std::memory_order_consume)", "0 of 1"),
                             ("load(order)", "0 of 1"),
                             ("store(1)", "0 of 1"),
                             ("exchange(f(1, std::memory_order_relaxed))", "0 of 1"),
                             ("fetch_add(1)", "0 of 1"),
                             ("compare_exchange_weak(a, b)", "0 of 2"),
                             ("compare_exchange_strong(\n"
                              "      a, b, std::memory_order_relaxed)", "1 of 2")]:
            for access in [".", "->"]:
                with self.subTest(call=call, access=access):
                    name = call.partition("(")[0]
                    self.expect_in_code(
                        f"  // order: relaxed.\n  flag{access}{call};\n", 2,
                        f"{name} names {orders} orders; write std::memory_order_")

    def test_orders_that_are_passed_on(self):
        code = ("bool Pass(std::memory_order success, std::memory_order failure) {\n"
                "  return flag.%s;\n}\n")
        tree = {**CLEAN, "src/more.cc": code % "compare_exchange_weak(a, b, success, "
                                                "failure)"}
        self.assertEqual(
            lint(tree), (0, ["order_lint: 2 operations, 1 edges, 1 invariants"]))
        tree["src/more.cc"] = code % "compare_exchange_weak(a, b, success, other)"
        self.assertIn("src/more.cc:2: compare_exchange_weak names 0 of 2 orders; "
                      "write std::memory_order_relaxed, _acquire, _release, _acq_rel",
                      lint(tree)[1])
        tree["src/more.cc"] = code % "load(order)"
        self.assertEqual(lint(tree)[0], 1)

    def test_no_comment(self):
        load = "  flag.load(std::memory_order_relaxed);\n"
        for before in ["", "  // Why not.\n", "  // order: relaxed.\n\n  Other();\n",
                       "  // order: relaxed.\n" + load,
                       "  // order: relaxed, both.\n" + load + load + "\n"]:
            with self.subTest(before=before):
                tree = {**CLEAN, "src/more.cc": "void F() {\n" + before + load + "}\n"}
                lines = lint(tree)[1]
                self.assertIn(f"src/more.cc:{before.count(chr(10)) + 2}: load has no "
                              "order: comment; argue its order directly before the "
                              "statement", lines)

    def test_no_comment_alone(self):
        self.expect_in_code("  flag.load(std::memory_order_relaxed);\n", 1,
                            "load has no order: comment")

    def test_comment_alone(self):
        self.expect_in_code("  // order: relaxed.\n  Other();\n", 1,
                            "an order: comment without an operation")
        self.expect_in_code("  // order: relaxed.\n", 1,
                            "an order: comment without an operation")

    def test_one_comment_for_several(self):
        self.expect_in_code(
            "  // order: relaxed.\n"
            "  Use(flag.load(std::memory_order_relaxed),\n"
            "      flag.load(std::memory_order_relaxed));\n", 1,
            "one order: comment for 2 operations")

    def test_both_and_all_count(self):
        load = "  flag.load(std::memory_order_relaxed);\n"
        self.expect_in_code("  // order: relaxed, both.\n" + 3 * load, 1,
                            '"relaxed, both" covers relaxed, relaxed, relaxed;')
        self.expect_in_code("  // order: relaxed, all.\n" + 2 * load, 1,
                            '"relaxed, all" covers relaxed, relaxed;')
        self.expect_in_code(
            "  // order: relaxed, both.\n" + load
            + "  flag.load(std::memory_order_acquire);\n", 1,
            '"relaxed, both" covers relaxed, acquire;')

    def test_order_that_is_not_argued(self):
        weak = "  flag.compare_exchange_weak(a, b, std::memory_order_%s,\n" \
               "                             std::memory_order_%s);\n"
        for comment, code, order in [
                ("Why.", "  flag.load(std::memory_order_relaxed);\n", "relaxed"),
                ("Why.", "  flag.load(std::memory_order_acquire);\n", "acquire"),
                ("Why.", "  flag.store(1, std::memory_order_release);\n", "release"),
                ("acquire <- raise.",
                 "  flag.exchange(1, std::memory_order_acq_rel);\n", "release"),
                ("release -> raise.",
                 "  flag.exchange(1, std::memory_order_acq_rel);\n", "acquire"),
                ("acquire <- raise.", weak % ("acquire", "relaxed"),
                 "failure relaxed"),
                ("acquire <- raise.", weak % ("acquire", "acquire"),
                 "failure acquire"),
                ("failure acquire <- raise.", weak % ("acquire", "acquire"),
                 "acquire")]:
            with self.subTest(comment=comment, code=code):
                name = code.strip()[5:].partition("(")[0]
                self.expect_in_code(
                    f"  // order: {comment}\n" + code, 2,
                    f"{name} has {order}, which its comment does not argue")

    def test_claim_that_the_code_has_not(self):
        load = "  flag.load(std::memory_order_relaxed);\n"
        for comment, claim in [("release -> raise.", "release"),
                               ("acquire <- raise.", "acquire"),
                               ("acquire, stronger than needed.", "acquire"),
                               ("Failure relaxed.", "failure relaxed"),
                               ("Failure acquire <- raise.", "failure acquire")]:
            with self.subTest(comment=comment):
                self.expect_in_code(
                    f"  // order: relaxed. {comment}\n" + load, 1,
                    f"the comment claims {claim}, which load has not")

    def test_banned(self):
        for statement in ["std::atomic_thread_fence(order)",
                          "std::atomic_signal_fence(order)",
                          "std::atomic_load_explicit(&flag, order)",
                          "std::atomic_flag spin", "volatile int spin"]:
            with self.subTest(statement=statement):
                word = statement.replace("std::", "").replace("(", " ").split()[0]
                self.expect_in_code(f"  {statement};\n", 1, f"{word}: ")

    def test_no_operation(self):
        tree = {**CLEAN, CODE: "// [INV-1]\n", "src/flag.cc": "",
                DESIGN: CLEAN[DESIGN].partition("## Edges")[0]}
        self.expect(tree, "include:1", "no atomic operation")

    def test_no_design(self):
        self.expect({CODE: CLEAN[CODE]}, DESIGN + ":1", "not found")

    # --- Edges ---------------------------------------------------------------------

    def test_unknown_edge(self):
        for comment, name in [("raise, rise.", "rise"), ("raise, for him.", "for him"),
                              ("raise", "raise")]:
            with self.subTest(comment=comment):
                self.expect_in_code(
                    f"  // order: acquire <- {comment}\n"
                    "  flag.load(std::memory_order_acquire);\n", 1,
                    f'"{name}" is no edge in docs/design.md')

    def test_edge_without_an_end(self):
        for path, claim, weaker, end in [
                (CODE, "release -> raise", "release, stronger than needed", "release"),
                ("src/flag.cc", "acquire <- raise", "acquire, stronger than needed",
                 "acquire")]:
            with self.subTest(end=end):
                self.expect_edited(path, claim, weaker, DESIGN + ":11",
                                   f"edge raise has no {end} end")

    def test_edge_without_a_scenario(self):
        for cell in ["", "raise_look"]:
            self.expect_edited(DESIGN, "`raise_look`", cell, DESIGN + ":11",
                               "edge raise names no scenario")

    def test_no_scenario_column(self):
        self.expect_edited(DESIGN, "| scenario |", "| test |", DESIGN + ":11",
                           "edge raise names no scenario")

    def test_unknown_scenario(self):
        self.expect_edited(DESIGN, "`raise_look`", "`raise_look`, `look_raise`",
                           DESIGN + ":11", "edge raise names scenario look_raise, "
                           "which tests/model lacks")

    def test_no_model(self):
        tree = dict(CLEAN)
        tree["tests/model/explorer.cc"] = tree.pop(MODEL)
        self.expect(tree, "tests/model:1", "no *scenarios* file")

    # --- Invariants ----------------------------------------------------------------

    def test_invariant_that_is_not_cited(self):
        self.expect_edited(CODE, " [INV-1]", "", DESIGN + ":5",
                           "INV-1 is not cited in include or src")
        self.expect_edited(TEST, "// [INV-1]", "", DESIGN + ":5",
                           "INV-1 is not cited in tests or stress")

    def test_unknown_invariant(self):
        for path in [CODE, TEST, DESIGN, "stress/soak.h"]:
            with self.subTest(path=path):
                text = "// [INV-2]\n" + CLEAN.get(path, "")
                self.expect({**CLEAN, path: text}, path + ":1",
                            "[INV-2] is no row in docs/design.md")


if __name__ == "__main__":
    unittest.main()
