"""Draws the pictures with matplotlib, as SVG whose colours are variables of the page: for
light, dark and print.

ECharts was tried too. It has richer tool tips, but Debian does not package it, the page would
carry a megabyte of script and draw itself anew for dark mode and for print, and tests could
not read its pictures without a browser.
"""

import io
import re
from collections import namedtuple
from html import escape
from itertools import accumulate

from bench.report import catalog, words
from bench.report.results import PERCENTILES

try:
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
except ImportError:
    matplotlib = None

# There are two kinds of pictures. In one, a peer is a line: `series` is {peer: [(x, Stat)]},
# `x` is the name of the setting, `marks` are {x: text} of vertical lines, and the background
# is shaded where there are more threads than `cpus`. In the other, where `x` is None, a peer
# is a row of dots: `series` is {peer: [(counter, Stat)]}, and a vertical line marks the peer
# that `limit` names. `unit` is one of words.amount().
Chart = namedtuple("Chart", "title unit series x marks cpus limit",
                   defaults=(None, {}, None, None))

WIDTH, TEXT, LINE, ROW = 440, 11.5, 13.5, 19  # Pixels, where the page is wide enough.
X_TITLES = {"threads": "threads", "slots": "slots in the table", "bytes": "bytes a value",
            "n": "pins in a burst"}

# Variables of the page's CSS. matplotlib draws with #000001, #000002 ... in their places;
# it does not write black into the SVG, so that #000000 can stand for none.
COLOURS = ["", "soft", "grid", "shade", "tint", "paper", "limit", "accent",
           *(f"c{i}" for i in range(8))]
MARKERS = ["s", "D", "^", "v", "+", "x", "ring"]
DASHES = ["-", (0, (5, 2.5)), (0, (1.5, 2.5))]
LIMIT_DASHES = [(0, (7, 4)), (0, (2.5, 3)), (0, (9, 3, 2, 3)), (0, (4, 2)), (0, (1, 3))]
PERCENTILE_MARKERS = dict(zip(PERCENTILES, ["o", "D", "^", "ring"]))

# How a peer is drawn, in every picture. All parts of a peer have the class `css`, by which
# the page dims the others when the reader points at one.
Pen = namedtuple("Pen", "colour marker dashes width size order css")


def colour(name):
    return f"#0000{COLOURS.index(name):02x}"


def pen(peer):
    known = [*catalog.PEERS, *catalog.LIMITS, peer]
    i, css = known.index(peer) - 1, f"series s{known.index(peer)}"
    if peer == catalog.HOLDFAST:
        return Pen(colour("accent"), "o", "-", 2.9, 45, 4, css)
    if catalog.is_limit(peer):
        dashes = LIMIT_DASHES[i + 1 - len(catalog.PEERS)]
        return Pen(colour("limit"), "|", dashes, 1.35, 22, 2, css)
    return Pen(colour(f"c{i % 8}"), MARKERS[i % 7], DASHES[i % 3], 1.35, 22, 3, css)


def draw(chart):
    """The picture, as SVG."""
    count = len(chart.series)
    names = 7 * max(len(catalog.describe(peer).short) for peer in chart.series)
    if chart.x:
        left, right, bottom, top, inside = 64, names + 26, 40, 18, max(236, count * LINE)
    else:  # With one value beside it, or with a legend on top.
        one = all(len(points) == 1 for points in chart.series.values())
        left, right, bottom, inside = names + 14, 70 if one else 14, 20, count * ROW
        top = 2 if one else 24
    with style(chart.title):
        height = bottom + inside + top
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        axes = figure.add_axes((left / WIDTH, bottom / height, 1 - (left + right) / WIDTH,
                                inside / height))
        if chart.x:
            draw_lines(axes, chart, LINE / inside)
        else:
            draw_rows(axes, chart)
        return svg(figure, chart.title)


def style(salt):
    soft = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    return matplotlib.rc_context({
        **dict.fromkeys(soft, colour("soft")), "font.size": TEXT,
        **{f"axes.spines.{side}": False for side in ("left", "right", "top")},
        "grid.color": colour("grid"), "xtick.major.size": 0, "ytick.major.size": 0,
        "axes.axisbelow": True, "lines.scale_dashes": False, "svg.fonttype": "none",
        "svg.hashsalt": salt})


