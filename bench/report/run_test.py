"""Tests run.py, progress.py and machine.py with scripts in place of the suite."""

import contextlib
import io
import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from bench.report import machine, progress, run

# Writes what it was called with into the context, then does what `{body}` says.
SUITE = """#!{python}
import json, os, sys, time
out = [a.split("=", 1)[1] for a in sys.argv if a.startswith("--benchmark_out=")][0]
entry = {{"name": "write/holdfast/threads:1", "run_type": "iteration", "ns": 5.0}}
data = {{"context": {{"num_cpus": 2, "host_name": "secret", "argv": " ".join(sys.argv[1:])}},
        "benchmarks": [entry, dict(entry, name="write/mutex/threads:1", ns=9.0)]}}
def tell(line):
    print(line, file=sys.stderr, flush=True)
def save(text=None):
    open(out, "w").write(json.dumps(data) if text is None else text)
{body}
"""

WELL = """
tell("CPU Caches: many")
tell("***WARNING*** so it is")
tell("progress 1/2 write/holdfast/threads:1")
tell("a warning")
tell("progress 2/2 write/mutex/threads:1")
save()
"""


class DriverTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("BUILD_W")}
        environment["BUILD_WORKING_DIRECTORY"] = self.folder
        patch = mock.patch.dict(os.environ, environment, clear=True)
        patch.start()
        self.addCleanup(patch.stop)

    def call(self, *argv):
        """(exit status, stdout, stderr)"""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = run.main(list(argv))
            except SystemExit as stop:
                status = stop.code
        return status, out.getvalue(), err.getvalue()

    def suite(self, body):
        path = os.path.join(self.folder, "suite")
        with open(path, "w", encoding="utf-8") as file:
            file.write(SUITE.format(python=sys.executable, body=body))
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return f"--suite={path}"

    def results(self, folder=run.FOLDER):
        with open(os.path.join(self.folder, folder, run.DATA), encoding="utf-8") as file:
            return json.load(file)

    def page(self):
        with open(os.path.join(self.folder, run.FOLDER, run.PAGE), encoding="utf-8") as file:
            return file.read()

    def test_writes_both_files_where_the_user_stands(self):
        status, out, err = self.call(self.suite(WELL))
        self.assertEqual(status, 0, err)
        self.assertIn(os.path.join(self.folder, run.FOLDER, run.PAGE), out)
        self.assertIn("<!DOCTYPE html>", self.page())
        context = self.results()["context"]
        for key in ["commit", "date_utc", "kernel", "governor", "turbo", "smt",
                    "load_at_start", "not_controlled", "run_flags"]:
            self.assertTrue(context[key], key)
        self.assertNotIn("host_name", context)

    def test_output_is_relative_to_the_user(self):
        self.assertEqual(self.call(self.suite(WELL), "--output", "there")[0], 0)
        self.assertEqual(len(self.results("there")["benchmarks"]), 2)

    def test_shows_progress_and_passes_on_the_rest(self):
        err = self.call(self.suite(WELL))[2]
        self.assertIn("1/2  write/holdfast/threads:1\n", err)
        self.assertIn("a warning\n", err)
        self.assertIn("***WARNING*** so it is\n", err)
        self.assertNotIn("CPU Caches", err)  # The report has it.
        err = self.call(self.suite(WELL), "--quick")[2]
        self.assertEqual(err.count("a warning\n"), 1)

    def test_quick_and_filter_reach_the_suite(self):
        self.assertEqual(self.call(self.suite(WELL), "--quick", "--filter", "write/.*")[0], 0)
        context = self.results()["context"]
        self.assertIn("--suite_quick --benchmark_repetitions=1 --benchmark_filter=write/.* ",
                      context["argv"])
        self.assertTrue(context["quick"] and context["partial"])
        self.assertEqual(len(self.results()["benchmarks"]), 2 * run.QUICK_ROUNDS)
        self.assertEqual(self.call(self.suite(WELL))[0], 0)
        self.assertNotIn("quick", self.results()["context"])

    def test_a_failed_benchmark_is_reported_and_fails_the_run(self):
        status, _, err = self.call(self.suite("""
data["benchmarks"].append({"name": "write/tbb/threads:1", "error_occurred": True,
                           "error_message": "wrong sum"})
tell("progress 1/1 x")
save()
"""))
        self.assertEqual(status, 1)
        self.assertIn("write/tbb/threads:1: wrong sum", err)
        self.assertIn("wrong sum", self.page())

    def test_a_crash_leaves_what_was_measured(self):
        status, _, err = self.call(self.suite("""
tell("progress 1/9 write/mutex/threads:1")
save(json.dumps(data, indent=1)[:-20])
os.kill(os.getpid(), 11)
"""))
        self.assertEqual(status, 1)
        self.assertIn("killed by signal 11 at write/mutex/threads:1, run 1 of 9", err)
        self.assertEqual(len(self.results()["benchmarks"]), 1)
        self.assertIn("killed by signal 11", self.page())

    def test_quick_ends_in_time(self):
        with mock.patch.object(run, "QUICK_SECONDS", 0.5):
            status, out, _ = self.call(self.suite("""
tell("progress 1/9 write/mutex/threads:1")
save(json.dumps(data)[:-2] + ",")
time.sleep(60)
"""), "--quick")
        self.assertEqual(status, 0)
        self.assertIn("The time was up: run 1 of 9 in round 1 of 3", out)
        self.assertIn("The time was up: run 1 of 9 in round 1 of 3", self.page())
        self.assertEqual(len(self.results()["benchmarks"]), 2)

    def test_a_suite_that_does_not_run_is_explained(self):
        for body, reason in [("tell('no such flag'); sys.exit(1)", "no such flag"),
                             ("sys.exit(1)", "ran nothing"),
                             ("tell('progress 1/1 x'); save('nonsense')", "not JSON"),
                             ("tell('progress 1/1 x')", "wrote no results")]:
            status, _, err = self.call(self.suite(body))
            self.assertEqual((status, "report: " in err), (2, True), err)
            self.assertIn(reason, err)
            self.assertNotIn("Traceback", err)
        self.assertEqual(self.call("--suite=/nowhere")[0], 2)

    def test_makes_a_report_of_an_existing_file(self):
        self.call(self.suite(WELL), "--output", "first")
        before = self.results("first")
        status, _, err = self.call("--json", os.path.join("first", run.DATA))
        self.assertEqual(status, 0, err)
        self.assertEqual(self.results(), before)

    def test_bad_input_is_explained(self):
        with open(os.path.join(self.folder, "foreign.json"), "w", encoding="utf-8") as file:
            file.write('{"benchmarks": [{"name": "BM_Other/1"}]}')
        for argv, reason in [(["--json", "none.json"], "cannot read"),
                             (["--json", "foreign.json"], "no results of holdfast's suite"),
                             (["--json", "x", "--quick"], "have no meaning"),
                             (["--filter", "("], "no regular expression"),
                             (["--nonsense"], "unrecognized")]:
            status, _, err = self.call(*argv)
            self.assertEqual(status, 2, argv)
            self.assertIn(reason, err)

    def test_help_names_every_option(self):
        status, out, _ = self.call("--help")
        self.assertEqual(status, 0)
        for option in ["--quick", "--output", "--json", "--filter"]:
            self.assertIn(option, out)


