"""The state of this machine and checkout, as far as files and git tell it, and how a page
writes it."""

import os
import platform
import subprocess
import time

UNKNOWN = "could not be read"
CPU = "/sys/devices/system/cpu"


def context(workspace, root="/"):
    """What is added to the JSON's context before a run."""
    found = {
        "commit": commit(workspace),
        "date_utc": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "governor": first_line(root, "cpu0/cpufreq/scaling_governor") or UNKNOWN,
        "turbo": turbo(root),
        "smt": first_line(root, "smt/control") or UNKNOWN,
        "load_at_start": " ".join(f"{each:.2f}" for each in os.getloadavg()),
    }
    # Sources of noise that were on, or may have been.
    noisy = [f"{name} ({found[key]})" for name, key, calm in [
        ("frequency governor", "governor", ["performance"]), ("turbo", "turbo", ["off"]),
        ("simultaneous multithreading", "smt", ["off", "forceoff", "notsupported"])]
        if found[key] not in calm]
    noisy += ["other programs", "the scheduler", "address randomization"]
    return {**found, "not_controlled": "; ".join(noisy)}


def commit(workspace):
    """`git describe`, with -dirty if the tree is not what was committed."""
    try:
        return subprocess.run(["git", "describe", "--always", "--tags", "--dirty"], check=True,
                              cwd=workspace, capture_output=True, text=True,
                              timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN


def turbo(root):
    off = {"1": "off", "0": "on"}.get(first_line(root, "intel_pstate/no_turbo"))
    boost = {"1": "on", "0": "off"}.get(first_line(root, "cpufreq/boost"))
    return off or boost or UNKNOWN


def first_line(root, path):
    try:
        with open(os.path.join(root, CPU.lstrip("/"), path), encoding="utf-8") as file:
            return file.readline().strip()
    except OSError:
        return ""


def facts(context):
    """{label: text} for the head of a report."""
    cpus, model = context.get("num_cpus"), context.get("cpu_model") or UNKNOWN
    return {"Machine": f"{model}, {cpus} hardware threads" if cpus else model,
            "Compiler": compiler(context),
            **{label: context.get(key) or UNKNOWN for label, key in [
                ("Build", "build_mode"), ("Commit", "commit"), ("Date", "date_utc"),
                ("System", "kernel"), ("Flags", "run_flags")]}}


def compiler(context):
    """g++ says no more than its version."""
    text = context.get("compiler") or UNKNOWN
    return f"g++ {text}" if text[0].isdigit() else text


def circumstances(context):
    """{label: text}: what may have disturbed the measurement."""
    caches = ", ".join(f"L{level} {size >> 20} MiB" if size >= 1 << 20 else
                       f"L{level} {size >> 10} KiB"
                       for level, size in cache_sizes(context).items())
    return {"Caches": caches or UNKNOWN, **{
        label: context.get(key) or "not recorded" for label, key in [
            ("Threads pinned to CPUs", "pinning"), ("Clock", "clock"),
            ("Hardware counters", "counters"), ("Frequency governor", "governor"),
            ("Turbo", "turbo"), ("Simultaneous multithreading", "smt"),
            ("Load average at the start", "load_at_start"), ("Not turned off", "not_controlled"),
            ("Peers left out", "peers_skipped")]}}


def cache_sizes(context):
    """{level: bytes} of the caches that hold data."""
    return {cache["level"]: cache["size"] for cache in context.get("caches", [])
            if cache["type"] in ("Data", "Unified")}


def slots_in_caches(context):
    """{slots: name} of the caches, at 16 bytes a slot."""
    return {size / 16: f"L{level}" for level, size in cache_sizes(context).items()}
