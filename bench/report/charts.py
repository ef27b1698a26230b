"""The two pictures there are: lines over a quantity, and rows of dots."""

from collections import namedtuple

from bench.report import scales
from bench.report.svg import Canvas, LINE_HEIGHT, WIDTH, text_width

# `points` are (x, Stat) in a Line; (marker, Stat, what) in a Row.
Line = namedtuple("Line", "name look points")
Row = namedtuple("Row", "name look points")

# What surrounds the data. `ticks` are the x that have a label, `mark` writes
# them, `value` writes a y. `marks` are (x, text) of vertical lines; from `shade` on
# the background is shaded.
Axes = namedtuple("Axes", "title x_title y_title ticks mark value y_tick shade marks")

TOP, BOTTOM = 34, 42


def css_of(look, extra=""):
    return f"series {look.css}{extra}"


class LineChart:
    def __init__(self, name, axes, lines, description):
        self.axes = axes
        self.lines = [line for line in lines if line.points]
        self.canvas = None
        self.name, self.description = name, description
        widest = max(text_width(line.name, line.look.css == "holdfast")
                     for line in self.lines)
        self.y = scales.Log([v for line in self.lines for _, s in line.points
                             for v in (s.low, s.median, s.high)])
        self.x = scales.Log(axes.ticks, pad=1.0 if len(axes.ticks) > 1 else 2.0)
        self.left = 10 + max(text_width(axes.y_tick(tick)) for tick in self.y.ticks())
        self.right = WIDTH - widest - 24
        self.bottom = TOP + max(236, LINE_HEIGHT * len(self.lines) + 8)

    def px(self, x):
        inset = 10
        return self.left + inset + self.x.at(x) * (self.right - self.left - 2 * inset)

    def py(self, y):
        return self.bottom - self.y.at(y) * (self.bottom - TOP)

    def draw(self):
        self.canvas = Canvas(self.name, self.axes.title, self.description,
                             self.bottom + BOTTOM)
        self.draw_frame()
        # What matters most lies on top.
        order = {"limit": 0, "holdfast": 2}
        for line in sorted(self.lines, key=lambda line: order.get(line.look.css, 1)):
            self.draw_line(line)
        self.draw_labels()
        return str(self.canvas)

    def draw_frame(self):
        axes, canvas = self.axes, self.canvas
        if axes.shade is not None and axes.shade < axes.ticks[-1]:
            # Between the last number of threads that run at once and the next.
            beyond = [x for x in axes.ticks if x > axes.shade][0]
            start = (self.px(max(axes.shade, axes.ticks[0])) + self.px(beyond)) / 2
            canvas.box(start, TOP, self.right - start, self.bottom - TOP, "shade")
        for tick in self.y.ticks():
            canvas.line(self.left, self.py(tick), self.right, self.py(tick), "grid")
            canvas.text(self.left - 5, self.py(tick) + 4, axes.y_tick(tick), "tick", "end")
        for x, text in axes.marks:
            if axes.ticks[0] < x < axes.ticks[-1]:
                canvas.line(self.px(x), TOP, self.px(x), self.bottom, "mark", "2 3")
                canvas.text(self.px(x), TOP - 4, text, "tick", "middle")
        canvas.line(self.left, self.bottom, self.right, self.bottom, "axis")
        self.draw_x_ticks()
        canvas.text(0, 11, axes.y_title, "axis-title")
        canvas.text((self.left + self.right) / 2, self.bottom + 34, axes.x_title,
                    "axis-title", "middle")

    def draw_x_ticks(self):
        free = -1e9
        for x in self.axes.ticks:
            label, at = self.axes.mark(x), self.px(x)
            self.canvas.line(at, self.bottom, at, self.bottom + 4, "axis")
            half = text_width(label) / 2
            if at - half >= free:
                self.canvas.text(at, self.bottom + 17, label, "tick", "middle")
                free = at + half + 3

    def draw_line(self, line):
        canvas, look = self.canvas, line.look
        canvas.open(css_of(look))
        if len(line.points) > 1:
            canvas.path([(self.px(x), self.py(s.median)) for x, s in line.points],
                        "curve", look.dash)
        for x, s in line.points:
            canvas.open("point", f"{line.name}, {self.axes.mark(x)}: "
                        f"{self.axes.value(s.median)} "
                        f"({self.axes.value(s.low)} to {self.axes.value(s.high)})")
            if self.py(s.low) - self.py(s.high) > 2:
                canvas.line(self.px(x), self.py(s.low), self.px(x), self.py(s.high),
                            "whisker")
            # A limit that is one point is all that there is to see of it.
            shape = look.marker if look.marker != "bar" or len(line.points) > 1 else "plus"
            canvas.marker(shape, self.px(x), self.py(s.median),
                          3.8 if look.css == "holdfast" else 2.8)
            canvas.close()
        canvas.close()

    def draw_labels(self):
        ends = [(self.px(line.points[-1][0]), self.py(line.points[-1][1].median))
                for line in self.lines]
        places = scales.spread_apart([y for _, y in ends], LINE_HEIGHT, TOP + 4,
                                     self.bottom)
        at = self.right + 16
        for line, (x, y), place in zip(self.lines, ends, places):
            self.canvas.open(css_of(line.look))
            self.canvas.path([(x + 4, y), (max(self.right, x + 4), y), (at - 2, place)]
                             if x < self.right - 30 else
                             [(x + 4, y), (at - 2, place)], "leader")
            self.canvas.text(at, place + 4, line.name, "label")
            self.canvas.close()


