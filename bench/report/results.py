"""The results of the suite, their spread, and comparisons of holdfast with others."""

import json
import math
import re
import statistics
from collections import namedtuple
from itertools import product

from bench.report import catalog, words
from bench.report.catalog import HOLDFAST, describe, is_limit

PERCENTILES = {"p50": "p50", "p99": "p99", "p999": "p99.9", "max": "maximum"}
MEMORY = "bytes_per_slot"
HARDWARE = ("cycles", "instructions", "cache_misses")
NAME = re.compile(r"([a-z][a-z0-9_]*)/([a-z][a-z0-9_]*)((?:/[^/]*)*)\Z")

# So few repetitions have no meaningful quartiles.
QUARTILES_FROM = 5
# Ratios below would be written as 1.00.
NEGLIGIBLE = 1.005

# A peer's or a limit's figure beside holdfast's: `outcome` is "tie", "ahead" or "behind",
# of holdfast; `ratio` the larger median over the smaller, or None if that is no number.
Other = namedtuple("Other", "peer stat outcome ratio")


class BadInput(Exception):
    """The JSON is not what the suite writes."""


class Stat(namedtuple("Stat", "median low high count")):
    """The median of repetitions and their spread, from `low` to `high`."""

    def over(self, divisor):
        return Stat(self.median / divisor, self.low / divisor, self.high / divisor, self.count)

    def rate(self):
        """Of nanoseconds, millions a second."""
        return Stat(*(1e3 / value if value else 0.0
                      for value in (self.median, self.high, self.low)), self.count)


class Result:
    """One benchmark of one peer. In all that is measured, less is better."""

    def __init__(self, workload, peer, params, samples=None):
        self.workload, self.peer, self.params = workload, peer, params
        self.computed = samples is not None  # From others' figures.
        self.samples, self.errors = samples or {}, []  # {counter: [each repetition's value]}
        # The counters to compare by, and their unit.
        self.headline = {"latency": tuple(PERCENTILES), "object_latency": tuple(PERCENTILES),
                         "memory": (MEMORY,)}.get(
            workload, ("ns",))
        self.unit = "B" if workload == "memory" else "ns"

    @property
    def name(self):
        return "/".join([self.workload, self.peer]
                        + [f"{key}:{value}" for key, value in self.params.items()])

    def stat(self, counter=None):
        """The Stat of a counter, or None if it was not measured."""
        samples = self.samples.get(counter or self.headline[0])
        if not samples:
            return None
        if len(samples) < QUARTILES_FROM:
            return Stat(statistics.median(samples), min(samples), max(samples), len(samples))
        low, middle, high = statistics.quantiles(samples, n=4, method="inclusive")
        return Stat(middle, low, high, len(samples))


class Results:
    def __init__(self, context, measured):
        self.context, self.all = context, measured
        self.all = measured + [each for group in self.groups()
                               for each in computed_limits(self, group)]

    def groups(self):
        """Lists of results that differ in the peer alone, in the catalog's order."""
        found = {}
        for result in self.all:
            found.setdefault((catalog.order(result.workload), result.workload,
                              *words.rank(result.params)), []).append(result)
        return [found[key] for key in sorted(found)]

    def failed(self):
        """{name: error} of those that have one, or none of the figures that they should."""
        return {result.name: "; ".join(dict.fromkeys(result.errors)) or "has no figures"
                for result in self.all if result.errors or not result.stat()}

    def peers(self):
        return sorted({result.peer for result in self.all}, key=catalog.rank)

    def repetitions(self):
        """How many there were, as text."""
        counts = {len(result.samples[counter]) for result in self.all if not result.computed
                  for counter in result.headline if counter in result.samples}
        return " or ".join(map(str, sorted(counts)))


def computed_limits(results, group):
    """Limits that follow from other figures: limits scaled to more threads, and the size of
    the value as a limit of memory."""
    workload, params = group[0].workload, group[0].params
    if workload == "memory" and "bytes" in params:
        yield Result(workload, "value_alone", params, {MEMORY: [float(params["bytes"])]})
    cpus, threads = results.context.get("num_cpus"), params.get("threads", 1)
    for one in results.all:
        if (cpus and threads > 1 and one.workload == workload and one.peer in catalog.SCALING
                and one.params == {**params, "threads": 1} and one.stat("ns")
                and one.peer not in {result.peer for result in group}):
            yield Result(workload, one.peer, params, {
                "ns": [value / min(threads, cpus) for value in one.samples["ns"]]})


def parse_name(name):
    """(workload, peer, parameters) of a benchmark's name, or None."""
    match = NAME.match(name)
    if not match:
        return None
    params = {}
    for part in match[3].split("/"):
        key, _, value = part.partition(":")
        if key in words.SETTINGS:  # The others are Google Benchmark's own.
            params[key] = int(value) if value.isdigit() else value
    return match[1], match[2], params


