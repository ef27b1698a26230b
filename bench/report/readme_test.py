"""Tests readme.py on made-up results."""

import contextlib
import io
import json
import os
import tempfile
import unittest

from bench.report import readme, results

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "testdata", "small.json")
NAME = "v0-0-0-made-up.made-up-cpu-1.2026-11-23.g++-12-2-0.json"


class ReadmeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        with open(DATA, encoding="utf-8") as file:
            self.data = json.load(file)
        self.write("README.md", f"# Title\n\n{readme.BEGIN}an earlier table\n{readme.END}\n"
                   "After\n")

    def write(self, name, text):
        with open(os.path.join(self.root, name), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name="README.md"):
        with open(os.path.join(self.root, name), encoding="utf-8") as file:
            return file.read()

    def call(self, *argv):
        """(exit status, output)"""
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = readme.main(["--root", self.root, *argv])
        return status, out.getvalue()

    def add(self):
        self.write("report.json", json.dumps(self.data))
        return self.call("--add", os.path.join(self.root, "report.json"))

    def test_writes_the_table_with_its_losses_and_leaves_the_rest(self):
        self.assertEqual(self.add()[0], 0)
        text = self.read()
        self.assertTrue(text.startswith("# Title\n\n") and text.endswith("\n\nAfter\n"))
        self.assertNotIn("earlier table", text)
        self.assertRegex(text, r"\| for each, .*\*\*mutex is ahead here: 1\.\d+ ×\*\* \|")
        self.assertRegex(text, r"holdfast\s+is\s+behind\s+in\s+\d+")
        self.assertEqual(self.call("--check")[0], 0)

    def test_check_finds_a_changed_number_and_newer_results(self):
        self.add()
        self.write("README.md", self.read().replace("handles | 1.", "handles | 7.", 1))
        status, out = self.call("--check")
        self.assertEqual(status, 1)
        self.assertIn("-| read, 1,000 handles | 7.", out)
        self.assertIn("handles | 7.", self.read())
        for entry in self.data["benchmarks"]:
            if entry["name"] == "cold_start/holdfast":
                entry["ns"] = [2 * value for value in entry["ns"]]
        for day, data in [("2026-12-01", json.dumps(self.data)), ("2025-12-01", "{}")]:
            self.write(os.path.join(readme.FOLDER, f"z.cpu.{day}.g++.json"), data)
        self.assertIn("+| creation to first pin", self.call("--check")[1])

    def test_added_results_are_trimmed_and_named(self):
        self.data["context"]["host_name"] = "secret"
        self.data["benchmarks"] += [{"name": "write/urcu/threads:9", "ns": 1.23456,
                                     "real_time": 1.0} for _ in range(3)]
        self.add()
        kept = self.read(os.path.join(readme.FOLDER, NAME))
        self.assertIn('{"name":"write/urcu/threads:9","ns":[1.235,1.235,1.235]}', kept)
        self.assertNotIn("secret", kept)
        before, after = results.parse(json.dumps(self.data)), results.parse(kept)
        self.assertEqual({each.name for each in before.all}, {each.name for each in after.all})

    def test_what_cannot_be_is_explained(self):
        self.data["context"]["quick"] = True
        self.assertIn("a quick run", self.add()[1])
        self.data["context"]["quick"] = False
        self.write("README.md", "# Title\n")
        status, out = self.add()
        self.assertEqual(status, 2)
        self.assertIn(readme.BEGIN, out)


if __name__ == "__main__":
    unittest.main()