class DotChart:
    """Rows of dots over one axis, the first row at the top."""

    ROW = 19.0

    def __init__(self, name, axes, rows, description, limit=None, log=True):
        self.name, self.axes, self.rows = name, axes, rows
        self.description, self.limit = description, limit
        values = [v for row in rows for _, s, _ in row.points
                  for v in (s.low, s.median, s.high)]
        self.x = (scales.Log if log else scales.Linear)(values)
        self.left = 14 + max(text_width(row.name, row.look.css == "holdfast")
                             for row in rows)
        self.single = all(len(row.points) == 1 for row in rows)
        self.values = [axes.value(row.points[0][1].median) for row in rows]
        room = max(map(text_width, self.values)) + 10 if self.single else 14
        self.right = WIDTH - room - 8
        self.top = 24 if self.single else 44
        self.bottom = self.top + self.ROW * len(rows)
        self.canvas = None

    def px(self, x):
        return self.left + 8 + self.x.at(x) * (self.right - self.left - 16)

    def draw(self):
        self.canvas = canvas = Canvas(self.name, self.axes.title, self.description,
                                      self.bottom + 22)
        canvas.text(0, 11, self.axes.y_title, "axis-title")
        for i, row in enumerate(self.rows):
            if row.look.css == "holdfast":
                canvas.box(0, self.top + i * self.ROW, WIDTH, self.ROW, "band")
        self.draw_axis()
        if self.limit is not None:
            canvas.line(self.px(self.limit), self.top, self.px(self.limit), self.bottom,
                        "limit-line", "5 3")
        for i, row in enumerate(self.rows):
            self.draw_row(row, self.top + (i + 0.5) * self.ROW, self.values[i])
        if not self.single:
            self.draw_key()
        return str(canvas)

    def draw_axis(self):
        most = int((self.right - self.left) / 42)
        free = -1e9
        for tick in self.x.ticks(max(3, most)):
            at, label = self.px(tick), self.axes.y_tick(tick)
            half = text_width(label) / 2
            if at - half < free:
                continue
            free = at + half + 4
            self.canvas.line(at, self.top, at, self.bottom, "grid")
            self.canvas.text(at, self.bottom + 15, label, "tick", "middle")
        self.canvas.line(self.left, self.bottom, self.right, self.bottom, "axis")

    def draw_row(self, row, y, value):
        canvas = self.canvas
        canvas.open(css_of(row.look))
        canvas.text(self.left - 6, y + 4, row.name, "label", "end")
        ends = [self.px(s.median) for _, s, _ in row.points]
        if not self.single:
            canvas.line(min(ends), y, max(ends), y, "span")
        for shape, s, what in row.points:
            canvas.open("point", f"{row.name}{what}: {self.axes.value(s.median)} "
                        f"({self.axes.value(s.low)} to {self.axes.value(s.high)})")
            if self.px(s.high) - self.px(s.low) > 2:
                canvas.line(self.px(s.low), y, self.px(s.high), y, "whisker")
            canvas.marker(shape, self.px(s.median), y,
                          4.2 if row.look.css == "holdfast" else 3.4)
            canvas.close()
        if self.single:
            canvas.text(self.px(row.points[0][1].high) + 9, y + 4, value, "value")
        canvas.close()

    def draw_key(self):
        x = self.left
        for shape, _, what in max((row.points for row in self.rows), key=len):
            self.canvas.open("series key")
            self.canvas.marker(shape, x + 4, 31, 3.4)
            self.canvas.text(x + 12, 35, what.strip(", "), "tick")
            self.canvas.close()
            x += 24 + text_width(what)
