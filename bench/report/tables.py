"""The tables of numbers, and which of the report's benchmarks they hold."""

from html import escape

from bench.report import catalog, panels, scales
from bench.report.model import COST, HARDWARE, HOLDFAST, MEMORY, PERCENTILES, Stat
from bench.report.verdicts import PERCENTILE_NAMES


def scroll_box(table, label):
    return (f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">'
            f'{table}</div>')


class Tables:
    """Writes each result at most once per view, and tells which it has written."""

    def __init__(self, results):
        self.results, self.written = results, set()
        self.repetitions = results.repetitions()

    def of_view(self, view):
        """One table for each panel; for dots, one for all of them."""
        found = panels.panels(view, self.results)
        if view.kind == "relative" or not found:
            return ""
        if view.kind == "latency":
            return "".join(self.percentiles(view.title, panel) for panel in found)
        if view.kind == "dots":
            everything = [result for panel in found for result in panel.results]
            return self.matrix(view.title, everything)
        return "".join(self.matrix(view.title, panel.results, view.x, panel.fixed)
                       for panel in found)

    def rest(self, workload):
        """What no view has shown."""
        left = [result for result in self.results.of(workload)
                if result.name not in self.written]
        if not left:
            return ""
        title = catalog.WORKLOADS.get(workload, workload.replace("_", " "))
        if any(result.workload == "latency" for result in left):
            view = catalog.view(workload, "latency", title)
            self_panels = panels.panels(view, self.results)
            return "".join(self.percentiles(title, panel) for panel in self_panels)
        return self.matrix(title + ", other settings", left)

    def matrix(self, title, results, x=None, fixed=None):
        """A row for each peer, a column for each x, or for each setting."""
        def column(result):
            return result.params.get(x, "") if x else tuple(result.params.items())

        columns = {column(result): result for result in
                   sorted(results, key=lambda result: panels.params_rank(result.params))}
        heads = [catalog.setting_text({x: result.params[x]} if x and x in result.params
                                      else result.params) or unit(result)
                 for result in columns.values()]
        cells = {(result.peer, column(result)): result for result in results}
        best = {each: lowest([result for (_, at), result in cells.items() if at == each])
                for each in columns}
        rows = []
        for peer in ordered_peers(results):
            row = [self.cell(cells.get((peer, each)), counter(cells.get((peer, each))),
                             best[each]) for each in columns]
            rows.append(row_of(peer, row))
        setting = catalog.setting_text(fixed or {})
        return self.table(title, setting, heads, rows, unit(results[0])) + hardware(
            title, setting, heads, list(columns), cells, ordered_peers(results))

    def percentiles(self, title, panel):
        best = {each: lowest(panel.results, each) for each in PERCENTILES}
        peers = {result.peer: result for result in panel.results}
        rows = [row_of(peer, [self.cell(peers[peer], each, best[each])
                              for each in PERCENTILES])
                for peer in ordered_peers(panel.results)]
        heads = [PERCENTILE_NAMES[each] for each in PERCENTILES]
        return self.table(title, catalog.setting_text(panel.fixed), heads, rows, "ns")

    def cell(self, result, each, best):
        if result is None:
            return '<td class="none">–</td>'
        self.written.add(result.name)
        name = f' data-benchmark="{escape(result.name)}"'
        stat = result.stat(each)
        if stat is None:
            return f'<td class="failed"{name}>failed</td>'
        css = ' class="best"' if result is best else ""
        return f"<td{css}{name}>{self.figures(stat)}</td>"

    def figures(self, stat: Stat):
        text = scales.number(stat.median)
        if stat.count > 1:
            text += (f'<small>{scales.number(stat.low)}–{scales.number(stat.high)}</small>')
        if len(self.repetitions) > 1 and stat.count > 1:
            text += f"<small>n = {stat.count}</small>"
        return text

    @staticmethod
    def table(title, setting, heads, rows, what):
        full = f"{title}, {setting}" if setting else title
        head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
        # No <caption>, which would scroll away with a wide table.
        box = scroll_box(f'<table><thead><tr><th scope="col">peer</th>{head}</tr></thead>'
                         f'<tbody>{"".join(rows)}</tbody></table>', full)
        return (f'<div class="numbers"><p><b>{escape(title)}</b> {escape(setting)} '
                f'<span>{escape(what)}</span></p>{box}</div>')


def hardware(title, setting, heads, columns, cells, peers):
    """Cycles, instructions and cache misses, where the machine gave them."""
    def figures(result):
        stats = [result.stat(each) for each in HARDWARE] if result else []
        if not any(stats):
            return '<td class="none">–</td>'
        return "<td>" + " / ".join(scales.number(stat.median) if stat else "–"
                                   for stat in stats) + "</td>"

    if not any(result.stat(each) for result in cells.values() for each in HARDWARE):
        return ""
    rows = [row_of(peer, [figures(cells.get((peer, each))) for each in columns])
            for peer in peers]
    return Tables.table(title, setting, heads, rows,
                        "cycles / instructions / cache misses an operation")


def row_of(peer, cells):
    css = "holdfast" if peer == HOLDFAST else "limit" if catalog.is_limit(peer) else ""
    return (f'<tr class="{css}"><th scope="row">{escape(catalog.describe(peer).short)}</th>'
            f'{"".join(cells)}</tr>')


def ordered_peers(results):
    return sorted({result.peer for result in results}, key=catalog.rank)


def counter(result):
    return MEMORY if result and result.workload == "memory" else COST


def unit(result):
    return "bytes a slot" if counter(result) == MEMORY else "ns an operation"


def lowest(results, each=None):
    """The peer with the lowest median of those that are no limit."""
    able = [result for result in results
            if not catalog.is_limit(result.peer) and result.stat(each or counter(result))]
    return min(able, key=lambda result: result.stat(each or counter(result)).median,
               default=None)
