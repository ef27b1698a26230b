"""The pictures and tables of a section, chosen by the catalog's views."""

from collections import namedtuple
from html import escape

from bench.report import catalog, charts, scales, verdicts
from bench.report.model import COST, HOLDFAST, KEYS, MEMORY, PERCENTILES

# Results of one picture: the same but for the peer and, in a LineChart, for x.
Panel = namedtuple("Panel", "view fixed results")

WORD_ORDER = ["full", "sparse", "churned", "pin", "read", "write", "unpin"]
MARKS = {"p50": "dot", "p99": "diamond", "p999": "up", "max": "ring"}
X_TITLES = {"threads": "threads", "slots": "slots in the table", "bytes": "bytes a value",
            "n": "pins in a burst"}


def matches(result, where):
    return all(result.params.get(key) in (allowed if isinstance(allowed, list) else [allowed])
               for key, allowed in where.items())


def value_rank(value):
    """Numbers by size, words as one expects them."""
    if isinstance(value, int):
        return (0, value, "")
    return (1, WORD_ORDER.index(value) if value in WORD_ORDER else len(WORD_ORDER), value)


def params_rank(params):
    return [value_rank(params[key]) if key in params else (-1, 0, "") for key in KEYS]


def panels(view, results):
    groups = {}
    for result in results.of(view.workload):
        if matches(result, view.where):
            fixed = {key: value for key, value in result.params.items() if key != view.x}
            groups.setdefault(tuple(sorted(fixed.items())), []).append(result)
    found = [Panel(view, {key: dict(fixed)[key] for key in KEYS if key in dict(fixed)}, group)
             for fixed, group in groups.items()]
    def order(panel):
        verb = value_rank(panel.fixed.get("verb", "")) if view.kind == "latency" else ()
        return verb, params_rank(panel.fixed)
    return sorted(found, key=order)


def pictured(view, found):
    """Those of the panels that have a picture; the last if the data lack them."""
    chosen = [panel for panel in found
              if all(matches(result, view.pictured) for result in panel.results)]
    return chosen or found[-1:]


def counter_of(panel):
    return MEMORY if panel.view.workload == "memory" else COST


def x_values(panel):
    return sorted({result.params[panel.view.x] for result in panel.results
                   if panel.view.x in result.params and result.measured}, key=value_rank)


def by_peer(results):
    """[(peer, its results)]; a computed limit goes on where the measured one ends."""
    grouped = {}
    for result in results:
        if result.measured:
            peer = result.peer
            if peer.endswith(catalog.SCALED):
                peer = peer[:-len(catalog.SCALED)]
            grouped.setdefault(peer, []).append(result)
    return sorted(grouped.items(), key=lambda item: catalog.rank(item[0]))


