#!/usr/bin/env python3
"""Writes the table of README's section Speed from the newest file of bench/results.

  ./bazelw run //bench/report:readme                       rewrites README.md
  ./bazelw run //bench/report:readme -- --check            changes nothing; fails if it would
  ./bazelw run //bench/report:readme -- --add results.json first adds a report's JSON
"""

import argparse
import json
import os
import re
import sys
import textwrap

from bench.report import catalog, facts, model, scales, verdicts

BEGIN = "<!-- Speed: written by ./bazelw run //bench/report:readme -->"
END = "<!-- Speed ends -->"
RESULTS = "bench/results"
WIDTH = 84
NAME = re.compile(r"(?P<commit>[^.]+)\.(?P<cpu>[^.]+)\.(?P<date>\d{4}-\d\d-\d\d)\."
                  r"(?P<compiler>[^.]+)\.json\Z")
KEPT = ("cpu_model", "cpus", "num_cpus", "caches", "compiler", "build_mode", "commit",
        "date_utc", "kernel", "run_flags", "governor", "turbo", "smt", "load_at_start",
        "not_controlled", "pinning", "counters", "clock", "peers_skipped")


class Failure(Exception):
    """What the user is told before this gives up."""


def newest(folder):
    """The path of the newest results, or None."""
    names = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if not name.endswith(".json"):
            continue
        match = NAME.match(name)
        if not match:
            raise Failure(f"{folder}/{name} is not named <commit>.<cpu>.<yyyy-mm-dd>."
                          "<compiler>.json")
        names.append((match["date"], name))
    # Of one day's files the first by name: sorted() above, max() takes the first.
    return os.path.join(folder, max(names, key=lambda each: each[0])[1]) if names else None


def table(results):
    """The lines between the markers."""
    results = verdicts.add_computed_limits(results)
    lines = ["| operation | holdfast | limit | ratio | best peer | holdfast beside it |",
             "|---|---|---|---|---|---|"]
    daggers = False
    for label, verdict in verdicts.summary(results):
        limit = best = "–"
        if verdict.limit:
            limit = figure(verdict.limit, verdict.counter)
        if verdict.best:
            best = figure(verdict.best, verdict.counter)
            daggers |= catalog.DAGGER in best
        beside = verdicts.against_best(verdict)
        lines.append(f"| {label} | {verdicts.amount(verdict.stat.median, verdict.counter)} "
                     f"| {limit} | {verdicts.against_limit(verdict)} | {best} "
                     f"| {'**' + beside + '**' if verdict.ahead else beside} |")
    if len(lines) == 2:
        raise Failure("the results have none of the table's rows")
    lines = [line.replace(scales.NO_BREAK, " ") for line in lines]
    return (textwrap.wrap(introduction(results), WIDTH) + [""] + lines + [""]
            + textwrap.wrap(explanation(results, daggers), WIDTH))


def figure(other, counter):
    return (f"{verdicts.amount(other.stat.median, counter)}: "
            f"{catalog.name_with_dagger(other.peer)}")


def introduction(results):
    known = dict(facts.machine(results.context))
    counts = " or ".join(map(str, results.repetitions()))
    return (f"{known['Machine']}; compiler {known['Compiler']}; commit {known['Commit']}; "
            f"{known['Date']}. Medians of {counts} repetitions, interleaved at random; time "
            f"an operation, of all threads together.")


def explanation(results, daggers):
    every = verdicts.all_verdicts(results)
    lost = sum(bool(verdict.ahead) for verdict in every)
    text = (f"≈ says that a difference is within the spread. Of {len(every)} comparisons with "
            f"the best peer that the whole suite makes, holdfast is behind in {lost}, beyond "
            f"the spread.")
    if daggers:
        text += f" {catalog.DAGGER} Allocation only: it tells no stale handle from a live one."
    return text


def with_table(readme, lines):
    """README's text with the lines between the markers."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise Failure(f"README.md has not both of the lines\n{BEGIN}\n{END}")
    return f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}"


def trimmed(data):
    """Of a report's JSON what figures need: one line a benchmark, all repetitions in
    it, four digits."""
    results = model.parse(json.dumps(data))
    if results.failed():
        raise Failure(f"{results.failed()[0].name} failed; results with failures are not kept")
    if results.context.get("quick") or results.context.get("partial"):
        raise Failure("results of a quick run, or of a part of the suite, are not kept")
    context = {key: results.context[key] for key in KEPT if key in results.context}
    lines = []
    for result in sorted(results.all, key=lambda each: each.name):
        entry = {"name": result.name}
        for counter in result.headline:
            entry[counter] = [float(f"{value:.4g}") for value in result.samples[counter]]
        lines.append(json.dumps(entry, separators=(",", ":")))
    return (f'{{"context": {json.dumps(context, indent=1)},\n"benchmarks": [\n'
            + ",\n".join(lines) + "\n]}\n")


def file_name(context):
    """<commit>.<cpu>.<date>.<compiler>.json"""
    def part(text):
        return re.sub(r"[^A-Za-z0-9+-]+", "-", text or "unknown").strip("-").lower()

    return ".".join([part(facts.known(context, "commit")),
                     part(facts.known(context, "cpu_model")),
                     (facts.known(context, "date_utc") or "0000-00-00")[:10],
                     part(facts.compiler(context)), "json"])


def add(path, folder):
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, ValueError) as error:
        raise Failure(f"cannot read {path}: {error}") from error
    text = trimmed(data)
    os.makedirs(folder, exist_ok=True)
    kept = os.path.join(folder, file_name(data["context"]))
    with open(kept, "w", encoding="utf-8") as file:
        file.write(text)
    return kept


def check_or_write(root, check):
    """What to tell the user, and the exit status."""
    source, path = newest(os.path.join(root, RESULTS)), os.path.join(root, "README.md")
    if source is None:
        return f"{RESULTS} has no JSON yet: nothing to compare README.md with", 0
    with open(source, encoding="utf-8") as file:
        results = model.parse(file.read(), source)
    with open(path, encoding="utf-8") as file:
        old = file.read()
    new = with_table(old, table(results))
    if old == new:
        return f"README.md agrees with {os.path.relpath(source, root)}", 0
    if check:
        return (f"README.md differs from {os.path.relpath(source, root)}; "
                "run ./bazelw run //bench/report:readme\n" + difference(old, new)), 1
    with open(path, "w", encoding="utf-8") as file:
        file.write(new)
    return f"README.md rewritten from {os.path.relpath(source, root)}", 0


def difference(old, new):
    olds, news = old.split("\n"), new.split("\n")
    return "\n".join([f"- {line}" for line in olds if line not in news]
                     + [f"+ {line}" for line in news if line not in olds])


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
            print("wrote", add(os.path.join(stands, options.add),
                               os.path.join(options.root, RESULTS)))
        message, status = check_or_write(options.root, options.check)
    except (Failure, model.BadInput) as error:
        message, status = str(error), 2
    print(message, file=sys.stderr if status else sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
