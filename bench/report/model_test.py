"""Tests model.py, scales.py and verdicts.py: names, medians, spreads, ties, losses."""

import json
import unittest

from bench.report import catalog, facts, model, scales, verdicts


def entry(name, **more):
    return {"name": name, "run_type": "iteration", **more}


def parse(*entries, **context):
    return model.parse(json.dumps({"context": context, "benchmarks": list(entries)}))


def repeated(name, values, counter="ns"):
    return entry(name, **{counter: values})


class NameTest(unittest.TestCase):
    def test_takes_keys_and_leaves_out_what_google_benchmark_appends(self):
        self.assertEqual(
            model.parse_name("read_hit/tbb/threads:2/slots:1000/bytes:8/iterations:1/"
                             "manual_time"),
            ("read_hit", "tbb", {"threads": 2, "slots": 1000, "bytes": 8}))
        self.assertEqual(model.parse_name("cold_start/mutex"), ("cold_start", "mutex", {}))
        self.assertEqual(model.parse_name("for_each/tbb/fill:full")[2], {"fill": "full"})

    def test_refuses_other_names(self):
        for name in ["BM_Read", "BM_Read/1000", "read_hit", "", "a b/c"]:
            self.assertIsNone(model.parse_name(name), name)


class StatTest(unittest.TestCase):
    def test_few_repetitions_spread_from_least_to_greatest(self):
        stat = model.stat([3.0, 1.0, 2.0])
        self.assertEqual(stat, (2.0, 1.0, 3.0, 3))
        self.assertEqual(stat.spread, "min to max")

    def test_many_repetitions_spread_over_quartiles(self):
        stat = model.stat([1.0, 2.0, 3.0, 4.0, 100.0])
        self.assertEqual(stat, (3.0, 2.0, 4.0, 5))
        self.assertEqual(stat.spread, "interquartile")

    def test_one_repetition_has_no_spread(self):
        self.assertEqual(model.stat([7.0]).spread, "none: one repetition")

    def test_inverse_swaps_the_ends_of_the_spread(self):
        self.assertEqual(model.stat([1.0, 2.0, 4.0]).inverse(1000), (500, 250, 1000, 3))


class CompareTest(unittest.TestCase):
    def test_overlapping_spreads_are_a_tie(self):
        self.assertEqual(model.compare(model.stat([1.0, 2.0, 3.0]),
                                       model.stat([2.9, 3.9, 4.9])), ("tie", 1.0))

    def test_a_difference_of_less_than_half_a_percent_is_none(self):
        self.assertEqual(model.compare(model.stat([16.01]), model.stat([16.0])), ("tie", 1.0))
        self.assertEqual(model.compare(model.stat([16.1]), model.stat([16.0])).verdict,
                         "behind")

    def test_ratio_is_of_medians_and_at_least_one(self):
        fast, slow = model.stat([1.0, 2.0, 3.0]), model.stat([7.0, 8.0, 9.0])
        self.assertEqual(model.compare(fast, slow), ("ahead", 4.0))
        self.assertEqual(model.compare(slow, fast), ("behind", 4.0))

    def test_zero_has_no_ratio(self):
        self.assertEqual(model.compare(model.stat([0.0]), model.stat([1.0])),
                         ("ahead", None))


class ParseTest(unittest.TestCase):
    def test_repetitions_are_gathered_and_aggregates_left_out(self):
        results = parse(entry("write/tbb/threads:1", ns=1.0),
                        entry("write/tbb/threads:1", ns=3.0),
                        {"name": "write/tbb/threads:1_median", "run_type": "aggregate",
                         "run_name": "write/tbb/threads:1", "ns": 50.0})
        self.assertEqual(len(results.all), 1)
        self.assertEqual(results.all[0].stat(), (2.0, 1.0, 3.0, 2))

    def test_failed_entries_are_kept_as_failures(self):
        results = parse(entry("write/tbb/threads:1", error_occurred=True,
                              error_message="wrong sum"),
                        entry("write/mutex/threads:1", ns=1.0))
        failed = results.failed()
        self.assertEqual([(each.peer, each.errors) for each in failed],
                         [("tbb", ["wrong sum"])])
        self.assertIsNone(failed[0].stat())

    def test_an_entry_without_its_figure_is_a_failure(self):
        self.assertEqual(len(parse(entry("latency/tbb/verb:pin", ns=1.0)).failed()), 1)

    def test_foreign_input_is_refused_with_a_reason(self):
        for text, reason in [("{", "not JSON"), ("[]", "benchmarks"),
                             ('{"benchmarks": 1}', "benchmarks"),
                             ('{"benchmarks": [{"name": "BM_X"}]}', "no results"),
                             ('{"benchmarks": [1]}', "no results"),
                             ('{"benchmarks": [{"name": "write/a", "ns": "1"}]}', "no number"),
                             ('{"benchmarks": [{"name": "write/a", "ns": NaN}]}', "no number")]:
            with self.assertRaisesRegex(model.BadInput, reason):
                model.parse(text)


