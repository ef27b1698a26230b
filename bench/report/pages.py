"""The report: one page of HTML that needs nothing besides itself."""

import os
from html import escape

from bench.report import catalog, facts, panels, scales, svg, tables, verdicts
from bench.report.model import HOLDFAST, QUARTILES_FROM

STYLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page.css")

# Prints what is folded away; reading needs no script.
UNFOLD = """
addEventListener("beforeprint", () =>
  document.querySelectorAll("details:not([open])").forEach(each => {
    each.open = true; each.dataset.printed = "";
  }));
addEventListener("afterprint", () =>
  document.querySelectorAll("details[data-printed]").forEach(each => {
    each.open = false; delete each.dataset.printed;
  }));
"""


def page(results):
    """The whole report as HTML."""
    results = verdicts.add_computed_limits(results)
    with open(STYLE, encoding="utf-8") as file:
        style = file.read()
    looks = svg.looks(results.peers())
    painter, numbers = panels.Painter(results, looks), tables.Tables(results)
    found = tables_of_sections(numbers)
    sections = [section(each, results, painter, found[each.id]) for each in catalog.SECTIONS]
    shown = [(each.id, each.title) for each, text in zip(catalog.SECTIONS, sections) if text]
    body = "".join([
        head(results), failures(results), summary(results), contents(shown),
        key(results, looks), "".join(sections), others(results, numbers, shown),
        behind(results), method(results)])
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<meta name="color-scheme" content="light dark">'
            f'<title>holdfast benchmark report</title><style>{style}</style>'
            f'<script>{UNFOLD}</script></head><body><main>{body}</main></body></html>\n')


def head(results):
    rows = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(text)}</dd></div>"
                   for label, text in facts.machine(results.context))
    quick = ""
    if results.context.get("quick"):
        quick = ('<p class="note"><b>A quick run.</b> Few and short repetitions, smaller '
                 'tables: enough to see that it works, and orders of magnitude. '
                 f'{escape(str(results.context.get("cut_short", "")))}</p>')
    if str(results.context.get("build_mode", "")).startswith("dbg"):
        quick += ('<p class="note bad"><b>Built without optimization.</b> The figures say '
                  'nothing; run with <code>-c opt</code>.</p>')
    return (f'<header><p class="mark">holdfast</p><h1>Benchmark report</h1>'
            f'<p class="lead">A concurrent table of generational handles, beside its '
            f'alternatives and beside what the machine allows.</p>'
            f'<dl class="facts">{rows}</dl>{quick}</header>')


def failures(results):
    """What failed, and what ended the run early; "" if nothing did."""
    items = [f'<li><code>{escape(result.name)}</code> '
             f'{escape("; ".join(dict.fromkeys(result.errors)) or "has no figures")}</li>'
             for result in results.failed()]
    ended = results.context.get("ended_early")
    if ended:
        items.insert(0, f"<li>{escape(str(ended))}</li>")
    if not items:
        return ""
    return (f'<section class="note bad" id="failed"><h2>Failed</h2>'
            f'<ul>{"".join(items)}</ul></section>')


def summary(results):
    rows = []
    for label, verdict in verdicts.summary(results):
        lost = bool(verdict.ahead)
        limit = best = "–"
        if verdict.limit:
            limit = with_name(verdict.limit, verdict.counter)
        if verdict.best:
            best = with_name(verdict.best, verdict.counter)
        cells = [("holdfast", f"<b>{escape(amount(verdict.stat, verdict.counter))}</b>"),
                 ("limit", limit), ("to the limit", verdicts.against_limit(verdict)),
                 ("best peer", best),
                 ("to the best peer", f"<span>{escape(verdicts.against_best(verdict))}</span>")]
        text = "".join(f'<td data-head="{name}">{cell}</td>' for name, cell in cells)
        rows.append(f'<tr class="{"lost" if lost else ""}">'
                    f'<th scope="row">{escape(label)}</th>{text}</tr>')
    if not rows:
        return ""
    dagger = ""
    if any(catalog.DAGGER in row for row in rows):
        dagger = (f'<p class="note-line">{catalog.DAGGER} Allocation only: it tells no stale '
                  'handle from a live one.</p>')
    heads = "".join(f'<th scope="col">{each}</th>' for each in (
        "operation", "holdfast", "limit", "ratio", "best peer", "holdfast beside it"))
    return (f'<section id="summary"><h2>In short</h2>{spread_note(results)}'
            f'<table class="summary"><thead><tr>{heads}</tr></thead>'
            f'<tbody>{"".join(rows)}</tbody></table>{dagger}</section>')


