"""Who is ahead: holdfast beside the limits and the best peer of each setting."""

from collections import namedtuple

from bench.report import catalog, model, scales
from bench.report.model import HOLDFAST, MEMORY, PERCENTILES, Result, compare

# Someone's figure beside holdfast's.
Other = namedtuple("Other", "peer stat comparison")

# `limit` and `best` are Others or None; `ahead` are those that are better than holdfast
# beyond the spread, the best first, which is then `best`.
Verdict = namedtuple("Verdict", "result counter stat limit best ahead")

PERCENTILE_NAMES = {"p50": "p50", "p99": "p99", "p999": "p99.9", "max": "maximum"}


def judge(group, counter):
    """The Verdict of results that differ in the peer alone, or None without
    holdfast's."""
    stats = {result.peer: result.stat(counter) for result in group
             if result.stat(counter)}
    if HOLDFAST not in stats:
        return None
    ours = stats[HOLDFAST]
    others = sorted((Other(peer, stat, compare(ours, stat))
                     for peer, stat in stats.items() if peer != HOLDFAST),
                    key=lambda other: other.stat.median)
    peers = [other for other in others if not catalog.is_limit(other.peer)]
    limits = sorted((other for other in others if catalog.is_limit(other.peer)
                     and other.peer not in catalog.SOFT_LIMITS),
                    key=lambda other: catalog.rank(other.peer))
    result = next(result for result in group if result.peer == HOLDFAST)
    ahead = [other for other in peers if other.comparison.verdict == "behind"]
    return Verdict(result, counter, ours, limits[0] if limits else None,
                   (ahead or peers or [None])[0], ahead)


def all_verdicts(results):
    verdicts = (judge(group, counter) for group in results.settings()
                for counter in group[0].headline)
    return [verdict for verdict in verdicts if verdict and verdict.best]


def summary(results):
    """(label, Verdict) for the rows of the catalog that were measured."""
    found = []
    for row in catalog.SUMMARY:
        choices = [{}]
        for key, values in row.params.items():
            values = values if isinstance(values, list) else [values]
            choices = [{**chosen, key: value} for chosen in choices for value in values]
        verdict = next(filter(None, (first(results, row, chosen) for chosen in choices)), None)
        if verdict:
            slots = scales.binary(verdict.result.params.get("slots", 0))
            found.append((row.label.format(slots=slots), verdict))
    return found


def first(results, row, params):
    """The Verdict of the first setting with these parameters that has one."""
    verdicts = (judge(group, row.counter) for group in results.settings()
                if group[0].workload == row.workload
                and params.items() <= group[0].params.items())
    return next(filter(None, verdicts), None)


def against_limit(verdict):
    """holdfast's figure over the limit's: "1.45 ×", "≈" or "–"."""
    if not verdict.limit or not verdict.limit.stat.median:
        return "–"
    if verdict.limit.comparison.verdict == "tie":
        return "≈"
    return f"{scales.times(verdict.stat.median / verdict.limit.stat.median)}"


def against_best(verdict):
    """In plain words, a loss too."""
    if not verdict.best:
        return "no peer measured"
    name, comparison = catalog.describe(verdict.best.peer).short, verdict.best.comparison
    if comparison.verdict == "tie":
        return "≈"
    if comparison.verdict == "behind":
        return f"{name} is ahead here: {scales.times(comparison.ratio)}"
    better = "smaller" if verdict.counter == MEMORY else "faster"
    return f"{scales.times(comparison.ratio)} {better}"


def amount(value, counter):
    """A figure with its unit."""
    if counter == MEMORY:
        return f"{scales.number(value)}{scales.NO_BREAK}B"
    return scales.nanoseconds(value)


def what(verdict):
    """The setting of a verdict: "2 threads, 8 bytes, p99"."""
    text = catalog.setting_text(verdict.result.params)
    if verdict.counter in PERCENTILES:
        text += ", " + PERCENTILE_NAMES[verdict.counter]
    return text or "–"


def add_computed_limits(results):
    """Adds what follows from other figures: limits scaled to more threads, and the
    size of the value as a limit of memory."""
    cpus = results.context.get("num_cpus")
    added = []
    for group in results.settings():
        params, workload = group[0].params, group[0].workload
        measured = [result for result in group if result.measured]
        if not measured:
            continue
        if workload == "memory" and isinstance(params.get("bytes"), int):
            added.append(computed(workload, "value_alone", params,
                                  {MEMORY: [float(params["bytes"])]}))
        if isinstance(cpus, int) and isinstance(params.get("threads"), int):
            added += scaled_limits(results, group, cpus)
    return model.Results(results.context, results.all + added)


def scaled_limits(results, group, cpus):
    params, workload = group[0].params, group[0].workload
    present = {result.peer for result in group}
    one = {**params, "threads": 1}
    for result in results.of(workload):
        if (params["threads"] > 1 and result.params == one and result.measured
                and result.peer not in present
                and result.peer + catalog.SCALED in catalog.LIMITS
                and model.COST in result.samples):
            by = min(params["threads"], cpus)
            yield computed(workload, result.peer + catalog.SCALED, params,
                           {model.COST: [x / by for x in result.samples[model.COST]]})


def computed(workload, peer, params, samples):
    result = Result(workload, peer, dict(params))
    result.computed = True
    result.samples = samples
    return result
