"""Tests page.py and charts.py on a small set of made-up results: with matplotlib and Jinja2
where they are, and what is told where they are not. In CI they have to be there."""

import json
import os
import re
import sys
import unittest
import xml.etree.ElementTree as xml
from html.parser import HTMLParser
from unittest import mock

from bench.report import catalog, charts, page, results

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "testdata", "small.json")
LIBRARIES = page.jinja2 and charts.matplotlib


def data():
    with open(DATA, encoding="utf-8") as file:
        return json.load(file)


class Parsed(HTMLParser):
    """Tags that are not closed in order, the attributes of all, and the text."""

    def __init__(self, html):
        super().__init__()
        self.open, self.errors, self.tags, self.text = [], [], [], ""
        self.feed(html)
        self.close()
        self.errors += self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append("/" + tag)

    def handle_data(self, data):
        self.text += data


def section(html, name):
    return re.search(rf'<section[^>]* id="{name}">.*?</section>', html, re.S)[0]


def without_pictures(content):
    with mock.patch.object(charts, "matplotlib", None):
        return page.page(results.parse(json.dumps(content)))


class LibrariesTest(unittest.TestCase):
    def test_they_are_here_in_ci(self):
        print(f"matplotlib and Jinja2 are {'' if LIBRARIES else 'not '}here: {page.missing()}")
        self.assertTrue(LIBRARIES or not os.environ.get("CI"))

    def test_what_is_missing_is_said_with_what_to_install(self):
        with mock.patch.object(page, "jinja2", None), mock.patch.object(charts, "matplotlib", 1):
            self.assertIn(f"{sys.executable} has no jinja2; ", page.missing())
            self.assertIn("apt-get install python3-jinja2,", page.missing())
            self.assertIn("-m pip install jinja2\n", page.missing())


@unittest.skipUnless(LIBRARIES, page.missing())
class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.results = results.parse(json.dumps(data()))
        cls.html = page.page(cls.results)
        cls.parsed = Parsed(cls.html)

    def test_tags_balance_and_ids_are_unique(self):
        self.assertEqual(self.parsed.errors, [])
        ids = [attrs["id"] for _, attrs in self.parsed.tags if "id" in attrs]
        self.assertEqual(sorted(ids), sorted(set(ids)))
        links = [attrs["href"] for tag, attrs in self.parsed.tags if tag == "a"]
        self.assertLessEqual({link[1:] for link in links}, set(ids))

    def test_every_benchmark_is_in_a_table(self):
        shown = {attrs.get("data-benchmark") for _, attrs in self.parsed.tags}
        self.assertLessEqual({each.name for each in self.results.all}, shown)

    def test_nothing_is_loaded_from_elsewhere(self):
        for tag, attrs in self.parsed.tags:
            self.assertNotIn(tag, {"link", "img", "iframe", "object", "embed", "script"})
            for name in ("href", "xlink:href", "src"):
                self.assertRegex(attrs.get(name, "#"), "^#")
        self.assertNotRegex(self.html, r"https?:|@import|url\((?!#)")

    def test_every_section_has_pictures_in_the_pages_colours(self):
        for i, each in enumerate(catalog.SECTIONS, 1):
            pictures = re.findall("<svg .*?</svg>", section(self.html, f"s{i}"), re.S)
            self.assertTrue(pictures, each.title)
            for picture in pictures:
                xml.fromstring(picture.replace("xlink:", ""))
                self.assertIsNone(re.search(r"#[0-9a-f]{6}[;\"]|font:", picture))
                self.assertTrue("var(--accent)" in picture and "<title>holdfast" in picture)

    def test_losses_are_told_and_all_of_them_listed(self):
        self.assertIn("mutex is ahead here", section(self.html, "summary"))
        lost = sum(bool(each.ahead) for each in results.verdicts(self.results))
        self.assertEqual(section(self.html, "behind").count("<tr>"), lost + 1)
        self.assertGreater(lost, 5)

    def test_the_machine_and_what_was_left_out_are_on_it(self):
        for each in ["Made-up CPU 1", "g++ 12.2.0", "v0.0.0-made-up", "2026-11-23",
                     "liburcu: header not found", "perf_event_open: permission denied"]:
            self.assertIn(each, self.parsed.text)

    def test_figures_of_zero_break_no_picture(self):
        zero = results.Stat(0.0, 0.0, 0.0, 1)
        for x, points in [("threads", [(1, zero)]), (None, [("ns", zero)]),
                          (None, [(each, zero) for each in results.PERCENTILES])]:
            xml.fromstring(charts.draw(charts.Chart("t", "ns", {"new <peer>": points}, x))
                           .replace("xlink:", ""))

    def test_names_do_not_overlap_and_keep_the_order_of_their_lines(self):
        stat = [results.Stat(value, value, value, 1) for value in (1.2, 1000.0, 1.0, 1.1)]
        picture = charts.draw(charts.Chart("t", "ns", {
            f"peer{i}": [(1, each), (4, each)] for i, each in enumerate(stat)}, "threads"))
        places = sorted((float(y), name) for y, name in re.findall(
            r'<text[^>]* y="([\d.]*)"[^>]*>(peer\d)</text>', picture))
        self.assertEqual([name for _, name in places], ["peer1", "peer0", "peer3", "peer2"])
        for (above, _), (below, _) in zip(places, places[1:]):
            self.assertGreater(below - above, charts.LINE - .1)


@unittest.skipUnless(page.jinja2, page.missing())
class WithoutPicturesTest(unittest.TestCase):
    def test_the_tables_are_there_and_what_to_install(self):
        html = without_pictures(data())
        self.assertNotIn("<svg", html)
        self.assertIn("apt-get install python3-matplotlib", html)
        self.assertIn("<details open>", html)
        self.assertIn('data-benchmark="write/holdfast/', html)

    def test_failures_are_at_the_top_and_in_the_tables(self):
        html = without_pictures({"context": {"ended_early": "It crashed."}, "benchmarks": [
            *data()["benchmarks"], {"name": "mix_90_10/tbb/threads:8", "error_occurred": True,
                                    "error_message": "wrong <sum>"}]})
        self.assertEqual(Parsed(html).errors, [])
        self.assertRegex(section(html, "failed"), "(?s)It crashed.*wrong &lt;sum&gt;")
        self.assertRegex(html, r'data-benchmark="mix_90_10/tbb/threads:8">\s*failed')

    def test_what_the_catalog_does_not_know_is_shown_all_the_same(self):
        names = ["swim/holdfast/load:2", "swim/eel/load:2", "read_hit/holdfast/threads:3",
                 "read_hit/holdfast/threads:1/slots:5/bytes:12"]
        html = without_pictures({"benchmarks": [{"name": name, "ns": 0.0} for name in names]
                                 + [{"name": "latency/eel", "p50": 2.0, "p99": 3.0}]})
        self.assertEqual(Parsed(html).errors, [])
        for name in [*names, "latency/eel"]:
            self.assertIn(f'data-benchmark="{name}"', html)
        self.assertIn("could not be read", html)

    def test_a_quick_run_and_one_repetition_are_said(self):
        html = without_pictures({"context": {"quick": True, "cut_short": "Time was up."},
                                 "benchmarks": [{"name": "write/holdfast", "ns": 1.0}]})
        for each in ["A quick run", "Time was up.", "There was one repetition"]:
            self.assertIn(each, html)


if __name__ == "__main__":
    page.use_system_python()
    unittest.main()
