#!/usr/bin/env python3
"""Looks at the code that compilers make of Pins around an opaque call.

A fiber may call a function, be resumed by another thread inside that call, and then
pin. So each path from one call of somewhere_else() to the next, with a Pin in
between, must read the thread pointer anew, or call a function that does. If a
compiler keeps the address of a thread-local variable over the call, the Pin uses the
variable of another thread.

The headers are where Bazel puts them. A compiler that is not installed is named, and
skipped.
"""

import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

# The functions, and the calls of somewhere_else() that each must still have.
FUNCTIONS = {"pin_in_a_loop": 1, "pin_in_a_row": 4, "pin_in_turn": 1}
HERE = "tests/edges"

# What reads the thread pointer. A call that is not inlined reads it inside.
FRESH = {
    "x86_64": re.compile(r"%fs:|__tls_get_addr|@tlscall|call\w*\s+_ZN8holdfast"),
    "aarch64": re.compile(r"mrs\s+x\d+, *tpidr_el0|bl\s+(__tls_get_addr|"
                          r"_ZN8holdfast)", re.IGNORECASE),
}
BRANCH = {
    "x86_64": re.compile(r"(j\w+)\s+(\.L\w+)$"),
    "aarch64": re.compile(r"(b|b\.?\w\w|cbn?z|tbn?z)\s+(?:.*, *)?(\.L\w+)$"),
}
ALWAYS = {"jmp", "b"}
END = re.compile(r"(ret\w*|ud2|brk|jmp\s+_|jmp\s+\*|br)\b")


def code_of(assembly, name):
    """Returns the instructions and labels of a function, from all its sections."""
    lines, inside = [], False
    for line in assembly.splitlines():
        line = re.split(r"\s+#|\s*//|\s+;", line)[0].strip()
        label = re.match(r"([\w.$]+):", line)
        if label and label.group(1) in (name, name + ".cold"):
            inside = True
            # The code before a section does not run on into it.
            lines.append("ret")
        elif line.startswith(".size") or line.startswith(".cfi_endproc"):
            inside = False
        if inside and line and (label or not line.startswith(".")):
            lines.append(line.rstrip(":") + ":" if label else line)
    return lines


def successors(lines, at, labels, arch):
    line = lines[at]
    branch = BRANCH[arch].match(line)
    if branch:
        target = [labels[branch.group(2)]] if branch.group(2) in labels else []
        return target if branch.group(1) in ALWAYS else target + [at + 1]
    if END.match(line):
        return []
    return [at + 1]


def stale_paths(assembly, name, arch):
    """Returns the paths between calls that do not read the thread pointer, and the
    number of calls."""
    lines = code_of(assembly, name)
    labels = {line[:-1]: i for i, line in enumerate(lines)
              if line.endswith(":")}
    calls = [i for i, line in enumerate(lines)
             if re.match(r"(call\w*|bl)\s+somewhere_else", line)]
    stale = []
    for call in calls:
        seen, todo = set(), [call + 1]
        while todo:
            at = todo.pop()
            if at in seen or at >= len(lines):
                continue
            seen.add(at)
            if FRESH[arch].search(lines[at]):
                continue
            if at in calls:
                stale.append(f"{name}: from call {calls.index(call) + 1} to "
                             f"call {calls.index(at) + 1}")
                continue
            todo += successors(lines, at, labels, arch)
    return stale, len(calls)


def includes():
    """Returns the options for the folders where Bazel has put the headers."""
    absl = (glob.glob("external/com_google_absl") +
            glob.glob("../com_google_absl"))
    return ["-Iinclude", *[f"-I{path}" for path in absl]]


def assembly_of(compiler, options, work):
    """Compiles to assembly. Returns (assembly, None), or (None, the reason)."""
    out = os.path.join(work, "out.s")
    base = [*compiler, "-std=c++17", "-fno-stack-protector", "-w", *includes()]
    sources = [f"{HERE}/fiber_code.cc"]
    if "-flto" not in options:
        command = [*base, *options, "-S", *sources, "-o", out]
    else:
        # With the sources of the library, since the linker compiles all of it.
        sources += sorted(glob.glob("src/*.cc"))
        lld = "clang" in compiler[0]
        link = (["-fuse-ld=lld", "-Wl,--lto-emit-asm"] if lld else
                ["-save-temps", "-dumpdir", work + "/", "-flto-partition=none"])
        command = [*base, *options, "-shared", *link, *sources,
                   "-o", out if lld else os.path.join(work, "out.so")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None, done.stderr.strip().splitlines()[:1]
    texts = [out] if os.path.exists(out) else glob.glob(work + "/*lto*.s")
    return "\n".join(open(text).read() for text in texts), None


def look(compiler, arch, options):
    """Checks one compiler with its options. Returns lines to print, and the number
    of failures."""
    what = " ".join([*compiler, *options])
    with tempfile.TemporaryDirectory() as work:
        assembly, why = assembly_of(compiler, options, work)
    if assembly is None:
        # The compiler that builds the project must be able to do this.
        failed = int(compiler == ["g++"] and "-flto" not in options)
        return [f"{'FAILED' if failed else 'skipped'}: {what}: {why}"], failed
    said, failed = [], 0
    for name, least in FUNCTIONS.items():
        stale, calls = stale_paths(assembly, name, arch)
        if calls < least:
            stale = [f"only {calls} calls are in the code of {name}"]
        failed += bool(stale)
        said.append(f"{'FAILED' if stale else 'ok'}: {what}: {name}")
        said += [f"    the thread may be another's: {path}" for path in stale]
    return said, failed


def main():
    host = os.uname().machine
    pic, lto = ["-O2", "-fPIC"], ["-O2", "-fPIC", "-flto"]
    native = [["-O3"], pic, lto]
    jobs = []
    for compiler, arch, ways in [
            (["g++"], host, native),
            (["clang++"], host, native),
            (["aarch64-linux-gnu-g++"], "aarch64", [["-O2"], pic]),
            (["clang++", "--target=aarch64-linux-gnu"], "aarch64", [pic])]:
        if arch not in FRESH:
            print(f"skipped: {compiler[0]}: nothing is known of {arch}")
        elif not shutil.which(compiler[0]):
            print(f"skipped: {compiler[0]} is not installed")
        else:
            jobs += [(compiler, arch, options) for options in ways]
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for said, failed in pool.map(lambda job: look(*job), jobs):
            print("\n".join(said))
            failures += failed
    print(f"{len(jobs)} ways to compile, {failures} failures")
    return 1 if failures or not jobs else 0


sys.exit(main())