class ProgressTest(unittest.TestCase):
    def lines(self, live, count=10, each=10):
        out, now = io.StringIO(), [0]
        shown = progress.Progress(out, lambda: now[0], live)
        for i in range(1, count + 1):
            shown.take(f"progress {i}/{count} name{i}")
            now[0] += each
        return out.getvalue()

    def test_a_terminal_has_one_live_line_with_the_time_left(self):
        text = self.lines(live=True)
        self.assertNotIn("\n", text)
        self.assertIn("5/10, 60 s left  name5", text)

    def test_rounds_are_counted_through(self):
        out = io.StringIO()
        shown = progress.Progress(out, lambda: 0, True, rounds=3, seconds=50)
        shown.take("progress 2/4 a")
        self.assertTrue(shown.next_round())
        shown.take("progress 2/4 b")
        self.assertIn("2/12  a", out.getvalue())
        self.assertIn("6/12, 1 s left  b", out.getvalue())

    def test_elsewhere_lines_are_sparse(self):
        self.assertEqual(self.lines(live=False).count("\n"), 6)
        self.assertEqual(self.lines(live=False, each=1).count("\n"), 2)


class MachineTest(unittest.TestCase):
    def test_reads_what_there_is(self):
        with tempfile.TemporaryDirectory() as root:
            self.assertEqual(machine.governor(root), "could not be read")
            self.assertEqual(machine.turbo(root), "could not be read")
            for path, text in [("cpu0/cpufreq/scaling_governor", "performance"),
                               ("intel_pstate/no_turbo", "1")]:
                full = os.path.join(root, machine.CPU.lstrip("/"), path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as file:
                    file.write(text + "\n")
            self.assertEqual(machine.governor(root), "performance")
            self.assertEqual(machine.turbo(root), "off")

    def test_names_what_was_not_turned_off(self):
        calm = {"governor": "performance", "turbo": "off", "smt": "off"}
        self.assertNotIn("turbo", machine.not_controlled(calm))
        self.assertIn("turbo (on)", machine.not_controlled({**calm, "turbo": "on"}))

    def test_a_changed_tree_is_dirty(self):
        with tempfile.TemporaryDirectory() as root:
            self.assertEqual(machine.commit(root), "could not be read")
            path = os.path.join(root, "file")
            for argv in [["init", "-q"], ["add", "file"],
                         ["-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "m"]]:
                with open(path, "w", encoding="utf-8") as file:
                    file.write("one")
                subprocess.run(["git"] + argv, cwd=root, check=True)
            self.assertNotIn("dirty", machine.commit(root))
            with open(path, "w", encoding="utf-8") as file:
                file.write("two")
            self.assertIn("-dirty", machine.commit(root))


if __name__ == "__main__":
    unittest.main()