def amount(stat, counter):
    return verdicts.amount(stat.median, counter)


def with_name(other, counter):
    return (f"{escape(amount(other.stat, counter))} "
            f"<small>{escape(catalog.name_with_dagger(other.peer))}</small>")


def spread_note(results):
    counts = results.repetitions()
    if counts and counts[-1] == 1:
        return ('<p class="lead">Time an operation, of all threads together; less is '
                'better. There was one repetition, so that no spread is known: small '
                'differences mean nothing.</p>')
    return ('<p class="lead">Time an operation, of all threads together; less is better. '
            'Medians of repetitions; ≈ says that a difference is within their spread. '
            'The limit is what the operation cannot go below on this machine.</p>')


def contents(shown):
    links = shown + [("behind", "Where holdfast is behind"), ("method", "How this was measured")]
    items = "".join(f'<li><a href="#{name}">{escape(title)}</a></li>' for name, title in links)
    return f'<nav aria-label="Contents"><ol>{items}</ol></nav>'


def key(results, looks):
    items = []
    for peer in sorted(results.peers(), key=catalog.rank):
        if peer.endswith(catalog.SCALED):
            continue
        info = catalog.describe(peer)
        css = "holdfast" if peer == HOLDFAST else ""
        items.append(f'<li class="{css}">{svg.swatch(looks[peer])}<div><b>{escape(info.full)}'
                     f'</b> <span>{escape(info.note)}</span></div></li>')
    return (f'<section id="key"><h2>Who is compared</h2><ul class="key">{"".join(items)}</ul>'
            f'<p>Limits are dashed and grey; for more threads than one, where they were not '
            f'measured, they are what one thread does, times the threads, up to as many as the '
            f'machine runs at once. Scales are logarithmic but for memory: the same '
            f'distance is the same ratio. Whiskers are the spread of the repetitions.</p>'
            f'</section>')


def tables_of_sections(numbers):
    """{section: its tables}; what no view shows is in a workload's last section."""
    found = {each.id: [numbers.of_view(view) for view in each.views]
             for each in catalog.SECTIONS}
    last = {view.workload: each.id for each in catalog.SECTIONS for view in each.views}
    for workload, name in last.items():
        found[name].append(numbers.rest(workload))
    return found


def section(each, results, painter, found):
    if not any(found):
        return ""
    figures = [painter.figure(panel) for view in each.views
               for panel in panels.pictured(view, panels.panels(view, results))]
    return (f'<section id="{each.id}"><h2>{escape(each.title)}</h2>'
            f'<p class="lead">{escape(each.text.strip())}</p>'
            f'<div class="figures">{"".join(figures)}</div>'
            f'{details(each.title, found, results)}{absent(each, results)}</section>')


def details(title, found, results):
    if not any(found):
        return ""
    counts = results.repetitions()
    times = " or ".join(map(str, counts))
    note = f"Medians of {times} repetition{'s' if counts != [1] else ''}"
    if counts and counts[-1] > 1:
        kind = "interquartile range" if counts[0] >= QUARTILES_FROM else "range, min to max"
        if counts[0] < QUARTILES_FROM <= counts[-1]:
            kind = f"interquartile range, or min to max below {QUARTILES_FROM} repetitions"
        note += f"; below each its spread, the {kind}"
    return (f"<details><summary>Numbers: {escape(title)}</summary>"
            f'<p class="note-line">{note}. The best of the peers is bold.</p>'
            f'<div class="tables">{"".join(found)}</div></details>')


