"""Tests page.py and charts.py on a small set of made-up results: with matplotlib and Jinja2
where they are, and what is told where they are not. In CI they have to be there."""

import json
import os
import re
import unittest
import xml.etree.ElementTree as xml
from unittest import mock

from bench.report import catalog, charts, page, results

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "testdata", "small.json")
LIBRARIES = page.jinja2 and charts.matplotlib
with open(DATA, encoding="utf-8") as FILE:
    SMALL = json.load(FILE)


def page_of(content, pictures=False):
    """The page, which is well-formed XML too, as text and as a tree."""
    with mock.patch.object(charts, "matplotlib", pictures and charts.matplotlib):
        html = page.page(results.parse(json.dumps(content)))
    return html, xml.fromstring(html)


def part(tree, name):
    """The text of the element with this id."""
    return " ".join(" ".join(tree.find(f".//*[@id='{name}']").itertext()).split())


class LibrariesTest(unittest.TestCase):
    def test_they_are_here_in_ci(self):
        print(f"matplotlib and Jinja2 are {'' if LIBRARIES else 'not '}here: {page.missing()}")
        self.assertTrue(LIBRARIES or not os.environ.get("CI"))

    def test_what_is_missing_is_said_with_what_to_install(self):
        with mock.patch.object(page, "jinja2", None):
            self.assertRegex(page.missing(), "has no jinja2.* apt-get install python3-jinja2.*"
                             " -m pip install jinja2")


@unittest.skipUnless(LIBRARIES, page.missing())
class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.results = results.parse(json.dumps(SMALL))
        cls.html, cls.tree = page_of(SMALL, pictures=True)

    def test_ids_are_unique_and_links_lead_to_them(self):
        ids = [each.get("id") for each in self.tree.iter() if each.get("id")]
        self.assertEqual(sorted(ids), sorted(set(ids)))
        self.assertLessEqual({each.get("href")[1:] for each in self.tree.iter("a")}, set(ids))

    def test_every_benchmark_is_in_a_table(self):
        shown = {each.get("data-benchmark") for each in self.tree.iter("td")}
        self.assertLessEqual({each.name for each in self.results.all}, shown)

    def test_nothing_is_loaded_from_elsewhere(self):
        self.assertLessEqual({each.tag for each in self.tree.iter()}, set(
            "html head meta title style body main header section nav ol ul li a h1 h2 h3 p b dl "
            "dt dd div span small table thead tbody tr th td details summary code figure "
            "figcaption svg g defs path use text clipPath rect".split()))
        elsewhere = r"https?:|@import|url\((?!#)|(href|src)=\"(?!#)"
        self.assertIsNone(re.search(elsewhere, self.html))

    def test_every_section_has_pictures_in_the_pages_colours(self):
        for i, each in enumerate(catalog.SECTIONS, 1):
            pictures = self.tree.findall(f".//section[@id='s{i}']//svg")
            self.assertTrue(pictures, each.title)
            for picture in map(xml.tostring, pictures):
                self.assertIsNone(re.search(rb"#[0-9a-f]{6}[;\"]|font", picture))
                self.assertTrue(b"var(--accent)" in picture and b"<title>holdfast" in picture)

    def test_losses_are_told_and_all_of_them_listed(self):
        self.assertIn("mutex is ahead here", part(self.tree, "summary"))
        lost = sum(bool(each.ahead) for each in results.verdicts(self.results))
        self.assertEqual(len(self.tree.findall(".//*[@id='behind']//tr")), lost + 1)
        self.assertGreater(lost, 5)

    def test_the_machine_and_what_was_left_out_are_on_it(self):
        for each in ["Made-up CPU 1", "g++ 12.2.0", "v0.0.0-made-up", "2026-11-23",
                     "liburcu: header not found", "perf_event_open: permission denied"]:
            self.assertIn(each, self.html)

    def test_figures_of_zero_break_no_picture(self):
        zero = results.Stat(0.0, 0.0, 0.0, 1)
        for x, points in [("threads", [(1, zero)]), (None, [("ns", zero)]),
                          (None, [(each, zero) for each in results.PERCENTILES])]:
            xml.fromstring(charts.draw(charts.Chart("t", "ns", {"new <peer>": points}, x)))

    def test_names_do_not_overlap_and_keep_the_order_of_their_lines(self):
        series = {f"peer{i}": [(x, results.Stat(value, value, value, 1)) for x in (1, 4)]
                  for i, value in enumerate((1.2, 1000.0, 1.0, 1.1))}
        picture = xml.fromstring(charts.draw(charts.Chart("t", "ns", series, "threads")))
        places = sorted((float(each.get("y")), each.text) for each in picture.iter("text")
                        if each.text in series)
        self.assertEqual([name for _, name in places], ["peer1", "peer0", "peer3", "peer2"])
        for (above, _), (below, _) in zip(places, places[1:]):
            self.assertGreater(below - above, charts.LINE - .1)


@unittest.skipUnless(page.jinja2, page.missing())
class WithoutPicturesTest(unittest.TestCase):
    def test_the_tables_are_there_and_what_to_install(self):
        html, tree = page_of(SMALL)
        self.assertEqual(len(tree.findall(".//details[@open]//table")), len(catalog.SECTIONS))
        self.assertNotIn("<svg", html)
        self.assertIn("apt-get install python3-matplotlib", html)

    def test_failures_are_at_the_top_and_in_the_tables(self):
        failed = {"name": "mix_90_10/tbb/threads:8", "error_occurred": True,
                  "error_message": "wrong <sum>"}
        _, tree = page_of({"context": {"ended_early": "It crashed."},
                           "benchmarks": [*SMALL["benchmarks"], failed]})
        self.assertRegex(part(tree, "failed"), "It crashed.*wrong <sum>")
        self.assertEqual(tree.find(f".//td[@data-benchmark='{failed['name']}']").text.strip(),
                         "failed")

    def test_what_the_catalog_does_not_know_is_shown_all_the_same(self):
        names = ["swim/holdfast/load:2", "swim/eel/load:2", "read_hit/holdfast/threads:3",
                 "read_hit/holdfast/threads:1/slots:5/bytes:12"]
        html, tree = page_of({"context": {"quick": True, "cut_short": "Time was up."},
                              "benchmarks": [{"name": name, "ns": 0.0} for name in names]
                              + [{"name": "latency/eel", "p50": 2.0, "p99": 3.0}]})
        for name in [*names, "latency/eel"]:
            self.assertIsNotNone(tree.find(f".//td[@data-benchmark='{name}']"))
        for text in ["could not be read", "quick run", "Time was up.", "was one repetition"]:
            self.assertIn(text, html)


if __name__ == "__main__":
    page.use_system_python()
    unittest.main()
