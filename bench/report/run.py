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
import time

from bench.report import machine, page, results

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER, PAGE, DATA = "holdfast-report", "report.html", "results.json"

# --quick runs the suite several times, with one repetition each time: every benchmark is
# measured once before any is measured again. After these seconds the run is ended.
QUICK_ROUNDS, QUICK_SECONDS = 3, 105
# Without a terminal, a line of progress is written at most this often.
SPARSE_SECONDS = 20
# Entries of the context that are private, or that others say better.
DROPPED = ("host_name", "executable", "date", "load_avg")


class Failure(Exception):
    """Its text is shown to the user, and the driver ends."""


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
                        help="run nothing: make the page of this file, which an earlier run, "
                             "or the suite's --benchmark_out, has written")
    parser.add_argument("--suite", help=argparse.SUPPRESS,
                        default=os.path.join(os.path.dirname(HERE), "suite"))
    options = parser.parse_args(argv)
    if options.json and (options.quick or options.filter):
        parser.error("--json runs nothing, so that --quick and --filter have no meaning")
    try:
        re.compile(options.filter or "")
    except re.error as error:
        parser.error(f"--filter {options.filter!r} is no regular expression: {error}")
    return options


class Progress:
    """Shows how far the suite is: one live line, or a line now and then."""

    def __init__(self, quick):
        self.start, self.rounds = time.monotonic(), QUICK_ROUNDS if quick else 1
        self.end = self.start + (QUICK_SECONDS if quick else threading.TIMEOUT_MAX / 2)
        self.round = self.done = self.all = self.printed = 0
        self.name, self.said = "", []

    def where(self):
        return f"run {self.done} of {self.all} in round {self.round} of {self.rounds}"

    def take(self, line):
        match, now = re.match(r"progress (\d+)/(\d+) (.*)", line), time.monotonic()
        if not match:
            # The page has the lines before the first run. Each round repeats the others.
            if (self.done or line.startswith("***")) and line not in self.said:
                print(line, file=sys.stderr)
            self.said.append(line)
            return
        self.done, self.all, self.name = int(match[1]), int(match[2]), match[3]
        begun, count = (self.round - 1) * self.all + self.done - 1, self.rounds * self.all
        left = min((now - self.start) / max(begun, 1) * (count - begun), self.end - now)
        text = f"{begun + 1}/{count}, {left / 60:.0f} min left  {self.name}"
        if sys.stderr.isatty():
            print(f"\r\033[K{text[:79]}", end="", file=sys.stderr, flush=True)
        elif not self.printed or now - self.printed >= SPARSE_SECONDS:
            print(text, file=sys.stderr, flush=True)
            self.printed = now


def measure(options):
    """Runs the suite. Returns its JSON as a dictionary, or as much of it as there is."""
    flags = ["--suite_quick", "--benchmark_repetitions=1"] if options.quick else []
    flags += [f"--benchmark_filter={options.filter}"] if options.filter else []
    context = {**machine.context(os.environ.get("BUILD_WORKSPACE_DIRECTORY", HERE)),
               "run_flags": " ".join(flags) or "none: the suite's defaults",
               "quick": options.quick, "partial": bool(options.filter)}
    progress, benchmarks, ended = Progress(options.quick), [], {}
    while not ended and progress.round < progress.rounds:
        progress.round, progress.done = progress.round + 1, 0
        data, ended = one_round([options.suite, *flags], progress)
        benchmarks += data["benchmarks"]
        context = {**data.get("context", {}), **context}
    context.update(ended, partial=context["partial"] or bool(ended))
    return {"context": {key: value for key, value in context.items() if key not in DROPPED},
            "benchmarks": benchmarks}


def one_round(command, progress):
    """(JSON of one run of the suite, entries for the context if the run ended early)"""
    with tempfile.TemporaryDirectory() as folder:
        out, interrupted = os.path.join(folder, DATA), False
        command += [f"--benchmark_out={out}", "--benchmark_out_format=json"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True, errors="replace") as suite:
            timer = threading.Timer(max(progress.end - time.monotonic(), 0), suite.terminate)
            timer.start()
            try:
                for line in suite.stderr:
                    progress.take(line.rstrip("\n"))
            except KeyboardInterrupt:
                interrupted = True
                suite.terminate()
        timer.cancel()
        print("\r\033[K" if sys.stderr.isatty() else "", end="", file=sys.stderr)
        ended = ending(progress, suite.returncode, interrupted)
        text = ""
        if os.path.exists(out):
            with open(out, encoding="utf-8") as file:
                text = file.read()
    # JSON that the suite did not end is cut off after the last whole entry.
    mended = [text.rpartition("}")[0] + "}]}", '{"benchmarks": []}'] if ended else []
    for each in [text, *mended]:
        try:
            return json.loads(each), ended
        except ValueError:
            pass
    raise Failure("what the suite wrote is not JSON" if text else "the suite wrote no results")


def ending(progress, status, interrupted):
    """Entries for the context if the suite ended early."""
    at = f"{progress.where()}, {progress.name}"
    if status < 0 and not interrupted and time.monotonic() >= progress.end:
        return {"cut_short": f"The time was up: {at}; the rest was not measured."}
    if not progress.all:
        raise Failure("\n".join([*progress.said, "the suite ran nothing (it exited with "
                                 f"{status}); if there is a --filter, does it match a name?"]))
    if status > 0 and progress.done == progress.all or not status and not interrupted:
        return {}  # A benchmark that failed says so itself.
    why = ("was interrupted" if interrupted else f"was killed by signal {-status}"
           if status < 0 else f"exited with {status}")
    return {"ended_early": f"The suite {why} at {at}; the rest was not measured."}


def write(folder, name, text):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)
    print("wrote", os.path.abspath(file.name))


def report(options):
    """Names missing libraries first. Writes the JSON before it tries to make a page."""
    print(page.missing(), end="", file=sys.stderr)
    # `bazel run` stands elsewhere than its user.
    os.chdir(os.environ.get("BUILD_WORKING_DIRECTORY", "."))
    source = options.json or os.path.join(options.output, DATA)
    if not options.json:
        write(options.output, DATA, json.dumps(measure(options), indent=1) + "\n")
    with open(source, encoding="utf-8") as file:
        found = results.parse(file.read(), source)
    if not page.jinja2:
        raise Failure(f"no page without Jinja2; once it is there: --json {source}")
    write(options.output, PAGE, page.page(found))
    if found.context.get("cut_short"):
        print(found.context["cut_short"])
    problems = [f"{name}: {error}" for name, error in found.failed().items()]
    problems += filter(None, [found.context.get("ended_early")])
    for problem in problems:
        print(f"failed: {problem}", file=sys.stderr)
    return 1 if problems else 0


def main(argv):
    try:
        return report(arguments(argv))
    except (Failure, results.BadInput, OSError) as error:
        print(f"report: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    page.use_system_python()
    sys.exit(main(sys.argv[1:]))
