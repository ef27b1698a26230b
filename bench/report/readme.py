#!/usr/bin/env python3
"""Writes the table of README's section Speed from the newest file of bench/results.

  ./bazelw run //bench/report:readme                       rewrites README.md
  ./bazelw run //bench/report:readme -- --check            changes nothing; fails if it would
  ./bazelw run //bench/report:readme -- --add results.json first adds a report's JSON
"""

import argparse
import difflib
import glob
import json
import os
import re
import sys
import textwrap

from bench.report import catalog, machine, results, words

BEGIN = "<!-- Speed: written by ./bazelw run //bench/report:readme -->\n"
END = "<!-- Speed ends -->\n"
FOLDER = "bench/results"
KEPT = ("cpu_model", "num_cpus", "caches", "compiler", "build_mode", "commit", "date_utc",
        "kernel", "run_flags", "governor", "turbo", "smt", "load_at_start", "not_controlled",
        "pinning", "counters", "clock", "peers_skipped")


class Failure(Exception):
    """Its text is shown to the user, and the program ends."""


def newest(folder):
    """The path of the newest results; of one day's, the first by name."""
    paths = sorted(glob.glob(os.path.join(folder, "*.json")))
    return max(paths, key=lambda path: path.split(".")[-3])  # <commit>.<cpu>.<date>.<compiler>


def table(found):
    """The text between the markers."""
    rows = results.summary(found)
    if not rows:
        raise Failure("the results have none of the table's rows")
    lines = ["| operation | holdfast | limit | ratio | best peer | holdfast beside it |",
             "|---|---|---|---|---|---|"]
    for label, verdict in rows:
        beside = verdict.against_best()
        lines.append("| " + " | ".join([
            label, verdict.amount(), named(verdict, verdict.limit), verdict.against_limit(),
            named(verdict, verdict.best), f"**{beside}**" if verdict.ahead else beside]) + " |")
    facts, every = machine.facts(found.context), results.verdicts(found)
    before = (f"{facts['Machine']}; compiler {facts['Compiler']}; commit {facts['Commit']}; "
              f"{facts['Date']}. Medians of {found.repetitions()} repetitions, interleaved at "
              "random; time an operation, of all threads together.")
    after = (f"≈ says that a difference is within the spread. Of {len(every)} comparisons with "
             "the best peer that the whole suite makes, holdfast is behind in "
             f"{sum(bool(verdict.ahead) for verdict in every)}, beyond the spread.")
    if "†" in "".join(lines):
        after += " † Allocation only: it tells no stale handle from a live one."
    lines = [*textwrap.wrap(before, 84), "", *lines, "", *textwrap.wrap(after, 84), ""]
    return "\n".join(lines).replace(words.NO_BREAK, " ")


def named(verdict, other):
    """The figure of a limit or a peer, with its name."""
    return f"{verdict.amount(other)}: {catalog.describe(other.peer).short}" if other else "–"


def add(path, folder):
    """Keeps the repetitions of a report's JSON, one line a benchmark, with four digits."""
    with open(path, encoding="utf-8") as file:
        found = results.parse(file.read(), path)
    if found.failed() or found.context.get("quick") or found.context.get("partial"):
        raise Failure("not kept: failures, a quick run, or a part of the suite")
    context = {key: found.context[key] for key in KEPT if key in found.context}
    lines = [json.dumps({"name": each.name, **{
        counter: [float(f"{value:.4g}") for value in each.samples[counter]]
        for counter in each.headline}}, separators=(",", ":"))
        for each in sorted(found.all, key=lambda each: each.name) if not each.computed]
    name = ".".join(re.sub(r"[^A-Za-z0-9+-]+", "-", part).strip("-").lower() for part in [
        context["commit"], context["cpu_model"], context["date_utc"][:10],
        machine.compiler(context)])
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as file:
        file.write(f'{{"context": {json.dumps(context, indent=1)},\n"benchmarks": [\n'
                   + ",\n".join(lines) + "\n]}\n")


def check_or_write(root, check):
    """(message for the user, exit status)"""
    source, path = newest(os.path.join(root, FOLDER)), os.path.join(root, "README.md")
    with open(source, encoding="utf-8") as file:
        lines = table(results.parse(file.read(), source))
    with open(path, encoding="utf-8") as file:
        old = file.read()
    if BEGIN not in old or END not in old:
        raise Failure(f"README.md has not both of the lines\n{BEGIN}{END}")
    new = old[:old.index(BEGIN)] + BEGIN + lines + old[old.index(END):]
    if old != new and check:
        changes = difflib.unified_diff(old.splitlines(), new.splitlines(), "README.md",
                                       source, n=0, lineterm="")
        return "\n".join([*changes, "run ./bazelw run //bench/report:readme"]), 1
    if not check:
        with open(path, "w", encoding="utf-8") as file:
            file.write(new)
    return f"README.md agrees with {os.path.relpath(source, root)}", 0


def main(argv):
    parser = argparse.ArgumentParser(
        prog="readme", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail if README.md would change")
    parser.add_argument("--add", metavar="FILE", help="trim a report's JSON into bench/results")
    parser.add_argument("--root", metavar="DIR", help="the repository (default: this one)",
                        default=os.environ.get("BUILD_WORKSPACE_DIRECTORY", os.getcwd()))
    options = parser.parse_args(argv)
    try:
        if options.add:
            stands = os.environ.get("BUILD_WORKING_DIRECTORY", os.getcwd())
            add(os.path.join(stands, options.add), os.path.join(options.root, FOLDER))
        message, status = check_or_write(options.root, options.check)
    except (Failure, results.BadInput, OSError) as error:
        message, status = str(error), 2
    print(message, file=sys.stderr if status else sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
