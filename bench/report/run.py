#!/usr/bin/env python3
"""Runs holdfast's benchmark suite and writes a report: one page of HTML, and the
JSON behind it.

  ./bazelw run -c opt //bench:report                 all of it
  ./bazelw run -c opt //bench:report -- --quick      two minutes
  ./bazelw run -c opt //bench:report -- --filter '^read_hit/'
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading

from bench.report import machine, model, pages
from bench.report.progress import Progress

HERE = os.path.dirname(os.path.abspath(__file__))
SUITE = os.path.join(os.path.dirname(HERE), "suite")
FOLDER = "holdfast-report"
PAGE, DATA = "report.html", "results.json"

# --quick runs the suite so often, once through each time: all of it is measured before
# any of it again. It is ended after these seconds, done or not.
QUICK_ROUNDS = 3
QUICK_SECONDS = 105

# Nobody's business, or said better elsewhere.
DROPPED = ("host_name", "executable", "date", "load_avg")


class Failure(Exception):
    """What the user is told before the driver gives up."""


def arguments(argv):
    parser = argparse.ArgumentParser(
        prog="report", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exits with 1 if a benchmark failed or the suite ended early, after writing\n"
               "the report of what there is; with 2 if there is none.")
    parser.add_argument("--quick", action="store_true",
                        help="smaller tables, few and short repetitions: at most two minutes")
    parser.add_argument("--filter", metavar="REGEX",
                        help="only benchmarks whose name matches, such as "
                             "'^pin_unpin/.*threads:2/'")
    parser.add_argument("--output", metavar="DIR", default=FOLDER,
                        help=f"where {PAGE} and {DATA} go (default: %(default)s, "
                             "where you stand)")
    parser.add_argument("--json", metavar="FILE",
                        help="run nothing: make the report of this file, which an earlier run, "
                             "or the suite's --benchmark_out, has written")
    parser.add_argument("--suite", metavar="FILE", default=SUITE, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.json and (options.quick or options.filter):
        parser.error("--json runs nothing, so that --quick and --filter have no meaning")
    try:
        re.compile(options.filter or "")
    except re.error as error:
        parser.error(f"--filter {options.filter!r} is no regular expression: {error}")
    return options


def from_user(path):
    """A path as the user meant it, who stands elsewhere than `bazel run` does."""
    return os.path.join(os.environ.get("BUILD_WORKING_DIRECTORY", os.getcwd()), path)


def suite_flags(options):
    flags = ["--suite_quick", "--benchmark_repetitions=1"] if options.quick else []
    return flags + ([f"--benchmark_filter={options.filter}"] if options.filter else [])


def measure(options):
    """Runs the suite; the JSON as a dictionary, whole or as far as it came."""
    if not os.access(options.suite, os.X_OK):
        raise Failure(f"{options.suite} is not there; run this as "
                      "./bazelw run -c opt //bench:report")
    flags = suite_flags(options)
    added = machine.context(os.environ.get("BUILD_WORKSPACE_DIRECTORY", HERE))
    added["run_flags"] = " ".join(flags) or "none: the suite's defaults"
    if options.quick:
        added["quick"] = True
    if options.filter:
        added["partial"] = True
    progress = Progress(rounds=QUICK_ROUNDS if options.quick else 1,
                        seconds=QUICK_SECONDS if options.quick else None)
    data = None
    while not data or ("ended" not in added and progress.next_round()):
        part = one_round([options.suite] + flags, progress, added)
        if data:
            data["benchmarks"] += part["benchmarks"]
        data = data or part
    kept = {key: value for key, value in data["context"].items() if key not in DROPPED}
    ended = added.pop("ended", None)
    if ended:
        added["partial"] = True
    data["context"] = {**kept, **added}
    return data


def one_round(command, progress, added):
    """The JSON of a run of the suite. If that did not end well, `added` tells."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, DATA)
        flags = [f"--benchmark_out={out}", "--benchmark_out_format=json"]
        cut_short, ended = run_suite(command + flags, os.path.join(folder, "stdout"), progress)
        if cut_short:
            added["cut_short"] = cut_short
        if ended:
            added["ended_early"] = ended
        if cut_short or ended:
            added["ended"] = True
        return load(out, ended or cut_short, progress.round > 1)