def svg(figure, title):
    """Makes the figure a part of the page: ids become classes, links become tool tips, and
    colours and fonts become the page's."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True,
                   metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    drawn = file.getvalue()
    box = re.search(r'viewBox="[^"]*"', drawn)[0]
    for pattern, new in [
            (r"\A.*?<svg.*?>|</svg>\s*\Z|<!--.*?-->|<style.*?</style>", ""),
            (r'\bfont(-\w+)?: [^;"]*(; )?| clip-path="[^"]*"', ""),
            (r'<g id="(?:(series [^"]*)|[^"]*)"', r'<g class="\1"'),
            (r'<a xlink:href="([^"]*)">', r"<g><title>\1</title>"), (r"</a>", "</g>"),
            ("xlink:", ""), (r"(\.\d\d)\d{3,4}\b", r"\1"), (r"(?<=>)\s+(?=<)", ""),
            (r"#0000(\w\w)", lambda match: f"var(--{COLOURS[int(match[1], 16)]})")]:
        drawn = re.sub(pattern, new, drawn, flags=re.S)
    return f'<svg class="chart" {box} role="img" aria-label="{escape(title)}">{drawn}</svg>'


def swatch(peer):
    """A short piece of a peer's line, for the key."""
    drawn = pen(peer)
    with style(peer):
        axes = Figure(figsize=(34 / 72, 12 / 72)).add_axes((0, 0, 1, 1))
        axes.set(xlim=(-1, 1), ylim=(-1, 1))
        axes.axis("off")
        axes.plot([-1, 1], [0, 0], color=drawn.colour, linestyle=drawn.dashes,
                  linewidth=drawn.width)
        if not catalog.is_limit(peer):
            scatter(axes, [0], [0], drawn, drawn.marker)
        return svg(axes.figure, catalog.describe(peer).short)


def scatter(axes, xs, ys, drawn, marker):
    size = drawn.size * (1.8 if marker in "+x" else 1)
    dots = axes.scatter(xs, ys, size, drawn.colour, marker.replace("ring", "o"),
                        linewidths=1.2, zorder=drawn.order + .5, gid=drawn.css)
    if marker == "ring":
        dots.set(facecolor=colour("paper"), edgecolor=drawn.colour)
    return dots


def draw_points(axes, chart, peer, at, points, marker):
    """Draws markers, each with its spread. `at` are their places on the other axis than the
    unit's."""
    drawn, stats = pen(peer), [stat for _, stat in points]
    (axes.vlines if chart.x else axes.hlines)(
        at, [stat.low for stat in stats], [stat.high for stat in stats], colors=drawn.colour,
        linewidth=1, alpha=.75, zorder=drawn.order, gid=drawn.css)
    medians, tips = [stat.median for stat in stats], []
    for x, stat in points:
        where = words.setting({chart.x: x}) if chart.x else PERCENTILES.get(x)
        tips.append(", ".join(filter(None, [catalog.describe(peer).short, where])) + (
            ": {} ({} to {})".format(*(words.amount(each, chart.unit) for each in stat[:3]))))
    dots = scatter(axes, *((at, medians) if chart.x else (medians, at)), drawn, marker)
    dots.set_urls([*tips, ""])  # matplotlib leaves a single one out.


def scale(axes, which, chart):
    """Makes an axis of the unit: logarithmic, but for bytes in rows. The ticks are round
    numbers. A range that is all noise is widened, so that noise does not fill the picture."""
    axis = getattr(axes, f"{which}axis")
    values = [value for points in chart.series.values() for _, stat in points
              for value in stat[:3] if value > 0] or [1]
    low, high = min(values) / 1.12, max(values) * 1.12
    if chart.unit == "B" and not chart.x:
        axes.set(xlim=(0, high))
    else:
        if high < low * 2.2:
            low, high = (low * high) ** .5 / 1.5, (low * high) ** .5 * 1.5
        steps = [steps for least, steps in [(0, (1, 1.5, 2, 3, 5, 7)), (9, (1, 2, 5)),
                                            (60, (1, 3)), (3000, (1,))] if high > low * least]
        axes.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
        axis.set_major_locator(LogLocator(subs=steps[-1], numticks=9))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(
        lambda value, _: words.amount(value, chart.unit, "{:,g}".format)))
    axes.grid(axis=which)


