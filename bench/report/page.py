"""The report: one page of HTML that needs nothing besides itself."""

import os
import subprocess
import sys

from bench.report import catalog, charts, machine, words
from bench.report.catalog import describe, is_limit
from bench.report.results import (HARDWARE, PERCENTILES, judge, limit_of, summary,
                                  verdicts)

try:
    import jinja2
except ImportError:
    jinja2 = None

# apt-get installs libraries for this Python, which need not be the first of PATH.
SYSTEM_PYTHON = "/usr/bin/python3"


def missing():
    """A sentence about libraries to install; "" if all are there."""
    names = [name for name, module in [("jinja2", jinja2), ("matplotlib", charts.matplotlib)]
             if not module]
    return "" if not names else (
        f"{sys.executable} has no {' and no '.join(names)}; install with: apt-get install "
        f"{' '.join('python3-' + name for name in names)}, or: {sys.executable} -m pip install "
        f"{' '.join(names)}\n")


def use_system_python():
    """Starts this program again with the system's Python, if that has libraries which the
    Python that runs it lacks."""
    if (missing() and os.path.realpath(sys.executable) != os.path.realpath(SYSTEM_PYTHON)
            and subprocess.run([SYSTEM_PYTHON, "-c", "import jinja2, matplotlib"], check=False,
                               stderr=subprocess.DEVNULL).returncode == 0):
        os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON, *sys.argv])


def page(results):
    """The whole report as HTML."""
    sections, rest = [], results.groups()
    for title, text, views in catalog.SECTIONS:
        groups = [group for group in results.groups()
                  if any(belongs(group[0], view) for view in views)]
        rest = [group for group in rest if group not in groups]
        if groups:
            figures = [figure(view, panel, results.context)
                       for view in views for panel in panels(view, groups)]
            sections.append((title, text, filter(None, figures), groups))
    if rest:
        sections.append(("Other numbers", "", [], rest))
    every = verdicts(results)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(os.path.dirname(os.path.abspath(__file__))),
        autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["peer_name"] = lambda peer: describe(peer).short
    environment.globals.update(
        results=results, repetitions=results.repetitions(), sections=sections,
        summary=summary(results), machine=machine, missing=missing(), charts=charts,
        describe=describe, number=words.number, times=words.times, best=best, setting=setting,
        title_of=catalog.title, HARDWARE=HARDWARE,
        losses=[verdict for verdict in every if verdict.ahead],
        counts={outcome: sum(verdict.best.outcome == outcome for verdict in every)
                for outcome in ("ahead", "tie", "behind")})
    return environment.get_template("page.html").render()


def matches(result, where):
    return all(result.params.get(key) in (value if isinstance(value, list) else [value])
               for key, value in where.items())


def belongs(result, view):
    return (result.workload == view.workload and matches(result, view.where)
            and (not view.x or view.x in result.params))


def panels(view, groups):
    """The view's pictures, each as a list of groups: of one, or of one for each x."""
    found = {}
    for group in groups:
        if belongs(group[0], view):
            fixed = {**group[0].params, view.x: -1}
            found.setdefault(tuple(words.rank(fixed)), []).append(group)
    chosen = [panel for panel in found.values() if matches(panel[0][0], view.pictured)]
    return chosen or list(found.values())[-1:]


def figure(view, panel, context):
    """(title, setting, unit, SVG, sentence) of a picture; None if nothing was measured."""
    fixed = {key: value for key, value in panel[0][0].params.items() if key != view.x}
    title = view.title + (f" of {fixed.pop('verb')}" if "verb" in fixed else "")
    about = words.setting(fixed)
    kind, unit = "a slot, less is better", panel[0][0].unit
    if view.x == "threads":
        kind, unit = "operations a second, more is better", "M/s"
    elif view.over_limit:
        kind, unit = "times the limit, less is better", "×"
    elif unit == "ns":
        kind = "an operation, less is better"
    series = lines(view, panel) if view.x else rows(panel[0])
    if not series:
        return None
    # The sizes of the caches in slots of 16 bytes.
    caches = {size / 16: name for name, size in machine.cache_sizes(context).items()}
    svg = charts.matplotlib and charts.draw(charts.Chart(
        f"{title}, {about}", unit, series, view.x, caches if view.x == "slots" else {},
        context.get("num_cpus") if view.x == "threads" else None, limit_of(panel[0])))
    return title, about, kind, svg, reading(view, panel, unit)


def lines(view, panel):
    """{peer: [(x, Stat)]} of costs, of costs over the limit, or of throughputs."""
    found = {}
    for group in panel:
        stats = {result.peer: result.stat() for result in group if result.stat()}
        if view.over_limit:
            limit = stats[limit_of(group)].median if limit_of(group) else None
            stats = {peer: stat.over(limit) for peer, stat in stats.items() if limit}
        for peer in sorted(stats, key=catalog.rank):
            stat = stats[peer].rate() if view.x == "threads" else stats[peer]
            found.setdefault(peer, []).append((group[0].params[view.x], stat))
    return found


def rows(group):
    """{peer: [(counter, Stat)]}, the best first; of latencies, by p99."""
    found = {result.peer: [(counter, result.stat(counter)) for counter in result.headline
                           if result.stat(counter)] for result in group if result.stat()}
    return dict(sorted(found.items(), key=lambda each: each[1][:2][-1][1]))


def reading(view, panel, unit):
    """A sentence with the figures of a picture; of lines, with those at their ends."""
    counter = "p999" if view.workload.endswith("latency") else None
    verdict = next(filter(None, (judge(group, counter) for group in reversed(panel))), None)
    if not verdict:
        return "holdfast was not measured here."

    def amount(other):
        return (words.amount(other.stat.rate().median, unit) if unit == "M/s" else
                verdict.amount(other))
    at = words.setting({view.x: verdict.result.params[view.x]}) if view.x else ""
    at = "p99.9" if counter else at
    text = f"{at}: " * bool(at) + f"holdfast {amount(verdict)}"
    for what, other in [("limit", verdict.limit), ("best peer", verdict.best)]:
        if other:
            text += f"; the {what} ({describe(other.peer).short}) {amount(other)}"
    outcome = verdict.best and verdict.best.outcome
    if outcome == "tie":
        return text + ", no difference beyond the spread."
    if outcome:
        text += (": holdfast is " if outcome == "ahead" else ": ") + verdict.against_best()
    return text + "."


def best(group, counter):
    """The lowest median of those that are no limit."""
    return min((result.stat(counter).median for result in group
                if result.stat(counter) and not is_limit(result.peer)), default=None)


def setting(result, counter):
    """The setting of a row of a table: "2 threads, 8 bytes, p99"."""
    parts = [words.setting(result.params), PERCENTILES.get(counter)]
    return ", ".join(filter(None, parts)) or "–"
