"""What the pictures are drawn with: a canvas of SVG elements, and how each peer
looks. Colours are CSS variables of the page, for light, dark and print."""

from collections import namedtuple
from html import escape

from bench.report import catalog
from bench.report.model import HOLDFAST

WIDTH = 440  # A picture is scaled to its column, text and all.
TEXT = 11.5
LINE_HEIGHT = 13.5

# `css` names the colour. Colours repeat before pairs of colour and marker do.
Look = namedtuple("Look", "css marker dash")

COLOURS = 8
MARKERS = ["square", "diamond", "up", "down", "plus", "cross", "ring"]
DASHES = ["", "5 2.5", "1.5 2.5"]
LIMIT_DASHES = ["7 4", "2.5 3", "9 3 2 3", "4 2"]


def looks(peers):
    """{peer: Look}, the same in every picture of a page."""
    known = [peer for peer in catalog.PEERS if peer != HOLDFAST]
    others = sorted(set(peers) - set(known) - set(catalog.LIMITS) - {HOLDFAST})
    result = {HOLDFAST: Look("holdfast", "dot", "")}
    for i, peer in enumerate(known + others):
        result[peer] = Look(f"c{i % COLOURS + 1}", MARKERS[i % len(MARKERS)],
                            DASHES[i % len(DASHES)])
    for i, peer in enumerate(catalog.LIMITS):
        result[peer] = Look("limit", "bar", LIMIT_DASHES[i % len(LIMIT_DASHES)])
    return result


def text_width(text, bold=False, size=TEXT):
    """About as wide as a system font has it, rather more than less."""
    narrow = sum(text.count(letter) for letter in "iljtfr.,:;'|!() ")
    wide = sum(text.count(letter) for letter in "mwMW×%")
    ems = (len(text) - narrow - wide) * 0.61 + narrow * 0.37 + wide * 0.92
    return size * ems * (1.08 if bold else 1)


class Canvas:
    """Collects elements; `str()` of it is the picture."""

    def __init__(self, name, title, description, height, width=WIDTH):
        self.head = (
            f'<svg class="chart" viewBox="0 0 {width} {height:g}" role="img" '
            f'aria-labelledby="{name}-t {name}-d" xmlns="http://www.w3.org/2000/svg">'
            f'<title id="{name}-t">{escape(title)}</title>'
            f'<desc id="{name}-d">{escape(description)}</desc>')
        self.parts = []

    def __str__(self):
        return self.head + "".join(self.parts) + "</svg>"

    def open(self, css, title=""):
        hint = f"<title>{escape(title)}</title>" if title else ""
        self.parts.append(f'<g class="{css}">{hint}')

    def close(self):
        self.parts.append("</g>")

    def line(self, x1, y1, x2, y2, css, dash=""):
        self.parts.append(f'<line class="{css}" x1="{x1:.1f}" y1="{y1:.1f}" '
                          f'x2="{x2:.1f}" y2="{y2:.1f}"{dashes(dash)}/>')

    def path(self, points, css, dash=""):
        steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline class="{css}" points="{steps}"{dashes(dash)}/>')

    def box(self, x, y, width, height, css):
        self.parts.append(f'<rect class="{css}" x="{x:.1f}" y="{y:.1f}" '
                          f'width="{width:.1f}" height="{height:.1f}"/>')

    def text(self, x, y, text, css="tick", anchor="start"):
        self.parts.append(f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" '
                          f'text-anchor="{anchor}">{escape(text)}</text>')

    def marker(self, shape, x, y, size=3.2):
        self.parts.append(marker(shape, x, y, size))


def dashes(dash):
    return f' stroke-dasharray="{dash}"' if dash else ""


def marker(shape, x, y, r):
    if shape in ("dot", "ring"):
        return f'<circle class="{shape}" cx="{x:.1f}" cy="{y:.1f}" r="{r:g}"/>'
    if shape == "bar":
        return (f'<path class="stroke" d="M{x:.1f},{y - r:.1f}V{y + r:.1f}"/>')
    if shape == "plus":
        return (f'<path class="stroke" d="M{x - r:.1f},{y:.1f}H{x + r:.1f}'
                f'M{x:.1f},{y - r:.1f}V{y + r:.1f}"/>')
    if shape == "cross":
        d = r * 0.8
        return (f'<path class="stroke" d="M{x - d:.1f},{y - d:.1f}L{x + d:.1f},{y + d:.1f}'
                f'M{x - d:.1f},{y + d:.1f}L{x + d:.1f},{y - d:.1f}"/>')
    corners = {"square": [(-.85, -.85), (.85, -.85), (.85, .85), (-.85, .85)],
               "diamond": [(0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)],
               "up": [(0, -1.15), (1.1, .85), (-1.1, .85)],
               "down": [(0, 1.15), (1.1, -.85), (-1.1, -.85)]}[shape]
    points = " ".join(f"{x + r * dx:.1f},{y + r * dy:.1f}" for dx, dy in corners)
    return f'<polygon class="dot" points="{points}"/>'


def swatch(look):
    """A short piece of a peer's line, for the key."""
    parts = [f'<svg class="swatch" viewBox="0 0 34 12" aria-hidden="true">'
             f'<g class="series {look.css}">',
             f'<line class="curve" x1="1" y1="6" x2="33" y2="6"{dashes(look.dash)}/>']
    if look.marker != "bar":
        parts.append(marker(look.marker, 17, 6, 4 if look.css == "holdfast" else 3.2))
    return "".join(parts) + "</g></svg>"