def draw_lines(axes, chart, gap):
    ticks = sorted({x for points in chart.series.values() for x, _ in points})
    axes.set(xscale="log", xlabel=X_TITLES[chart.x])
    axes.set_xticks(ticks, map(words.binary if chart.x == "slots" else "{:,}".format, ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    scale(axes, "y", chart)
    for peer, points in chart.series.items():
        drawn, xs = pen(peer), [x for x, _ in points]
        axes.plot(xs, [stat.median for _, stat in points], color=drawn.colour, gid=drawn.css,
                  linestyle=drawn.dashes, linewidth=drawn.width, zorder=drawn.order)
        draw_points(axes, chart, peer, xs, points, drawn.marker)
    if chart.cpus and chart.cpus < ticks[-1]:
        start = (chart.cpus * next(x for x in ticks if x > chart.cpus)) ** .5
        axes.axvspan(start, axes.get_xlim()[1], color=colour("shade"), zorder=0, linewidth=0)
    for x, text in chart.marks.items():
        if ticks[0] < x < ticks[-1]:
            axes.axvline(x, color=colour("limit"), linewidth=1, linestyle=(0, (2, 3)))
            axes.annotate(text, (x, 1), (0, 4), ("data", "axes fraction"), "offset points",
                          ha="center")
    label_ends(axes, chart, gap)


def label_ends(axes, chart, gap):
    """Names beside the lines' ends, or as near as `gap` between them allows."""
    to_axes = (axes.transData + axes.transAxes.inverted()).transform
    ends = sorted((to_axes((x, max(stat.median, axes.get_ylim()[0])))[1], x, peer)
                  for peer, points in chart.series.items() for x, stat in points[-1:])
    inside = [min(max(y, i * gap), 1 - (len(ends) - 1 - i) * gap)
              for i, (y, _, _) in enumerate(ends)]
    up = accumulate(inside, lambda below, y: max(y, below + gap))
    down = accumulate(inside[::-1], lambda above, y: min(y, above - gap))
    for (y, x, peer), high, low in zip(ends, up, list(down)[::-1]):
        drawn, at, start = pen(peer), (high + low) / 2, to_axes((x, 1))[0] + .02
        axes.plot([start, max(start, 1), 1.05], [y, y, at], transform=axes.transAxes,
                  color=drawn.colour, alpha=.4, linewidth=.8, clip_on=False, gid=drawn.css)
        axes.text(1.06, at, catalog.describe(peer).short, transform=axes.transAxes,
                  color=drawn.colour, va="center", gid=drawn.css)


def draw_rows(axes, chart):
    scale(axes, "x", chart)
    axes.set_ylim(len(chart.series) - .5, -.5)
    axes.set_yticks(range(len(chart.series)),
                    [catalog.describe(peer).short for peer in chart.series])
    if chart.limit:
        axes.axvline(chart.series[chart.limit][0][1].median, color=colour("limit"),
                     linestyle=(0, (5, 3)), linewidth=1.2)
    for i, (peer, points) in enumerate(chart.series.items()):
        drawn = pen(peer)
        same = {"color": drawn.colour, "gid": drawn.css}
        axes.get_yticklabels()[i].set(**same)
        if peer == catalog.HOLDFAST:
            axes.axhspan(i - .5, i + .5, -2, 2, color=colour("tint"), zorder=0, linewidth=0,
                         clip_on=False)
        for counter, stat in points:
            draw_points(axes, chart, peer, [i], [(counter, stat)], PERCENTILE_MARKERS.get(
                counter, drawn.marker.replace("|", "o")))
        axes.plot([stat.median for _, stat in points], [i] * len(points), alpha=.4,
                  linewidth=drawn.width / 1.4, **same)
        if len(points) == 1:
            stat = points[0][1]
            axes.annotate(words.amount(stat.median, chart.unit), (stat.high, i), (9, 0),
                          textcoords="offset points", va="center", **same)
    if len(points) > 1:
        for counter, marker in PERCENTILE_MARKERS.items():
            axes.plot([], [], marker.replace("ring", "o"), color=colour("soft"), markersize=5.5,
                      fillstyle="none" if marker == "ring" else "full",
                      label=PERCENTILES[counter])
        axes.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1), handletextpad=0,
                    borderpad=0, frameon=False)
