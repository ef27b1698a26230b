"""Tests pages.py, panels.py and tables.py on a small set of made-up results."""

import json
import os
import re
import unittest
import xml.etree.ElementTree as xml
from html.parser import HTMLParser

from bench.report import catalog, model, pages

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "testdata", "small.json")
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Balance(HTMLParser):
    """Collects tags that are not closed in order, attributes and the text."""

    def __init__(self, html):
        super().__init__()
        self.open, self.errors, self.tags, self.words = [], [], [], []
        self.feed(html)
        self.close()
        self.errors += self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append("/" + tag)

    def handle_data(self, data):
        self.words.append(data)


def data():
    with open(DATA, encoding="utf-8") as file:
        return json.load(file)


def page(content):
    return pages.page(model.parse(json.dumps(content)))


def section(html, name):
    return re.search(rf'<section[^>]* id="{name}">.*?</section>', html, re.S)[0]


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.content = data()
        cls.html = page(cls.content)
        cls.parsed = Balance(cls.html)

    def test_tags_balance(self):
        self.assertEqual(self.parsed.errors, [])

    def test_pictures_are_well_formed_and_ids_unique(self):
        pictures = re.findall(r"<svg .*?</svg>", self.html, re.S)
        self.assertGreater(len(pictures), 30)
        for picture in pictures:
            xml.fromstring(picture)
        ids = [attrs["id"] for _, attrs in self.parsed.tags if "id" in attrs]
        self.assertEqual(len(ids), len(set(ids)))

    def test_every_benchmark_is_in_a_table(self):
        shown = {attrs.get("data-benchmark") for tag, attrs in self.parsed.tags
                 if tag == "td"}
        for result in model.parse(json.dumps(self.content)).all:
            self.assertIn(result.name, shown)

    def test_nothing_is_loaded_from_elsewhere(self):
        for tag, attrs in self.parsed.tags:
            self.assertNotIn(tag, {"link", "img", "iframe", "object", "embed"})
            for name, value in attrs.items():
                self.assertNotIn(name, {"src", "srcset", "data", "action"})
                if name in ("href", "xlink:href"):
                    self.assertTrue(value.startswith("#"), value)
        without_namespaces = self.html.replace('xmlns="http://www.w3.org/2000/svg"', "")
        self.assertNotRegex(without_namespaces, r"https?:|@import|url\(")

    def test_links_lead_somewhere(self):
        ids = {attrs.get("id") for _, attrs in self.parsed.tags}
        for tag, attrs in self.parsed.tags:
            if tag == "a":
                self.assertIn(attrs["href"][1:], ids)

    def test_every_section_of_the_catalog_has_a_picture(self):
        for each in catalog.SECTIONS:
            self.assertIn("<figure>", section(self.html, each.id), each.id)

    def test_losses_are_told_in_words(self):
        self.assertIn("mutex is ahead here", section(self.html, "summary"))
        self.assertIn("for each live slot", section(self.html, "behind"))

    def test_every_loss_is_listed(self):
        results = model.parse(json.dumps(self.content))
        lost = 0
        for group in results.settings():
            ours = [each for each in group if each.peer == "holdfast"]
            for counter in group[0].headline if ours else ():
                lost += any(
                    not catalog.is_limit(each.peer) and each.stat(counter)
                    and each.stat(counter).high < ours[0].stat(counter).low
                    and each.stat(counter).median * 1.005 < ours[0].stat(counter).median
                    for each in group)
        rows = section(self.html, "behind").split("<tbody>")[1].count("<tr>")
        self.assertEqual(rows, lost)
        self.assertGreater(lost, 5)

    def test_the_machine_and_what_was_left_out_are_on_it(self):
        text = " ".join(self.parsed.words)
        for each in ["Made-up CPU 1", "g++ 12.2.0", "v0.0.0-made-up", "2026-11-23",
                     "liburcu: header not found", "perf_event_open: permission denied"]:
            self.assertIn(each, text)
        self.assertRegex(section(self.html, "reads"), "Not here, .*boost stack")


class OddInputTest(unittest.TestCase):
    def test_failures_are_at_the_top_and_in_the_tables(self):
        content = data()
        content["benchmarks"].append(
            {"name": "mix_90_10/tbb/threads:8", "error_occurred": True,
             "error_message": "wrong <sum>"})
        html = page(content)
        self.assertEqual(Balance(html).errors, [])
        self.assertIn("wrong &lt;sum&gt;", section(html, "failed"))
        self.assertIn('<td class="failed" data-benchmark="mix_90_10/tbb/threads:8">', html)

    def test_what_the_catalog_does_not_know_is_shown_all_the_same(self):
        html = page({"context": {}, "benchmarks": [
            {"name": "swim/holdfast/load:2", "ns": 1.0}, {"name": "swim/eel/load:2", "ns": 2.0},
            {"name": "read_hit/holdfast/threads:3", "ns": 2.0},
            {"name": "read_hit/holdfast/threads:1/slots:5/bytes:12", "ns": 2.0},
            {"name": "latency/eel", "p50": 2.0, "p99": 3.0}]})
        self.assertEqual(Balance(html).errors, [])
        for name in ["swim/eel/load:2", "read_hit/holdfast/threads:3", "latency/eel",
                     "read_hit/holdfast/threads:1/slots:5/bytes:12"]:
            self.assertIn(f'data-benchmark="{name}"', html)
        self.assertIn("could not be read", html)

    def test_figures_of_zero_break_nothing(self):
        html = page({"context": {"num_cpus": 2}, "benchmarks": [
            {"name": f"latency/{peer}/threads:1/verb:pin", "p50": 0.0, "p99": 0.0, "p999": 1.0,
             "max": 5.0} for peer in ("holdfast", "mutex")]
            + [{"name": "read_hit/holdfast/threads:1/slots:1000/bytes:8", "ns": 0.0}]})
        self.assertEqual(Balance(html).errors, [])

    def test_a_debug_build_and_a_quick_run_are_said_to_be_so(self):
        html = page({"context": {"build_mode": "dbg", "quick": True}, "benchmarks": [
            {"name": "cold_start/holdfast", "ns": 1.0}]})
        self.assertIn("Built without optimization", html)
        self.assertIn("A quick run", html)
        self.assertIn("no spread is known", html)


if __name__ == "__main__":
    unittest.main()