class VerdictTest(unittest.TestCase):
    def verdict(self, results, counter="ns"):
        return verdicts.judge(results.settings()[0], counter)

    def test_best_peer_and_limit_and_who_is_ahead(self):
        verdict = self.verdict(parse(
            repeated("write/holdfast/threads:1", [5.0, 5.1, 5.2]),
            repeated("write/mutex/threads:1", [9.0]),
            repeated("write/tbb/threads:1", [2.5, 2.55, 2.6]),
            repeated("write/cas/threads:1", [1.0])))
        self.assertEqual((verdict.best.peer, verdict.limit.peer), ("tbb", "cas"))
        self.assertEqual([other.peer for other in verdict.ahead], ["tbb"])
        self.assertEqual(verdicts.against_best(verdict),
                         "tbb map is ahead here: 2.0 ×".replace(" ×", scales.NO_BREAK + "×"))
        self.assertEqual(verdicts.against_limit(verdict), f"5.1{scales.NO_BREAK}×")

    def test_a_difference_within_the_spread_is_none(self):
        verdict = self.verdict(parse(repeated("write/holdfast", [5.0, 5.1, 5.2]),
                                     repeated("write/mutex", [4.9, 5.0, 5.05])))
        self.assertEqual(verdicts.against_best(verdict), "≈")
        self.assertEqual(verdict.ahead, [])

    def test_missing_peers_and_missing_holdfast(self):
        alone = self.verdict(parse(repeated("write/holdfast", [5.0])))
        self.assertEqual((alone.best, alone.limit), (None, None))
        self.assertIsNone(self.verdict(parse(repeated("write/mutex", [5.0]))))

    def test_a_contended_cas_is_no_limit_to_compare_with(self):
        self.assertIsNone(self.verdict(parse(repeated("pin_unpin/holdfast", [5.0]),
                                             repeated("pin_unpin/cas_contended", [9.0]))).limit)

    def test_limits_scale_to_the_machine(self):
        results = verdicts.add_computed_limits(parse(
            repeated("read_hit/raw_array/threads:1", [4.0]),
            repeated("read_hit/holdfast/threads:1", [5.0]),
            repeated("read_hit/holdfast/threads:16", [3.0]), num_cpus=2))
        scaled = [each for each in results.all if each.computed]
        self.assertEqual([(each.name, each.samples["ns"]) for each in scaled],
                         [("read_hit/raw_array_scaled/threads:16", [2.0])])

    def test_the_limit_of_memory_is_the_value(self):
        results = verdicts.add_computed_limits(parse(
            repeated("memory/holdfast/bytes:8", [16.0], "bytes_per_slot")))
        verdict = self.verdict(results, "bytes_per_slot")
        self.assertEqual((verdict.limit.peer, verdict.limit.stat.median), ("value_alone", 8.0))

    def test_summary_takes_the_preferred_size_or_the_next(self):
        for sizes, label in [((256, 1 << 18, 1 << 20), "read, 1M handles at random"),
                             ((256, 1 << 18), "read, 256K handles at random")]:
            results = parse(*[repeated(f"read_working_set/holdfast/threads:1/slots:{n}", [1.0])
                              for n in sizes])
            self.assertEqual([each for each, _ in verdicts.summary(results)], [label])


class ScalesTest(unittest.TestCase):
    def test_numbers_have_three_digits(self):
        for value, text in [(0, "0"), (0.1234, "0.123"), (1.2345, "1.23"), (9.996, "10.0"),
                            (99.96, "100"), (999.6, "1,000"), (12345, "12,345")]:
            self.assertEqual(scales.number(value), text)

    def test_times_have_the_unit_that_suits(self):
        for value, text in [(1.234, "1.23 ns"), (5146, "5.15 µs"), (2e6, "2.00 ms")]:
            self.assertEqual(scales.nanoseconds(value), text.replace(" ", scales.NO_BREAK))

    def test_a_version_alone_is_g_plus_plus(self):
        self.assertEqual(facts.compiler({"compiler": "12.2.0"}), "g++ 12.2.0")
        self.assertEqual(facts.compiler({"compiler": "Debian Clang 14.0.6"}),
                         "Debian Clang 14.0.6")

    def test_settings_read_as_words(self):
        self.assertEqual(catalog.setting_text({"bytes": 8, "threads": 2, "slots": 1}),
                         "2 threads, 1 slot, 8 bytes")


if __name__ == "__main__":
    unittest.main()
