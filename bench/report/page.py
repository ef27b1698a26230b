"""The report: one page of HTML that needs nothing besides itself."""

import os
import subprocess
import sys

from bench.report import catalog, charts, machine, words
from bench.report.catalog import HOLDFAST, describe, is_limit
from bench.report.results import HARDWARE, PERCENTILES, judge, summary, verdicts

try:
    import jinja2
except ImportError:
    jinja2 = None

# apt-get installs libraries for this one, which need not be the first of PATH.
SYSTEM_PYTHON = "/usr/bin/python3"


def missing():
    """What is to be installed, as a sentence; "" if all is there."""
    names = [name for name, module in [("jinja2", jinja2), ("matplotlib", charts.matplotlib)]
             if not module]
    return names and (f"{sys.executable} has no {' and no '.join(names)}; install with: apt-get "
                      f"install {' '.join('python3-' + name for name in names)}, or: "
                      f"{sys.executable} -m pip install {' '.join(names)}\n") or ""


def use_system_python():
    """Begins anew with the system's Python, if that has libraries which this one lacks."""
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
            figures = [figure(view, fixed, panel, results.context)
                       for view in views for fixed, panel in panels(view, groups)]
            sections.append((title, text, [each for each in figures if each], groups))
    if rest:
        sections.append(("Other numbers", "", [], rest))
    every = verdicts(results)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(os.path.dirname(os.path.abspath(__file__))),
        autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["peer_name"] = lambda peer: describe(peer).short
    environment.globals.update(
        results=results, sections=sections, summary=summary(results), machine=machine,
        missing=missing(), charts=charts, describe=describe, number=words.number, best=best,
        setting=setting, HARDWARE=HARDWARE, title_of=catalog.title, times=words.times,
        losses=[verdict for verdict in every if verdict.ahead],
        counts={outcome: sum(verdict.best.outcome == outcome for verdict in every)
                for outcome in ("ahead", "tie", "behind")})
    return environment.get_template("page.html").render()


def matches(result, where):
    return all(result.params.get(key) in (value if isinstance(value, list) else [value])
               for key, value in where.items())


def belongs(result, view):
    return result.workload == view.workload and matches(result, view.where)


def panels(view, groups):
    """[(settings, results)] of the view's pictures: the results are the same but for the peer
    and, with lines, for x."""
    found = {}
    for group in groups:
        if belongs(group[0], view):
            fixed = {key: value for key, value in group[0].params.items() if key != view.x}
            found.setdefault(tuple(words.rank(fixed)), (fixed, []))[1].extend(group)
    chosen = [panel for panel in found.values() if matches(panel[1][0], view.pictured)]
    return chosen or list(found.values())[-1:]


def figure(view, fixed, panel, context):
    """What the page has of a picture, or None if nothing was measured."""
    title = view.title + (f" of {fixed['verb']}" if "verb" in fixed else "")
    about = words.setting({key: value for key, value in fixed.items() if key != "verb"})
    kind, unit = "a slot, less is better", panel[0].unit
    if view.x == "threads":
        kind, unit = "operations a second, more is better", "M/s"
    elif view.over_limit:
        kind, unit = "times the limit, less is better", "×"
    elif unit == "ns":
        kind = "an operation, less is better"
    series = lines(view, panel) if view.x else rows(panel)
    if not series:
        return None
    verdict = judge(panel)
    svg = charts.matplotlib and charts.draw(charts.Chart(
        f"{title}, {about}", unit, series, view.x,
        # Of 16 bytes.
        {size / 16: name for name, size in machine.cache_sizes(context).items()
         if view.x == "slots"},
        context.get("num_cpus") if view.x == "threads" else None,
        verdict.limit.stat.median if verdict and verdict.limit else None))
    return title, about, kind, svg, reading(view, panel, unit)


def lines(view, panel):
    """{peer: [(x, Stat)]}; a computed limit goes on where the measured one ends."""
    found = {}
    for result in sorted(panel, key=lambda each: words.rank(each.params)):
        x, stat = result.params.get(view.x), result.stat()
        if x is None or not stat:
            continue
        if view.x == "threads":
            stat = stat.rate()
        elif view.over_limit:
            limits = [each for each in panel if each.params == result.params and each.stat()
                      and is_limit(each.peer)]
            if not limits:
                continue
            stat = stat.over(min(limits, key=lambda each: catalog.rank(each.peer)).stat().median)
        found.setdefault(catalog.unscaled(result.peer), []).append((x, stat))
    return found


def rows(panel):
    """{peer: [(counter, Stat)]}, the best first; of latencies, by p99."""
    found = {result.peer: [(counter, result.stat(counter)) for counter in result.headline]
             for result in panel if result.stat()}
    return dict(sorted(found.items(), key=lambda each: each[1][:2][-1][1]))


def reading(view, panel, unit):
    """What a picture says, in words."""
    counter, at = None, ""
    if view.workload == "latency":
        counter, at = "p999", "p99.9: "
    elif view.x:
        last = max((result.params[view.x] for result in panel
                    if result.peer == HOLDFAST and result.stat()), default=0)
        panel = [result for result in panel if result.params[view.x] == last]
        at = words.setting({view.x: last}) + ": "
    verdict = judge(panel, counter)
    if not verdict:
        return "holdfast was not measured here."

    def amount(other):
        return (words.amount(other.stat.rate().median, unit) if unit == "M/s" else
                verdict.amount(other))
    text = f"{at}holdfast {amount(verdict)}"
    for what, other in [("limit", verdict.limit), ("best peer", verdict.best)]:
        if other:
            text += f"; the {what} ({describe(other.peer).short}) {amount(other)}"
    if verdict.best:
        text += {"tie": ", no difference beyond the spread",
                 "ahead": f": holdfast is ahead, {words.times(verdict.best.ratio)}",
                 "behind": f": {verdict.against_best()}"}[verdict.best.outcome]
    return text + "."


def best(group, counter):
    """The lowest median of those that are no limit."""
    return min((result.stat(counter).median for result in group
                if result.stat(counter) and not is_limit(result.peer)), default=None)


def setting(result, counter):
    """The setting of a row of a table: "2 threads, 8 bytes, p99"."""
    parts = [words.setting(result.params), PERCENTILES.get(counter)]
    return ", ".join(filter(None, parts)) or "–"
