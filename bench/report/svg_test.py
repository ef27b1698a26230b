"""Tests svg.py, charts.py and the axes of scales.py."""

import random
import re
import unittest
import xml.etree.ElementTree as xml

from bench.report import catalog, charts, scales, svg
from bench.report.model import Stat

SVG = "{http://www.w3.org/2000/svg}"


def axes(ticks=(1, 2, 4), shade=None):
    return charts.Axes("A title", "threads", "million", list(ticks), "{:,}".format,
                       scales.number, scales.plain_tick, shade, [])


def around(value):
    return Stat(value, value * 0.9, value * 1.1, 5)


def lines(ends, ticks=(1, 2, 4)):
    looks = svg.looks([f"peer{i}" for i in range(len(ends))])
    return [charts.Line(f"peer {i} & co.", looks[f"peer{i}"],
                        [(x, around(end)) for x in ticks])
            for i, end in enumerate(ends)]


def line_chart(ends, **more):
    return xml.fromstring(charts.LineChart("f1", axes(**more), lines(ends), "What <it> says")
                          .draw())


def dot_chart(values, log=True):
    looks = svg.looks([f"peer{i}" for i in range(len(values))])
    rows = [charts.Row(f"peer {i}", looks[f"peer{i}"], [("dot", around(value), "")])
            for i, value in enumerate(values)]
    return xml.fromstring(charts.DotChart("f1", axes(), rows, "text", min(values), log).draw())


def texts(chart, css):
    return [(float(each.get("x")), float(each.get("y")), each.text)
            for each in chart.iter(SVG + "text") if each.get("class") == css]


class LineChartTest(unittest.TestCase):
    def test_is_described_to_those_who_cannot_see_it(self):
        chart = line_chart([1.0, 2.0])
        self.assertEqual(chart.get("role"), "img")
        ids = {each.get("id"): each.text for each in chart if each.get("id")}
        self.assertEqual([ids[name] for name in chart.get("aria-labelledby").split()],
                         ["A title", "What <it> says"])

    def test_labels_do_not_overlap_and_stay_inside(self):
        random.seed(1)
        for count in [2, 5, 18]:
            ends = [random.uniform(1.0, 1.3) for _ in range(count - 1)] + [1000.0]
            chart = line_chart(ends)
            labels = texts(chart, "label")
            self.assertEqual(len(labels), count)
            heights = sorted(y for _, y, _ in labels)
            for above, below in zip(heights, heights[1:]):
                self.assertGreaterEqual(below - above, svg.LINE_HEIGHT - 0.11)
            height = float(chart.get("viewBox").split()[3])
            self.assertTrue(all(0 < y < height for y in heights))
            self.assertTrue(all(x + svg.text_width(text) <= svg.WIDTH
                                for x, _, text in labels))

    def test_labels_keep_the_order_of_their_lines(self):
        labels = texts(line_chart([3.0, 1.0, 2.0]), "label")
        self.assertEqual([text for _, _, text in sorted(labels, key=lambda each: each[1])],
                         ["peer 0 & co.", "peer 2 & co.", "peer 1 & co."])

    def test_ticks_of_x_do_not_overlap(self):
        ticks = [4 ** i for i in range(4, 13)]
        chart = xml.fromstring(charts.LineChart(
            "f", axes(ticks), lines([1.0, 5.0], ticks), "").draw())
        bottom = max(y for _, y, _ in texts(chart, "tick"))
        row = sorted((x, text) for x, y, text in texts(chart, "tick") if y == bottom)
        for (x, text), (next_x, next_text) in zip(row, row[1:]):
            self.assertLess(x + svg.text_width(text) / 2,
                            next_x - svg.text_width(next_text) / 2)

    def test_whiskers_are_drawn_and_oversubscription_is_shaded(self):
        chart = line_chart([1.0, 2.0], shade=2)
        whiskers = [each for each in chart.iter(SVG + "line")
                    if each.get("class") == "whisker"]
        self.assertEqual(len(whiskers), 6)
        self.assertEqual(len([each for each in chart.iter(SVG + "rect")
                              if each.get("class") == "shade"]), 1)

    def test_holdfast_is_drawn_last_and_looks_like_no_other(self):
        looks = svg.looks(["mutex", "holdfast"])
        drawn = charts.LineChart("f", axes(), [
            charts.Line(peer, looks[peer], [(1, around(2.0)), (2, around(3.0))])
            for peer in ("holdfast", "raw_array", "mutex")], "").draw()
        curves = re.findall(r'<g class="series (\w+)"><polyline class="curve"', drawn)
        self.assertEqual(curves, ["limit", looks["mutex"].css, "holdfast"])

    def test_survives_one_point_and_zero(self):
        line_chart([1.0], ticks=[1])
        xml.fromstring(charts.LineChart("f", axes(), [charts.Line(
            "p", svg.looks(["p"])["p"], [(1, Stat(0.0, 0.0, 0.0, 1))])], "").draw())


class DotChartTest(unittest.TestCase):
    def test_a_row_each_with_its_value_inside(self):
        chart = dot_chart([1.0, 20.0, 300.0])
        self.assertEqual(len(texts(chart, "label")), 3)
        self.assertTrue(all(x + svg.text_width(text) <= svg.WIDTH
                            for x, _, text in texts(chart, "value")))

    def test_a_linear_axis_begins_at_zero(self):
        ticks = [text for _, _, text in texts(dot_chart([8.0, 70.0], log=False), "tick")]
        self.assertEqual(ticks[0], "0")


class LooksTest(unittest.TestCase):
    def test_no_two_peers_look_the_same(self):
        found = svg.looks(list(catalog.PEERS) + ["new_one", "new_two"])
        peers = [look for peer, look in found.items() if not catalog.is_limit(peer)]
        self.assertEqual(len({(look.css, look.marker) for look in peers}), len(peers))


class AxisTest(unittest.TestCase):
    def test_log_ticks_are_round_and_few(self):
        for low, high, ticks in [(0.4, 2000, [1, 3, 10, 30, 100, 300, 1000]),
                                 (8, 130, [10, 20, 30, 50, 100]),
                                 (2, 9, [2, 3, 4, 5, 7]),
                                 (1, 1e7, [1, 100, 1e4, 1e6])]:
            found = scales.log_ticks(low, high)
            self.assertEqual([round(tick, 9) for tick in found], ticks)

    def test_linear_ticks_begin_at_zero_and_are_even(self):
        self.assertEqual(scales.Linear([72]).ticks(), [0, 20, 40, 60])

    def test_spread_apart_moves_as_little_as_it_can(self):
        self.assertEqual(scales.spread_apart([50, 10], 10, 0, 100), [50, 10])
        self.assertEqual(scales.spread_apart([50, 52], 10, 0, 100), [46, 56])
        self.assertEqual(scales.spread_apart([99, 98], 10, 0, 100), [100, 90])


if __name__ == "__main__":
    unittest.main()
