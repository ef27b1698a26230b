#!/usr/bin/env python3
"""Prints "PASSED FAILED", two counts of tests, from Bazel's build event file.

usage: test_counts.py EVENTS.json
"""

import json
import os
import sys


def main():
    results = []
    if os.path.exists(sys.argv[1]):
        with open(sys.argv[1]) as f:
            events = [json.loads(line) for line in f]
        results = [event["testSummary"]["overallStatus"]
                   for event in events if "testSummary" in event]
    passed = results.count("PASSED")
    print(passed, len(results) - passed)


main()