def parse(text, source="the JSON"):
    """The Results in the JSON of --benchmark_out, or of a file of bench/results."""
    found = {}
    try:
        data = json.loads(text)
        for entry in data["benchmarks"]:
            add_entry(found, entry)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"{source} is not what Google Benchmark writes: {error!r}") from error
    if not found:
        raise BadInput(f"{source} has no results of holdfast's suite, whose names look "
                       "like read_hit/holdfast/threads:1")
    return Results(data.get("context", {}), list(found.values()))


def add_entry(found, entry):
    parsed = parse_name(entry.get("run_name") or entry["name"])
    if not parsed or entry.get("run_type") == "aggregate":
        return
    result = found.setdefault((*parsed[:2], *words.rank(parsed[2])), Result(*parsed))
    if entry.get("error_occurred"):
        result.errors.append(entry.get("error_message") or "no message")
        return
    for counter in ("ns", *PERCENTILES, MEMORY, *HARDWARE):
        values = entry.get(counter, [])  # One repetition's, or a list of all.
        for value in values if isinstance(values, list) else [values]:
            if not math.isfinite(value):
                raise ValueError(f"{counter} of {result.name} is {value}")
            result.samples.setdefault(counter, []).append(float(value))


class Verdict(namedtuple("Verdict", "result counter stat limit best ahead")):
    """holdfast's `result` beside others. `limit` and `best` are Others or None; `ahead` are
    those that are better than holdfast beyond the spread, the best first: then `best`."""

    def amount(self, other=None):
        """A figure with its unit: another's, or holdfast's."""
        return words.amount((other or self).stat.median, self.result.unit)

    def against_limit(self):
        """holdfast's figure over the limit's: "1.45 ×", "≈" or "–"."""
        if not self.limit or not self.limit.stat.median:
            return "–"
        if self.limit.outcome == "tie":
            return "≈"
        return words.times(self.stat.median / self.limit.stat.median)

    def against_best(self):
        """In plain words, a loss too."""
        if not self.best:
            return "no peer measured"
        ratio, better = words.times(self.best.ratio), {"B": "smaller", "ns": "faster"}
        return {"tie": "≈", "ahead": f"{ratio} {better[self.result.unit]}",
                "behind": f"{describe(self.best.peer).short} is ahead here: {ratio}"
                }[self.best.outcome]


def compare(peer, ours, theirs):
    """The Other of a peer. Spreads that overlap are a tie, and so are ratios that would be
    written as 1.00."""
    small, large = sorted([ours.median, theirs.median])
    if (ours.low <= theirs.high and theirs.low <= ours.high) or large < small * NEGLIGIBLE:
        return Other(peer, theirs, "tie", 1.0)
    return Other(peer, theirs, "ahead" if ours.median < theirs.median else "behind",
                 large / small if small > 0 else None)


def limit_of(group, counter=None):
    """The name of the limit to compare with, or None."""
    return min((result.peer for result in group if result.stat(counter)
                and is_limit(result.peer) and result.peer != catalog.SOFT_LIMIT),
               key=catalog.rank, default=None)


def judge(group, counter=None):
    """The Verdict of results that differ in the peer alone, or None without holdfast's."""
    found = {result.peer: result for result in group if result.stat(counter)}
    if HOLDFAST not in found:
        return None
    ours = found[HOLDFAST].stat(counter)
    others = {peer: compare(peer, ours, result.stat(counter)) for peer, result in found.items()}
    peers = sorted((other for peer, other in others.items() if peer != HOLDFAST
                    and not is_limit(peer)), key=lambda other: other.stat.median)
    ahead = [other for other in peers if other.outcome == "behind"]
    return Verdict(found[HOLDFAST], counter, ours, others.get(limit_of(group, counter)),
                   (ahead or peers or [None])[0], ahead)


def verdicts(results):
    """Of every setting in which holdfast and another peer were measured."""
    found = (judge(group, counter) for group in results.groups()
             for counter in group[0].headline)
    return [verdict for verdict in found if verdict and verdict.best]


def summary(results):
    """[(label, Verdict)] of the rows of the catalog that were measured."""
    found, groups = [], results.groups()
    for label, workload, counter, params in catalog.SUMMARY:
        wanted = [value if isinstance(value, list) else [value] for value in params.values()]
        verdict = next(filter(None, (
            judge(group, counter) for values in product(*wanted) for group in groups
            if group[0].workload == workload
            and dict(zip(params, values)).items() <= group[0].params.items())), None)
        if verdict:
            slots = words.binary(verdict.result.params.get("slots", 0))
            found.append((label.format(slots=slots), verdict))
    return found