class Painter:
    """Draws panels of one report."""

    def __init__(self, results, looks):
        self.results, self.looks, self.count = results, looks, 0
        cpus = results.context.get("num_cpus")
        self.cpus = cpus if isinstance(cpus, int) else None

    def figure(self, panel):
        """HTML of a figure, "" if nothing was measured."""
        if not any(result.measured for result in panel.results):
            return ""
        self.count += 1
        head, fixed = panel.view.title, dict(panel.fixed)
        if panel.view.kind == "latency" and "verb" in fixed:
            head = f"{head} of {fixed.pop('verb')}"
        setting = catalog.setting_text(fixed)
        title = f"{head}, {setting}" if setting else head
        reading = self.reading(panel)
        if panel.view.kind in ("dots", "latency"):
            picture = self.dots(panel, title, reading)
        else:
            picture = self.lines(panel, title, reading)
        if not picture:
            return ""
        return (f'<figure><figcaption><h3>{escape(head)}</h3>'
                f'<p>{escape(setting) or "&nbsp;"}</p></figcaption>{picture}'
                f'<p class="reading">{escape(reading)}</p></figure>')

    def lines(self, panel, title, reading):
        view, ticks = panel.view, x_values(panel)
        lines = [charts.Line(catalog.describe(peer).short, self.looks[peer],
                             self.points(panel, found))
                 for peer, found in by_peer(panel.results)]
        lines = [line for line in lines if line.points]
        if not ticks or not lines:
            return ""
        y_title, value, tick = y_words(panel)
        axes = charts.Axes(title, X_TITLES.get(view.x, view.x), y_title, ticks,
                           scales.binary if view.x == "slots" else "{:,}".format,
                           value, tick, self.cpus if view.x == "threads" else None,
                           self.caches() if view.x == "slots" else [])
        return charts.LineChart(f"f{self.count}", axes, lines, reading).draw()

    def points(self, panel, found):
        """(x, Stat) of one peer, in the picture's unit."""
        points = []
        for result in sorted(found, key=lambda result: params_rank(result.params)):
            x, stat = result.params.get(panel.view.x), result.stat(counter_of(panel))
            if not isinstance(x, int) or stat is None:
                continue
            if panel.view.kind == "threads":
                stat = stat.inverse(1000.0)
            elif panel.view.kind == "relative":
                limit = self.limit_of(result)
                if limit is None:
                    continue
                stat = stat.over(limit)
            points.append((x, stat))
        return points

    def limit_of(self, result):
        limits = [other for other in self.results.setting(result)
                  if catalog.is_limit(other.peer) and other.stat()]
        limits.sort(key=lambda other: catalog.rank(other.peer))
        return limits[0].stat().median if limits else None

    def caches(self):
        """Where tables of 16 bytes a slot outgrow the caches."""
        sizes = {}
        for cache in self.results.context.get("caches") or []:
            if cache.get("type") in ("Data", "Unified") and cache.get("size"):
                sizes[cache.get("level")] = cache["size"]
        return [(sizes[level] / 16, f"L{level}") for level in sorted(sizes)]

    def dots(self, panel, title, reading):
        latency = panel.view.kind == "latency"
        counters = PERCENTILES if latency else [counter_of(panel)]
        rows = []
        for peer, found in by_peer(panel.results):
            stats = [(counter, found[0].stat(counter)) for counter in counters
                     if found[0].stat(counter)]
            look = self.looks[peer]
            shape = "dot" if look.marker == "bar" else look.marker
            points = [(MARKS[counter] if latency else shape, stat,
                       ", " + verdicts.PERCENTILE_NAMES[counter] if latency else "")
                      for counter, stat in stats]
            rows.append(charts.Row(catalog.describe(peer).short, look, points))
        rows.sort(key=lambda row: row.points[min(1, len(row.points) - 1)][1].median)
        limit = verdicts_limit(panel, counters[0])
        if counter_of(panel) == MEMORY:
            words, value, tick = "bytes a slot, less is better", scales.number, scales.plain_tick
        else:
            words, value, tick = ("an operation, less is better", scales.nanoseconds,
                                  scales.time_tick)
        axes = charts.Axes(title, "", words, [], None, value, tick, None, [])
        return charts.DotChart(f"f{self.count}", axes, rows, reading, limit,
                               log=counter_of(panel) != MEMORY).draw()

    def reading(self, panel):
        """What a picture says, in words."""
        view, at, group = panel.view, "", panel.results
        if view.kind not in ("dots", "latency"):
            ours = [x for x in x_values(panel)
                    if any(result.peer == HOLDFAST and result.params.get(view.x) == x
                           for result in group)]
            if not ours:
                return "holdfast was not measured here."
            group = [result for result in group if result.params.get(view.x) == ours[-1]]
            at = catalog.setting_text({view.x: ours[-1]}) + ": "
        counter = "p999" if view.kind == "latency" else counter_of(panel)
        verdict = verdicts.judge(group, counter)
        if verdict is None:
            return "holdfast was not measured here."
        if view.kind == "latency":
            at = "p99.9: "
        return at + sentence(verdict, writer(panel))


def verdicts_limit(panel, counter):
    verdict = verdicts.judge(panel.results, counter)
    return verdict.limit.stat.median if verdict and verdict.limit else None


def y_words(panel):
    """What a LineChart's y is, and how to write a value and a tick of it."""
    if panel.view.kind == "threads":
        return ("million operations a second, more is better",
                lambda v: f"{scales.number(v)} M/s", scales.plain_tick)
    if panel.view.kind == "relative":
        return "times the limit, less is better", scales.times, lambda v: f"{v:g} ×"
    if counter_of(panel) == MEMORY:
        return ("bytes a slot, less is better",
                lambda v: f"{scales.number(v)} B", scales.plain_tick)
    return "an operation, less is better", scales.nanoseconds, scales.time_tick


def writer(panel):
    """Writes a figure of a verdict in the unit of the picture."""
    if panel.view.kind == "threads":
        return lambda value: f"{scales.number(1000.0 / value)} M/s" if value else "–"
    return lambda value: verdicts.amount(value, counter_of(panel))


def sentence(verdict, write):
    """holdfast beside the limit and the best peer."""
    text = "holdfast " + write(verdict.stat.median)
    if verdict.limit:
        text += (f"; the limit ({catalog.describe(verdict.limit.peer).short}) "
                 + write(verdict.limit.stat.median))
    if verdict.best:
        text += (f"; the best peer ({catalog.describe(verdict.best.peer).short}) "
                 + write(verdict.best.stat.median))
        comparison = verdict.best.comparison
        if comparison.verdict == "tie":
            text += ", no difference beyond the spread"
        elif comparison.verdict == "ahead":
            text += f": holdfast is ahead, {scales.times(comparison.ratio)}"
        else:
            text += ": " + verdicts.against_best(verdict)
    return text + "."
