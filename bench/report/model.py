"""What the suite measured: benchmarks, their repetitions, and comparisons."""

import json
import math
import re
import statistics
from collections import namedtuple

HOLDFAST = "holdfast"

# In these, smaller is better; so it is in all that the suite measures.
COST = "ns"
PERCENTILES = ("p50", "p99", "p999", "max")
MEMORY = "bytes_per_slot"
HARDWARE = ("cycles", "instructions", "cache_misses")
COUNTERS = (COST,) + PERCENTILES + (MEMORY, "overhead_ns") + HARDWARE

KEYS = ("threads", "slots", "bytes", "n", "phase", "fill", "verb", "load")

# So few repetitions have no meaningful quartiles.
QUARTILES_FROM = 5

# What would be written as 1.00.
NEGLIGIBLE = 1.005

NAME = re.compile(r"([a-z][a-z0-9_]*)/([a-z][a-z0-9_]*)((?:/[^/]*)*)\Z")


class BadInput(Exception):
    """The JSON is not what the suite writes."""


class Stat(namedtuple("Stat", "median low high count")):
    """The median of repetitions and their spread, from `low` to `high`."""

    @property
    def spread(self):
        if self.count == 1:
            return "none: one repetition"
        return "interquartile" if self.count >= QUARTILES_FROM else "min to max"

    def inverse(self, factor):
        """The Stat of factor / x."""
        return Stat(*(factor / x if x > 0 else 0.0
                      for x in (self.median, self.high, self.low)), self.count)

    def over(self, divisor):
        """The Stat of x / divisor."""
        return Stat(self.median / divisor, self.low / divisor, self.high / divisor,
                    self.count)


def stat(samples):
    if len(samples) >= QUARTILES_FROM:
        low, middle, high = statistics.quantiles(samples, n=4, method="inclusive")
        return Stat(middle, low, high, len(samples))
    return Stat(statistics.median(samples), min(samples), max(samples), len(samples))


class Comparison(namedtuple("Comparison", "verdict ratio")):
    """How `ours` compares with `theirs`: "tie", "ahead" or "behind", and the
    larger median over the smaller, None if that is no number."""


def compare(ours, theirs):
    small, large = sorted([ours.median, theirs.median])
    within_spread = ours.low <= theirs.high and theirs.low <= ours.high
    if within_spread or large < small * NEGLIGIBLE:
        return Comparison("tie", 1.0)
    return Comparison("ahead" if ours.median < theirs.median else "behind",
                      large / small if small > 0 else None)


class Result:
    """One benchmark of one peer."""

    def __init__(self, workload, peer, params):
        self.workload, self.peer, self.params = workload, peer, params
        self.computed = False  # From others' figures.
        self.samples = {}  # {counter: [value of each repetition]}
        self.errors = []
        self._stats = {}

    @property
    def name(self):
        return "/".join([self.workload, self.peer] +
                        [f"{key}:{value}" for key, value in self.params.items()])

    @property
    def setting(self):
        """What it has in common with the same benchmark of another peer."""
        return (self.workload, frozenset(self.params.items()))

    def stat(self, counter=COST):
        """The Stat of a counter, or None if it was not measured."""
        if counter not in self._stats:
            samples = self.samples.get(counter)
            self._stats[counter] = stat(samples) if samples else None
        return self._stats[counter]

    @property
    def headline(self):
        """The counters to compare by."""
        if self.workload == "latency":
            return PERCENTILES
        return (MEMORY,) if self.workload == "memory" else (COST,)

    @property
    def measured(self):
        return any(counter in self.samples for counter in self.headline)


class Results:
    def __init__(self, context, results):
        self.context, self.all = context, results
        self._by_setting = {}
        for result in results:
            self._by_setting.setdefault(result.setting, []).append(result)

    def failed(self):
        """Those that have an error, or none of the figures that they should."""
        return [result for result in self.all if result.errors or not result.measured]

    def of(self, workload):
        return [result for result in self.all if result.workload == workload]

    def settings(self):
        """Lists of results that differ in the peer alone."""
        return list(self._by_setting.values())

    def setting(self, result):
        return self._by_setting[result.setting]

    def peers(self):
        return list(dict.fromkeys(result.peer for result in self.all))

    def repetitions(self):
        return sorted({len(samples) for result in self.all if not result.computed
                       for counter, samples in result.samples.items()
                       if counter in result.headline})


def parse_name(name):
    """(workload, peer, parameters) of a benchmark's name, or None."""
    match = NAME.match(name)
    if not match:
        return None
    params = {}
    for part in match[3].split("/"):
        key, colon, value = part.partition(":")
        if colon and key in KEYS:  # The others are Google Benchmark's own.
            params[key] = int(value) if value.isdigit() else value
    return match[1], match[2], params


def parse(text, source="the JSON"):
    """The Results in what --benchmark_out wrote, or in a file of bench/results."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise BadInput(f"{source} is not JSON: {error}") from error
    entries = data.get("benchmarks") if isinstance(data, dict) else None
    if not isinstance(entries, list):
        raise BadInput(f'{source} has no list "benchmarks"; is it what '
                       "Google Benchmark writes?")
    results = {}
    for entry in entries:
        add_entry(results, entry, source)
    if not results:
        raise BadInput(f"{source} has no results of holdfast's suite, whose names look "
                       "like read_hit/holdfast/threads:1")
    context = data.get("context")
    return Results(context if isinstance(context, dict) else {}, list(results.values()))


def add_entry(results, entry, source):
    if not isinstance(entry, dict) or entry.get("run_type") == "aggregate":
        return
    parsed = parse_name(str(entry.get("run_name") or entry.get("name") or ""))
    if not parsed:
        return
    workload, peer, params = parsed
    key = (workload, peer, tuple(sorted(params.items(), key=str)))
    result = results.setdefault(key, Result(workload, peer, params))
    if entry.get("error_occurred"):
        result.errors.append(str(entry.get("error_message") or "no message"))
        return
    for counter in COUNTERS:
        if counter in entry:
            result.samples.setdefault(counter, []).extend(
                numbers(entry[counter], f"{source}: {result.name}: {counter}"))


def numbers(value, where):
    """One repetition's value, or those of all repetitions."""
    values = value if isinstance(value, list) else [value]
    for each in values:
        if type(each) not in (int, float) or not math.isfinite(each):
            raise BadInput(f"{where} is {each!r}, which is no number")
    return [float(each) for each in values]
