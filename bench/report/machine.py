"""The state of this machine and checkout, as far as files and git tell it."""

import os
import platform
import subprocess
import time

from bench.report.facts import UNKNOWN

CPU = "/sys/devices/system/cpu"


def context(workspace, root="/"):
    """What is added to the JSON's context before a run."""
    found = {
        "commit": commit(workspace),
        "date_utc": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "governor": governor(root),
        "turbo": turbo(root),
        "smt": first_line(root, f"{CPU}/smt/control") or UNKNOWN,
        "load_at_start": load(),
    }
    found["not_controlled"] = not_controlled(found)
    return found


def commit(workspace):
    """`git describe`, with -dirty if the tree is not what was committed."""
    try:
        done = subprocess.run(["git", "describe", "--always", "--tags", "--dirty"],
                              cwd=workspace, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN
    return done.stdout.decode().strip() or UNKNOWN


def governor(root):
    return first_line(root, f"{CPU}/cpu0/cpufreq/scaling_governor") or UNKNOWN


def turbo(root):
    no_turbo = first_line(root, f"{CPU}/intel_pstate/no_turbo")
    if no_turbo:
        return "off" if no_turbo == "1" else "on"
    boost = first_line(root, f"{CPU}/cpufreq/boost")
    if boost:
        return "on" if boost == "1" else "off"
    return UNKNOWN


def load():
    try:
        return " ".join(f"{each:.2f}" for each in os.getloadavg())
    except OSError:
        return UNKNOWN


def not_controlled(found):
    """Sources of noise that were on, or may have been."""
    noisy = []
    if found["governor"] != "performance":
        noisy.append(f"frequency governor ({found['governor']})")
    if found["turbo"] != "off":
        noisy.append(f"turbo ({found['turbo']})")
    if found["smt"] not in ("off", "forceoff", "notsupported"):
        noisy.append(f"simultaneous multithreading ({found['smt']})")
    return "; ".join(noisy + ["other programs", "the scheduler", "address randomization"])


def first_line(root, path):
    try:
        with open(os.path.join(root, path.lstrip("/")), encoding="utf-8") as file:
            return file.readline().strip()
    except OSError:
        return ""
