#!/usr/bin/env python3
"""Compares the instructions that each operation takes with those that are kept.

    bazel test -c opt //bench/instructions:instructions_test
    bazel run -c opt //bench/instructions:instructions_test -- --update

Callgrind counts N and 2 N operations; the difference is exact, and the same on
every machine. Kept are the counts of each compiler, in COMPILER.txt.
"""

import argparse
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile

TOLERANCE = 0.02
N = 100_000
FOLDER = "bench/instructions"
UPDATE = "bazel run -c opt //bench/instructions:instructions_test -- --update"


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE,
                          universal_newlines=True).stdout


def skip(why, even_in_ci):
    """Ends the program, well or, in CI where that was not to be, badly."""
    if os.environ.get("CI") and not even_in_ci:
        sys.exit("instructions: FAILED: " + why + ", and CI must not skip this")
    print("instructions: skipped: " + why)
    sys.exit()


def instructions(valgrind, count, operation, n):
    """What callgrind has counted in n operations."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        subprocess.run(
            [valgrind, "-q", "--tool=callgrind", "--callgrind-out-file=" + out,
             "--toggle-collect=holdfast_count_measured", count, operation, str(n)],
            check=True)
        with open(out) as f:
            totals = [line.split()[1] for line in f if line.startswith("totals:")]
    return int(totals[0])


def measure(valgrind, count):
    """Instructions of one operation, by its name."""
    def per_operation(operation):
        once, twice = (instructions(valgrind, count, operation, n) for n in (N, 2 * N))
        return (twice - once) / N

    operations = run(count, "--list").split()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        return dict(zip(operations, threads.map(per_operation, operations)))


def read_kept(path):
    with open(path) as f:
        lines = [line.split() for line in f if not line.startswith("#")]
    return {operation: float(count) for operation, count in lines}


def write_kept(path, counts):
    with open(path, "w") as f:
        f.write("# Instructions an operation. Written by\n# %s\n" % UPDATE)
        for operation, count in counts.items():
            f.write("%s %.2f\n" % (operation, count))
    print("wrote " + path)


def verdict(kept, now):
    if kept is None:
        return "NEW: run `%s` to keep it" % UPDATE
    if now is None:
        return "GONE: run `%s` to forget it" % UPDATE
    if now > kept * (1 + TOLERANCE):
        return "REGRESSION"
    if now < kept * (1 - TOLERANCE):
        return "IMPROVED: run `%s` to keep it" % UPDATE
    return ""


def compare(kept, now):
    """Prints both; returns whether they are the same."""
    same = True
    print("%-20s %9s %9s" % ("instructions", "kept", "now"))
    for operation in {**kept, **now}:
        pair = kept.get(operation), now.get(operation)
        say = verdict(*pair)
        same = same and not say
        shown = ["%9.2f" % each if each is not None else "%9s" % "-" for each in pair]
        print(("%-20s %s %s  %s" % (operation, *shown, say)).rstrip())
    return same


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", help="the program that executes operations")
    parser.add_argument("--update", action="store_true", help="keep what is counted")
    args = parser.parse_args()

    count = os.path.abspath(args.count)
    compiler, build = run(count, "--build").split()
    if build != "optimized":
        sys.exit("instructions: FAILED: counts are kept of -c opt, and this is not")
    valgrind = shutil.which("valgrind")
    if not valgrind:
        skip("valgrind is not installed", even_in_ci=True)
    name = os.path.join(FOLDER, compiler + ".txt")
    if args.update:
        root = os.environ["BUILD_WORKSPACE_DIRECTORY"]
        write_kept(os.path.join(root, name), measure(valgrind, count))
        return
    if not os.path.exists(name):
        skip("no counts of %s are kept" % compiler, even_in_ci=False)
    if not compare(read_kept(name), measure(valgrind, count)):
        sys.exit("instructions: FAILED")


main()
