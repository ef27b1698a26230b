"""Tests readme.py: the table, its check, and how results are kept."""

import contextlib
import io
import json
import os
import tempfile
import unittest

from bench.report import model, readme

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "testdata", "small.json")
NAME = "abc123.made-up.2026-11-23.g++-12-2-0.json"


class ReadmeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        os.makedirs(os.path.join(self.root, readme.RESULTS))
        self.write("README.md", "# Title\n\n"
                   f"{readme.BEGIN}\nearlier table\n{readme.END}\n\nAfter\n")

    def write(self, path, text):
        with open(os.path.join(self.root, path), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, path="README.md"):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()

    def keep(self, name=NAME, change=lambda data: None):
        with open(DATA, encoding="utf-8") as file:
            data = json.load(file)
        change(data)
        self.write(os.path.join(readme.RESULTS, name), json.dumps(data))

    def call(self, *argv):
        """(exit status, what was printed)"""
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = readme.main(["--root", self.root, *argv])
        return status, out.getvalue()

    def test_without_results_there_is_nothing_to_check(self):
        status, out = self.call("--check")
        self.assertEqual(status, 0)
        self.assertIn("no JSON yet", out)

    def test_writes_the_table_and_leaves_the_rest(self):
        self.keep()
        self.assertEqual(self.call("--check")[0], 1)
        self.assertEqual(self.call()[0], 0)
        text = self.read()
        self.assertTrue(text.startswith("# Title\n\n") and text.endswith("\n\nAfter\n"))
        self.assertNotIn("earlier table", text)
        self.assertEqual(self.call("--check")[0], 0)

    def test_losses_are_in_the_table(self):
        self.keep()
        self.call()
        self.assertRegex(self.read(), r"\| for each, .*\*\*mutex is ahead here: 1\.\d+ ×\*\* \|")
        self.assertRegex(self.read(), r"holdfast\s+is\s+behind\s+in\s+\d+")

    def test_check_finds_a_changed_number(self):
        self.keep()
        self.call()
        self.write("README.md", self.read().replace("handles | 1.", "handles | 7.", 1))
        status, out = self.call("--check")
        self.assertEqual(status, 1)
        self.assertIn("- | read, 1,000 handles | 7.", out)
        self.assertIn("handles | 7.", self.read())

    def test_check_finds_changed_results(self):
        self.keep()
        self.call()

        def slower(data):
            for entry in data["benchmarks"]:
                if entry["name"].startswith("cold_start/holdfast"):
                    entry["ns"] = [2 * value for value in entry["ns"]]
        self.keep(change=slower)
        status, out = self.call("--check")
        self.assertEqual(status, 1)
        self.assertIn("+ | creation to first pin", out)

    def test_the_newest_results_count(self):
        folder = os.path.join(self.root, readme.RESULTS)
        for name in ["b.cpu.2026-11-23.g++.json", "y.cpu.2026-12-01.g++.json",
                     "y.cpu.2026-12-01.clang.json", "z.cpu.2025-12-01.g++.json"]:
            self.keep(name)
        self.assertEqual(os.path.basename(readme.newest(folder)),
                         "y.cpu.2026-12-01.clang.json")

    def test_bad_names_and_missing_markers_are_explained(self):
        self.keep("results.json")
        self.assertEqual(self.call("--check")[0], 2)
        os.remove(os.path.join(self.root, readme.RESULTS, "results.json"))
        self.keep()
        self.write("README.md", "# Title\n")
        status, out = self.call()
        self.assertEqual(status, 2)
        self.assertIn(readme.BEGIN, out)

    def test_added_results_are_trimmed_and_named(self):
        with open(DATA, encoding="utf-8") as file:
            data = json.load(file)
        data["context"]["host_name"] = "secret"
        data["benchmarks"] += [{"name": "write/urcu/threads:9", "ns": 1.23456,
                                "real_time": 1.0} for _ in range(3)]
        path = os.path.join(self.root, "report.json")
        self.write("report.json", json.dumps(data))
        status, out = self.call("--add", path)
        self.assertEqual(status, 0, out)
        name = "v0-0-0-made-up.made-up-cpu-1.2026-11-23.g++-12-2-0.json"
        kept = self.read(os.path.join(readme.RESULTS, name))
        self.assertIn('{"name":"write/urcu/threads:9","ns":[1.235,1.235,1.235]}', kept)
        self.assertNotIn("secret", kept)
        before, after = model.parse(json.dumps(data)), model.parse(kept)
        self.assertEqual(sorted(each.name for each in before.all),
                         sorted(each.name for each in after.all))

    def test_quick_and_failed_results_are_not_kept(self):
        for change in [lambda data: data["context"].update(quick=True),
                       lambda data: data["benchmarks"].append(
                           {"name": "write/tbb/threads:9", "error_occurred": True})]:
            with open(DATA, encoding="utf-8") as file:
                data = json.load(file)
            change(data)
            self.write("report.json", json.dumps(data))
            self.assertEqual(self.call("--add", os.path.join(self.root, "report.json"))[0], 2)


if __name__ == "__main__":
    unittest.main()
