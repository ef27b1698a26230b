"""Tests readme.py on made-up results."""

import contextlib
import io
import json
import os
import tempfile
import unittest

from bench.report import readme, results

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "testdata", "small.json")
README = f"# Title\n\n{readme.BEGIN}an earlier table\n{readme.END}\nAfter\n"
NAME = "v0-0-0-made-up.made-up-cpu-1.2026-11-23.g++-12-2-0.json"


class ReadmeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        with open(DATA, encoding="utf-8") as file:
            self.data = json.load(file)
        self.write("README.md", README)

    def write(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

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
        return self.call("--add", self.write("report.json", json.dumps(self.data)))

    def test_writes_the_table_with_its_losses_and_leaves_the_rest(self):
        self.assertEqual(self.add()[0], 0)
        text = self.read()
        self.assertTrue(text.startswith("# Title\n\n") and text.endswith("\n\nAfter\n"))
        self.assertNotIn("earlier table", text)
        self.assertRegex(text, r"\| for each, .*\*\*mutex is ahead here: 1\.\d+ ×\*\* \|")
        self.assertRegex(text, r"holdfast\s+is\s+behind\s+in\s+\d+")
        self.assertEqual(self.call("--check")[0], 0)

    def test_check_finds_a_changed_number_and_changed_results(self):
        self.add()
        self.write("README.md", self.read().replace("handles | 1.", "handles | 7.", 1))
        status, out = self.call("--check")
        self.assertEqual(status, 1)
        self.assertIn("-| read, 1,000 handles | 7.", out)
        self.assertIn("handles | 7.", self.read())
        for entry in self.data["benchmarks"]:
            if entry["name"] == "cold_start/holdfast":
                entry["ns"] = [2 * value for value in entry["ns"]]
        self.write(os.path.join(readme.FOLDER, "a.b.2026-12-01.c.json"), json.dumps(self.data))
        status, out = self.call("--check")
        self.assertEqual(status, 1)
        self.assertIn("+| creation to first pin", out)

    def test_the_newest_results_count_and_other_names_are_refused(self):
        folder = os.path.join(self.root, readme.FOLDER)
        self.assertIsNone(readme.newest(folder))
        self.assertEqual(self.call("--check")[0], 0)
        for name in ["b.cpu.2026-11-23.g++.json", "y.cpu.2026-12-01.g++.json",
                     "y.cpu.2026-12-01.clang.json", "z.cpu.2025-12-01.g++.json"]:
            self.write(os.path.join(readme.FOLDER, name), "{}")
        self.assertEqual(os.path.basename(readme.newest(folder)), "y.cpu.2026-12-01.clang.json")
        self.write(os.path.join(readme.FOLDER, "results.json"), "{}")
        self.assertEqual(self.call("--check")[0], 2)

    def test_missing_markers_are_explained(self):
        self.write("README.md", "# Title\n")
        status, out = self.add()
        self.assertEqual(status, 2)
        self.assertIn(readme.BEGIN, out)

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

    def test_quick_and_failed_results_are_not_kept(self):
        self.data["context"]["quick"] = True
        self.assertEqual(self.add()[0], 2)
        self.data["context"]["quick"] = False
        self.data["benchmarks"].append({"name": "write/tbb/threads:9", "error_occurred": True})
        self.assertEqual(self.add()[0], 2)


if __name__ == "__main__":
    unittest.main()
