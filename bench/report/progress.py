"""One live line on a terminal, or a line now and then."""

import os
import re
import sys
import time

LINE = re.compile(r"progress (\d+)/(\d+) (.*)")
SPARSE_SECONDS = 20
BAR = 24


class Progress:
    """Of `rounds` runs of the suite, which may take `seconds` in all."""

    def __init__(self, out=None, clock=time.monotonic, live=None, rounds=1, seconds=None):
        self.out, self.clock = out or sys.stderr, clock
        self.round, self.rounds, self.seconds = 1, rounds, seconds
        self.live = self.out.isatty() if live is None else live
        self.start = self.printed = clock()
        self.at = self.done = self.all = 0
        self.name = ""
        self.preamble = []  # Of this round; None after it.
        self.passed_on = set()

    def next_round(self):
        """False if that was the last."""
        self.round += 1
        self.preamble = []
        return self.round <= self.rounds

    def seconds_left(self):
        return self.seconds - (self.clock() - self.start)

    def where(self):
        text = f"run {self.done} of {self.all}"
        return f"{text} in round {self.round} of {self.rounds}" if self.rounds > 1 else text

    def take(self, line):
        """Shows a line of the suite's stderr: its progress, or as it is."""
        match = LINE.match(line)
        if not match:
            if self.preamble is not None and not line.startswith("***"):
                self.preamble.append(line)  # The report has it.
            elif line not in self.passed_on:
                self.clear()
                print(line, file=self.out, flush=True)
            self.passed_on.add(line)  # The next round says the same.
            return
        self.preamble = None
        self.done, self.all, self.name = int(match[1]), int(match[2]), match[3]
        now = self.clock()
        # The line is written as a run begins.
        if self.live:
            print("\r\033[K" + self.text(now)[:width() - 1], end="", file=self.out, flush=True)
        elif self.done == 1 or self.done == self.all or now - self.printed >= SPARSE_SECONDS:
            self.printed = now
            print(self.text(now), file=self.out, flush=True)

    def text(self, now):
        begun = (self.round - 1) * self.all + max(self.done - 1, 0)
        count = self.rounds * self.all
        filled = BAR * begun // max(count, 1)
        bar = f"[{'=' * filled}{' ' * (BAR - filled)}] " if self.live else ""
        left = ""
        if begun >= 3:
            seconds = (now - self.start) / begun * (count - begun)
            if self.seconds:
                seconds = min(seconds, self.seconds_left())
            left = f", {duration(seconds)} left"
        return f"{bar}{begun + 1}/{count}{left}  {self.name}"

    def tell_preamble(self):
        """For a suite that came no further."""
        for line in self.preamble or []:
            print(line, file=self.out, flush=True)

    def clear(self):
        if self.live and self.done:
            print("\r\033[K", end="", file=self.out, flush=True)


def duration(seconds):
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min"


def width():
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        return 80