def run_suite(command, stdout, progress):
    """What cut the suite short as it should, and how it ended if not well; or None."""
    with open(stdout, "wb") as sink:
        suite = subprocess.Popen(command, stdout=sink, stderr=subprocess.PIPE,
                                 universal_newlines=True, errors="replace")
    timer = None
    if progress.seconds:
        timer = threading.Timer(max(progress.seconds_left(), 0), suite.terminate)
        timer.start()
    interrupted = False
    try:
        for line in suite.stderr:
            progress.take(line.rstrip("\n"))
    except KeyboardInterrupt:
        interrupted = True
        suite.terminate()
    status = suite.wait()
    suite.stderr.close()
    progress.clear()
    if timer:
        timer.cancel()
        if status < 0 and not interrupted and progress.seconds_left() <= 0:
            return f"The time was up: {progress.where()}; the rest was not measured.", None
    return None, ending(progress, status, interrupted)


def ending(progress, status, interrupted):
    at = f"{progress.name}, {progress.where()}"
    if interrupted:
        return f"Interrupted at {at}; the rest was not measured."
    if status < 0:
        return f"The suite was killed by signal {-status} at {at}."
    if progress.all == 0:
        progress.tell_preamble()
        raise Failure(f"the suite ran nothing (it exited with {status}); "
                      "if there is a --filter, does it match a name?")
    if status > 0 and progress.done < progress.all:
        return f"The suite exited with {status} at {at}."
    return None


def load(path, ended=None, may_be_empty=False):
    """The JSON that the suite wrote; of one that it did not end, the whole entries."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise Failure(ended or f"the suite wrote no results: {error}") from error
    if ended and text.strip():
        text = mended(text)
    try:
        data = json.loads(text)
    except ValueError as error:
        if may_be_empty and ended:  # So soon that there is nothing.
            return {"benchmarks": []}
        raise Failure(ended or f"what the suite wrote is not JSON: {error}") from error
    if (not isinstance(data, dict) or not isinstance(data.get("context"), dict)
            or not isinstance(data.get("benchmarks"), list)):
        raise Failure(ended or "what the suite wrote is not Google Benchmark's JSON")
    return data


def mended(text):
    """JSON up to the last whole entry of its list."""
    try:
        json.loads(text)
        return text
    except ValueError:
        head, found, _ = text.rpartition("}")
        return head + found + "]}"


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"cannot read {path}: {error}") from error


def write(folder, name, text):
    path = os.path.join(folder, name)
    try:
        os.makedirs(folder, exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Failure(f"cannot write {path}: {error}") from error
    return path


def report(options):
    if options.json:
        source = from_user(options.json)
        text = read(source)
    else:
        source = "the suite's JSON"
        text = json.dumps(measure(options), indent=1) + "\n"
    results = model.parse(text, source)
    folder = from_user(options.output)
    written = [write(folder, DATA, text), write(folder, PAGE, pages.page(results))]
    print("wrote " + "\n      ".join(reversed(written)))
    if results.context.get("cut_short"):
        print(results.context["cut_short"])
    problems = [f"{result.name}: {'; '.join(result.errors) or 'no figures'}"
                for result in results.failed()]
    if results.context.get("ended_early"):
        problems.append(str(results.context["ended_early"]))
    for problem in problems:
        print(f"failed: {problem}", file=sys.stderr)
    return 1 if problems else 0


def main(argv):
    try:
        return report(arguments(argv))
    except (Failure, model.BadInput) as error:
        print(f"report: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
