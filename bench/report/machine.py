"""The state of this machine and checkout, as far as files and git tell it, and how a page
writes it."""

import os
import platform
import subprocess
import time

UNKNOWN = "could not be read"
FACTS = {"Build": "build_mode", "Commit": "commit", "Date": "date_utc", "System": "kernel",
         "Flags": "run_flags"}
CIRCUMSTANCES = {
    "Threads pinned to CPUs": "pinning", "Clock": "clock", "Hardware counters": "counters",
    "Frequency governor": "governor", "Turbo": "turbo", "Simultaneous multithreading": "smt",
    "Load average at the start": "load_at_start", "Not turned off": "not_controlled",
    "Peers left out": "peers_skipped"}


def context(workspace, cpu="/sys/devices/system/cpu"):
    """The driver adds these entries to the JSON's context before a run."""
    def read(name):
        try:
            with open(os.path.join(cpu, name), encoding="utf-8") as file:
                return file.readline().strip()
        except OSError:
            return UNKNOWN

    state = {"governor": read("cpu0/cpufreq/scaling_governor"), "smt": read("smt/control"),
             "turbo": UNKNOWN}
    for name, values in [("cpufreq/boost", {"0": "off", "1": "on"}),
                         ("intel_pstate/no_turbo", {"0": "on", "1": "off"})]:
        state["turbo"] = values.get(read(name), state["turbo"])
    calm = ("performance", "off", "forceoff", "notsupported")
    # Sources of noise that were on, or may have been.
    noisy = [f"{name} ({state[key]})" for name, key in [
        ("frequency governor", "governor"), ("turbo", "turbo"),
        ("simultaneous multithreading", "smt")] if state[key] not in calm]
    return {"commit": commit(workspace), **state,
            "date_utc": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
            "load_at_start": " ".join(f"{each:.2f}" for each in os.getloadavg()),
            "not_controlled": "; ".join([*noisy, "other programs", "the scheduler",
                                         "address randomization"])}


def commit(workspace):
    """`git describe`, with -dirty if the tree is not what was committed."""
    try:
        return subprocess.run(["git", "describe", "--always", "--tags", "--dirty"], check=True,
                              cwd=workspace, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN


def facts(found):
    """{label: text} for the head of a report, of the JSON's context."""
    threads = f", {found['num_cpus']} hardware threads" if "num_cpus" in found else ""
    return {"Machine": found.get("cpu_model", UNKNOWN) + threads, "Compiler": compiler(found),
            **{label: found.get(key) or UNKNOWN for label, key in FACTS.items()}}


def compiler(found):
    """g++ says no more than its version."""
    text = found.get("compiler") or UNKNOWN
    return f"g++ {text}" if text[0].isdigit() else text


def circumstances(found):
    """{label: text} of circumstances that may have disturbed the measurement."""
    caches = ", ".join(f"{name} {size >> 10} KiB" for name, size in cache_sizes(found).items())
    return {**{label: found.get(key) or "not recorded" for label, key in CIRCUMSTANCES.items()},
            "Caches": caches or UNKNOWN}


def cache_sizes(found):
    """{name: bytes} of the caches that hold data."""
    return {f"L{cache['level']}": cache["size"] for cache in found.get("caches", [])
            if cache["type"] != "Instruction"}
