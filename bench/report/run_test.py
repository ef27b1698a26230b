"""Tests run.py and machine.py with scripts in place of the suite."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from bench.report import machine, page, run

# The beginning of a script, to which each test adds lines.
SUITE = f"""#!{sys.executable}
import json, os, sys, time
out = [a.split("=", 1)[1] for a in sys.argv if a.startswith("--benchmark_out=")][0]
data = {{"context": {{"num_cpus": 2, "host_name": "secret", "argv": " ".join(sys.argv[1:])}},
        "benchmarks": [{{"name": "write/holdfast/threads:1", "ns": 5.0}},
                       {{"name": "write/mutex/threads:1", "ns": 9.0}}]}}
def tell(line):
    print(line, file=sys.stderr, flush=True)
def save(text=None):
    open(out, "w").write(json.dumps(data) if text is None else text)
"""
WELL = """
tell("CPU Caches: many")
tell("progress 1/2 write/holdfast/threads:1")
tell("a warning")
tell("progress 2/2 write/mutex/threads:1")
save()
"""


class DriverTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        self.folder = folder.name
        for patch in [mock.patch.dict(os.environ, {"BUILD_WORKING_DIRECTORY": self.folder}),
                      mock.patch.object(page, "page", lambda results: "<page>"),
                      mock.patch.object(page, "jinja2", True)]:
            patch.start()
            self.addCleanup(patch.stop)

    def call(self, *argv, body=None):
        """(exit status, stdout, stderr)"""
        if body is not None:
            argv = [f"--suite={self.folder}/suite", *argv]
            with open(os.path.join(self.folder, "suite"), "w", encoding="utf-8") as file:
                file.write(SUITE + body)
            os.chmod(file.name, 0o700)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = run.main(list(argv))
            except SystemExit as stop:
                status = stop.code
        return status, out.getvalue(), err.getvalue()

    def results(self, folder=run.FOLDER):
        with open(os.path.join(self.folder, folder, run.DATA), encoding="utf-8") as file:
            return json.load(file)

    def test_writes_both_files_where_the_user_stands(self):
        status, out, err = self.call(body=WELL)
        self.assertEqual(status, 0, err)
        self.assertIn(os.path.join(self.folder, run.FOLDER, run.PAGE), out)
        context = self.results()["context"]
        self.assertLessEqual({"commit", "date_utc", "kernel", "governor", "turbo", "smt",
                              "load_at_start", "not_controlled", "run_flags"}, set(context))
        self.assertNotIn("host_name", context)
        self.assertFalse(context["quick"] or context["partial"])
        status, _, err = self.call("--json", f"{run.FOLDER}/{run.DATA}", "--output", "new")
        self.assertEqual((status, os.listdir("new")), (0, [run.PAGE]), err)

    def test_without_jinja2_the_results_are_kept_and_it_is_said_what_to_install(self):
        with mock.patch.object(page, "jinja2", None):
            status, _, err = self.call(body=WELL)
        self.assertEqual(status, 2)
        self.assertIn("apt-get install python3-jinja2", err)
        self.assertEqual(len(self.results()["benchmarks"]), 2)

    def test_quick_and_filter_reach_the_suite_which_tells_how_far_it_is(self):
        status, _, err = self.call("--quick", "--filter", "write/.*", body=WELL)
        self.assertEqual(status, 0)
        for text, times in [("1/6, 0 min left  write/holdfast/threads:1\n", 1), ("2/6", 0),
                            ("a warning\n", 1), ("CPU Caches", 0)]:  # The report has it.
            self.assertEqual(err.count(text), times, text)
        context = self.results()["context"]
        self.assertIn("--suite_quick --benchmark_repetitions=1 --benchmark_filter=write/.* ",
                      context["argv"])
        self.assertTrue(context["quick"] and context["partial"])
        self.assertEqual(len(self.results()["benchmarks"]), 2 * run.QUICK_ROUNDS)

    def test_failures_fail_the_run_and_leave_what_was_measured(self):
        fails = {"name": "write/tbb", "error_occurred": True, "error_message": "wrong sum"}
        for body, problem, count in [
                (f"data['benchmarks'].append({fails}); tell('progress 1/1 x'); save()",
                 "write/tbb: wrong sum", 3),
                ("tell('progress 1/9 x'); save(json.dumps(data)[:-5]); os.kill(os.getpid(), 11)",
                 "killed by signal 11 at run 1 of 9 in round 1 of 1, x", 1)]:
            status, _, err = self.call(body=body)
            self.assertEqual((status, len(self.results()["benchmarks"])), (1, count))
            self.assertIn(problem, err)

    def test_quick_ends_in_time(self):
        with mock.patch.object(run, "QUICK_SECONDS", 0.5):
            status, out, _ = self.call("--quick", body="""
tell("progress 1/9 write/mutex/threads:1")
save(json.dumps(data)[:-2] + ",")
time.sleep(60)
""")
        self.assertEqual((status, len(self.results()["benchmarks"])), (0, 2))
        self.assertIn("The time was up: run 1 of 9 in round 1 of 3", out)

    def test_what_does_not_work_is_explained(self):
        with open(os.path.join(self.folder, "foreign"), "w", encoding="utf-8") as file:
            file.write('{"benchmarks": [{"name": "BM_Other/1"}]}')
        for body, argv, reason in [
                ("tell('no such flag'); sys.exit(1)", [], "no such flag"),
                ("sys.exit(1)", [], "ran nothing"),
                ("tell('progress 1/1 x'); save('nonsense')", [], "not JSON"),
                ("tell('progress 1/1 x')", [], "wrote no results"),
                (None, ["--suite=/nowhere"], "/nowhere"), (None, ["--json", "none"], "none"),
                (None, ["--json", "foreign"], "no results of holdfast's suite"),
                (None, ["--json", "x", "--quick"], "have no meaning"),
                (None, ["--filter", "("], "no regular expression")]:
            status, _, err = self.call(*argv, body=body)
            self.assertEqual(status, 2, err)
            self.assertIn(reason, err)


class MachineTest(unittest.TestCase):
    def test_reads_what_there_is_and_names_what_was_not_turned_off(self):
        with tempfile.TemporaryDirectory() as root:
            found = machine.context(root, root)
            self.assertEqual((found["governor"], found["turbo"]), (machine.UNKNOWN,) * 2)
            self.assertIn("turbo (could not be read)", found["not_controlled"])
            for path, text in [("cpu0/cpufreq/scaling_governor", "performance"),
                               ("intel_pstate/no_turbo", "1"), ("smt/control", "on")]:
                os.makedirs(os.path.dirname(os.path.join(root, path)))
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text + "\n")
            found = machine.context(root, root)
            self.assertEqual((found["governor"], found["turbo"]), ("performance", "off"))
            self.assertRegex(found["not_controlled"], r"^simultaneous multithreading \(on\); oth")

    def test_a_changed_tree_is_dirty(self):
        with tempfile.TemporaryDirectory() as root:
            self.assertEqual(machine.commit(root), machine.UNKNOWN)
            for text, argv in [("one", "init -q"), ("one", "add file"), (
                    "one", "-c user.name=n -c user.email=e commit -qm m"), ("two", "version")]:
                with open(os.path.join(root, "file"), "w", encoding="utf-8") as file:
                    file.write(text)
                subprocess.run(["git", *argv.split()], cwd=root, check=True,
                               stdout=subprocess.DEVNULL)
                self.assertEqual("-dirty" in machine.commit(root), text == "two")


if __name__ == "__main__":
    unittest.main()