def absent(each, results):
    """Which peers have no figures in a section's workloads."""
    everyone = [peer for peer in results.peers() if not catalog.is_limit(peer)]
    lines = {}
    for workload in dict.fromkeys(view.workload for view in each.views):
        there = {result.peer for result in results.of(workload)}
        names = tuple(catalog.describe(peer).short for peer in
                      sorted(set(everyone) - there, key=catalog.rank))
        if there and names:
            lines.setdefault(names, []).append(catalog.WORKLOADS.get(workload, workload))
    if not lines:
        return ""
    reason = ("left out of this run, or without the operation"
              if results.context.get("partial") else "the operation is not theirs")
    text = "; ".join(f"{', '.join(names)} (in: {', '.join(titles)})"
                     for names, titles in lines.items())
    return f'<p class="absent">Not here, {reason}: {escape(text)}.</p>'


def others(results, numbers, shown):
    """Workloads that the catalog does not know."""
    known = {view.workload for each in catalog.SECTIONS for view in each.views}
    found = [numbers.rest(workload) for workload in
             dict.fromkeys(result.workload for result in results.all) if workload not in known]
    if not found:
        return ""
    shown.append(("others", "Other workloads"))
    return (f'<section id="others"><h2>Other workloads</h2>'
            f'{details("Other workloads", found, results)}</section>')


def behind(results):
    every = verdicts.all_verdicts(results)
    counts = [sum(verdict.best.comparison.verdict == each for verdict in every)
              for each in ("ahead", "tie", "behind")]
    rows = []
    lost = [verdict for verdict in every if verdict.ahead]
    for verdict in sorted(lost, key=by_loss):
        names = ", ".join(unbroken(f"{catalog.describe(other.peer).short} "
                                   f"{scales.times(other.comparison.ratio)}")
                          for other in verdict.ahead)
        workload = verdict.result.workload
        rows.append(f'<tr><th scope="row">{escape(catalog.WORKLOADS.get(workload, workload))}'
                    f'</th><td>{escape(verdicts.what(verdict))}</td>'
                    f'<td>{escape(amount(verdict.stat, verdict.counter))}</td>'
                    f'<td>{escape(amount(verdict.ahead[0].stat, verdict.counter))}</td>'
                    f'<td class="names">{escape(names)}</td></tr>')
    text = (f'Against the best peer of each setting, holdfast is ahead in {counts[0]} of '
            f'{len(every)} comparisons, behind in {counts[2]}; in {counts[1]} the difference '
            f'is within the spread. Every setting in which any peer is ahead beyond the '
            f'spread is listed here.')
    table = ""
    if rows:
        heads = "".join(f'<th scope="col">{each}</th>' for each in (
            "workload", "setting", "holdfast", "best peer", "ahead of holdfast, by"))
        table = tables.scroll_box(
            f'<table class="behind"><thead><tr>{heads}</tr></thead>'
            f'<tbody>{"".join(rows)}</tbody></table>', "Where holdfast is behind")
    return (f'<section id="behind"><h2>Where holdfast is behind</h2>'
            f'<p class="lead">{text}</p>{table}</section>')


def unbroken(text):
    return text.replace(" ", scales.NO_BREAK)


def by_loss(verdict):
    order = list(catalog.WORKLOADS)
    workload = verdict.result.workload
    return (order.index(workload) if workload in order else len(order), workload,
            panels.params_rank(verdict.result.params),
            verdict.result.headline.index(verdict.counter))


def method(results):
    rows = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(text)}</dd></div>"
                   for label, text in facts.circumstances(results.context))
    return f"""<section id="method"><h2>How this was measured</h2>
<div class="prose">
<p>Every peer and every limit runs in one program, built by one compiler with the same flags,
in the configuration that suits it best, with room for all values reserved where it can be.
Peers in Rust run their loops in Rust. The repetitions of all benchmarks are interleaved at
random where the flags say so, so that a slow minute of the machine falls on everyone.</p>
<p>With several threads, the time is from the start of the first to the end of the last, over the
operations of all of them: perfect scaling to two threads halves it. Throughput is its inverse.
More threads than the machine runs at once are measured on purpose.</p>
<p>A figure is the median of its repetitions. Its spread is the interquartile range from
{QUARTILES_FROM} repetitions on, and from the least to the greatest of fewer. Two figures whose
spreads overlap, or that differ by less than half a percent, are said to be no different (≈).</p>
<p>Latencies are of single operations between two reads of the clock, less what an empty pair of
reads costs. Memory is the growth of the resident set.</p></div>
<dl class="facts">{rows}</dl></section>"""
