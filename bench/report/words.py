"""How numbers and settings are written."""

import math

NO_BREAK = "\N{NO-BREAK SPACE}"

# The settings in a benchmark's name, in the order of sentences: how the value one is
# written, and how others are.
SETTINGS = {"verb": ("{}", "{}"), "threads": ("{} thread", "{} threads"),
            "slots": ("{} slot", "{} slots"), "bytes": ("{} byte", "{} bytes"),
            "n": ("n = {}", "n = {}"), "phase": ("{}", "{}"), "fill": ("{}", "{}"),
            "calls": ("a call for {}", "a call for {}"),
            "others": ("others {}", "others {}"), "load": ("load {}", "load {}")}
WORD_ORDER = ("full", "sparse", "churned", "running", "stopped", "pin", "read", "write",
              "unpin", "emplace", "borrow", "erase", "each", "many")


def number(value):
    """Three significant digits, thousands apart: 0.123, 1.23, 12.3, 123, 12,300."""
    value = float(f"{value:.3g}")
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{min(max(digits, 0), 4)}f}"


def amount(value, unit, write=number):
    """A value with its unit, 1.20 ns or 16.0 B; long times as 34.5 µs or 6.70 ms."""
    for factor, larger in [(1e9, "s"), (1e6, "ms"), (1e3, "µs")]:
        if unit == "ns" and value >= factor:
            return write(value / factor) + NO_BREAK + larger
    return write(value) + NO_BREAK + unit


def times(ratio):
    """A ratio: 1.24 ×, 3.6 ×, 27 ×, or "many ×" if one of the two was zero."""
    digits = 0 if ratio is None or ratio >= 9.95 else 1 if ratio >= 1.995 else 2
    return ("many" if ratio is None else f"{ratio:,.{digits}f}") + NO_BREAK + "×"


def binary(value):
    """A count of slots: 256, 1K, 16M where it is a round power of two."""
    for factor, unit in [(1 << 20, "M"), (1 << 10, "K")]:
        if value >= factor and value % factor == 0:
            return f"{value // factor}{unit}"
    return f"{value:,}"


def setting(params):
    """{"threads": 2, "bytes": 8} as "2 threads, 8 bytes"."""
    return ", ".join(forms[params[key] != 1].format(
        f"{params[key]:,}" if isinstance(params[key], int) else params[key])
        for key, forms in SETTINGS.items() if key in params)


def rank(params):
    """Sorts settings: numbers by size, words as one expects them."""
    values = [params.get(key, -1) for key in SETTINGS]
    return [(0, value, "") if isinstance(value, int) else
            (1, WORD_ORDER.index(value) if value in WORD_ORDER else 99, value)
            for value in values]
