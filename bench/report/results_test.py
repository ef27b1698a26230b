"""Tests results.py and words.py: names, medians, spreads, ties, losses."""

import json
import unittest

from bench.report import results, words

NB = words.NO_BREAK


def parse(entries, **context):
    """Results of {name: values or {counter: values}}."""
    return results.parse(json.dumps({"context": context, "benchmarks": [
        {"name": name, **(values if isinstance(values, dict) else {"ns": values})}
        for name, values in entries.items()]}))


def stat(*samples):
    return parse({"write/tbb": list(samples)}).all[0].stat()


def verdict(entries, counter=None, **context):
    return results.judge(parse(entries, **context).groups()[0], counter)


class ParseTest(unittest.TestCase):
    def test_names_have_keys_and_what_google_benchmark_appends(self):
        self.assertEqual(
            results.parse_name("read_hit/tbb/threads:2/fill:full/iterations:1/manual_time"),
            ("read_hit", "tbb", {"threads": 2, "fill": "full"}))
        for name in ["BM_Read", "BM_Read/1000", "read_hit", "", "a b/c"]:
            self.assertIsNone(results.parse_name(name), name)

    def test_repetitions_are_gathered_and_aggregates_left_out(self):
        name = "write/tbb/threads:1"
        found = results.parse(json.dumps({"benchmarks": [
            {"name": name, "ns": 1.0}, {"name": name, "ns": 3.0},
            {"name": name + "_median", "run_name": name, "run_type": "aggregate", "ns": 50}]}))
        self.assertEqual([each.stat() for each in found.all], [(2.0, 1.0, 3.0, 2)])

    def test_failures_are_kept_and_so_is_what_lacks_its_figure(self):
        found = parse({"write/tbb": {"error_occurred": True, "error_message": "wrong sum"},
                       "latency/tbb": 1.0, "write/mutex": 1.0})
        self.assertEqual(found.failed(), {"write/tbb": "wrong sum",
                                          "latency/tbb": "has no figures"})

    def test_foreign_input_is_refused_with_a_reason(self):
        for text, reason in [("{", "JSONDecodeError"), ("[]", "not what Google"),
                             ('{"benchmarks": 1}', "not what Google"),
                             ('{"benchmarks": [{"name": "BM_X"}]}', "no results"),
                             ('{"benchmarks": [1]}', "not what Google"),
                             ('{"benchmarks": [{"name": "write/a", "ns": "1"}]}', "TypeError"),
                             ('{"benchmarks": [{"name": "write/a", "ns": NaN}]}', "is nan")]:
            with self.assertRaisesRegex(results.BadInput, reason):
                results.parse(text)


class StatTest(unittest.TestCase):
    def test_spreads_are_quartiles_from_five_on(self):
        self.assertEqual(stat(3.0, 1.0, 2.0), (2.0, 1.0, 3.0, 3))
        self.assertEqual(stat(1.0, 2.0, 3.0, 4.0, 100.0), (3.0, 2.0, 4.0, 5))
        self.assertEqual(stat(1.0, 2.0, 4.0).rate(), (500, 250, 1000, 3))

    def test_comparisons(self):
        for ours, theirs, expected in [
                ((1, 2, 3), (2.9, 3.9, 4.9), ("tie", 1.0)), ((16.01,), (16,), ("tie", 1.0)),
                ((1, 2, 3), (7, 8, 9), ("ahead", 4.0)), ((7, 8, 9), (1, 2, 3), ("behind", 4.0)),
                ((0,), (1,), ("ahead", None))]:
            self.assertEqual(results.compare("", stat(*ours), stat(*theirs))[2:], expected)


class VerdictTest(unittest.TestCase):
    def test_best_peer_and_limit_and_who_is_ahead(self):
        found = verdict({"write/holdfast": [5.0, 5.1, 5.2], "write/mutex": 9.0,
                         "write/tbb": [2.5, 2.55, 2.6], "write/cas": 1.0,
                         "write/cas_contended": 0.5})
        self.assertEqual((found.best.peer, found.limit.peer), ("tbb", "cas"))
        self.assertEqual([other.peer for other in found.ahead], ["tbb"])
        self.assertEqual(found.against_best(), f"tbb map is ahead here: 2.0{NB}×")
        self.assertEqual(found.against_limit(), f"5.1{NB}×")

    def test_a_difference_within_the_spread_is_none(self):
        found = verdict({"write/holdfast": [5.0, 5.1, 5.2], "write/mutex": [4.9, 5.0, 5.05]})
        self.assertEqual((found.against_best(), found.ahead), ("≈", []))

    def test_missing_peers_and_missing_holdfast(self):
        alone = verdict({"pin_unpin/holdfast": 5.0, "pin_unpin/cas_contended": 9.0})
        self.assertEqual((alone.best, alone.limit), (None, None))
        self.assertIsNone(verdict({"write/mutex": 5.0}))

    def test_limits_that_are_computed(self):
        found = parse({"read_hit/raw_array/threads:1": 4.0, "read_hit/holdfast/threads:1": 5.0,
                       "read_hit/holdfast/threads:16": 3.0}, num_cpus=2).all[-1]
        self.assertEqual((found.name, found.stat().median, found.computed),
                         ("read_hit/raw_array/threads:16", 2.0, True))
        limit = verdict({"memory/holdfast/bytes:8": {"bytes_per_slot": 16.0}}).limit
        self.assertEqual((limit.peer, limit.stat.median), ("value_alone", 8.0))

    def test_the_summary_takes_the_preferred_size_or_the_next(self):
        for sizes, label in [((256, 1 << 18, 1 << 20), "read, 1M handles at random"),
                             ((256, 1 << 18), "read, 256K handles at random")]:
            found = parse({f"read_working_set/holdfast/threads:1/slots:{n}": 1.0 for n in sizes})
            self.assertEqual([each for each, _ in results.summary(found)], [label])


class WordsTest(unittest.TestCase):
    def test_figures(self):
        for value, text in [(0, "0"), (0.1234, "0.123"), (1.2345, "1.23"), (9.996, "10.0"),
                            (99.96, "100"), (999.6, "1,000"), (12345, "12,300")]:
            self.assertEqual(words.number(value), text)
        for value, text in [(1.234, "1.23 ns"), (5146, "5.15 µs"), (2e6, "2.00 ms")]:
            self.assertEqual(words.amount(value, "ns"), text.replace(" ", NB))
        self.assertEqual(words.amount(2000, "B", "{:,g}".format), f"2,000{NB}B")

    def test_settings_read_as_words(self):
        self.assertEqual(words.setting({"bytes": 8, "threads": 2, "slots": 1}),
                         "2 threads, 1 slot, 8 bytes")


if __name__ == "__main__":
    unittest.main()
