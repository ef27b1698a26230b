#!/usr/bin/env python3
"""Compiles the cases of a file, and reports for each whether it went as expected.

usage: compilations.py REPORT CASES [SOURCE | -IFOLDER | HEADER.h]...

For each case, REPORT gets a line "passed ...", "FAILED ..." with the compiler's
messages, or "skipped ..." if the compiler is not installed. CASES describes its own
format.
"""

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

WARNINGS = ["-Wall", "-Wextra", "-Werror"]
# The first line with an error; there may be notes before it.
ERROR = re.compile(r"^.*?: (?:fatal )?error: .*$", re.M)


def read_cases(path):
    """Yields (compiler, source, [option], expected) for each case."""
    with open(path, encoding="utf-8") as f:
        lines = [line.strip() for line in f]
    for line in lines:
        if line and not line.startswith("#"):
            compilers, source, options, expected = (p.strip() for p in line.split("|"))
            for compiler in compilers.split(","):
                yield compiler.strip(), source, options.split(), expected


def by_header(cases, headers):
    """Yields the cases; those for `each header`, once for each header."""
    for compiler, source, options, expected in cases:
        for header in headers if source == "each header" else [source]:
            yield compiler, header, options, expected


def run(command):
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        universal_newlines=True, env={**os.environ, "LC_ALL": "C"})


def run_outcome(name, command, program, library, folders, before):
    """Returns the report of a whole program. `before` is the command to run it with."""
    with tempfile.TemporaryDirectory() as folder:
        binary = os.path.join(folder, "program")
        done = run([*command, *folders, program, *library, "-pthread", "-o", binary])
        if done.returncode == 0 and not done.stdout:
            done = run([*before, binary])
    if done.returncode == 0:
        return "passed %s" % name
    if before and done.returncode == 77:
        return "skipped %s: not on this system" % name
    return "FAILED %s: exited with %d\n%s" % (name, done.returncode, done.stdout)


def unwind_outcome(name, command, program, folders):
    """Returns the report of a source file that must have no exception table."""
    done = run([*command, *folders, "-S", program, "-o", "-"])
    if done.returncode == 0 and ".cfi_endproc" in done.stdout:
        tables = re.findall(r"\.cfi_lsda", done.stdout)
        if not tables:
            return "passed %s" % name
        return "FAILED %s: %d exception tables" % (name, len(tables))
    return "FAILED %s: exited with %d\n%s" % (name, done.returncode, done.stdout)


def outcome(case, sources, folders):
    """Returns the case's lines in the report."""
    compiler, source, options, expected = case
    name = " ".join([compiler, source, *options])
    if not shutil.which(compiler):
        return "skipped %s: not installed" % name
    how, _, program = source.partition(" ")
    if how == "debug" and not shutil.which("gdb"):
        return "skipped %s: gdb is not installed" % name
    if how in ("run", "debug"):
        library = [path for path in sources.values() if "src/" in path]
        before = [sources["debug.sh"], sources["holdfast.py"]] if how == "debug" else []
        return run_outcome(name, [compiler, *options, *WARNINGS], sources[program],
                           library, folders, before)
    if how == "unwind":
        return unwind_outcome(name, [compiler, *options, *WARNINGS], sources[program],
                              folders)
    if source.endswith(".h"):
        options = [*options, "-include", source, "-x", "c++"]
    # A compiler gives some warnings only when it generates code. So it stops early
    # only if an error is expected.
    stop_early = ["-fsyntax-only"] if expected else ["-c", "-o", os.devnull]
    done = subprocess.run(
        [compiler, *options, *WARNINGS, *stop_early, *folders,
         sources.get(source, os.devnull)],
        stderr=subprocess.PIPE, universal_newlines=True, check=False,
        env={**os.environ, "LC_ALL": "C"})
    first = ERROR.search(done.stderr)
    if expected:
        ok = done.returncode != 0 and first and expected in first[0]
    else:
        ok = done.returncode == 0 and not done.stderr
    if ok:
        return "passed %s" % name
    return "FAILED %s: %s\n%s" % (
        name, "expected '%s' first" % expected if expected else "expected nothing",
        done.stderr)


def as_system(folder):
    """Returns the option for a folder. Headers of other projects cause no warnings."""
    return "-isystem" + folder[2:] if "external/" in folder else folder


def main(report, cases, *rest):
    sources = {os.path.basename(path): path for path in rest
               if not path.startswith("-I") and not path.endswith(".h")}
    folders = [as_system(each) for each in rest if each.startswith("-I")]
    headers = [each for each in rest if each.endswith(".h")]
    cases = list(by_header(read_cases(cases), headers))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        lines = list(threads.map(lambda case: outcome(case, sources, folders), cases))
    with open(report, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


main(*sys.argv[1:])
