"""Axes and figures: where ticks are, and how numbers are written."""

import math

NO_BREAK = "\N{NO-BREAK SPACE}"


class Log:
    """A logarithmic axis from `low` to `high`, both positive."""

    def __init__(self, values, pad=1.12):
        values = [value for value in values if value > 0] or [1.0, 10.0]
        self.low, self.high = min(values) / pad, max(values) * pad
        if self.high / self.low < 2.2:
            # A picture of nothing but noise would be all that one sees.
            middle = math.sqrt(self.low * self.high)
            self.low, self.high = middle / 1.5, middle * 1.5

    def at(self, value):
        """0 at `low`, 1 at `high`; below `low`, 0."""
        value = max(value, self.low)
        return math.log(value / self.low) / math.log(self.high / self.low)

    def ticks(self, most=7):
        """A few round values: powers of ten, or 1-2-5, or finer."""
        return log_ticks(self.low, self.high, most)


class Linear:
    """An axis from zero."""

    def __init__(self, values, pad=1.06):
        self.low, self.high = 0.0, max(list(values) + [1e-9]) * pad

    def at(self, value):
        return max(value, 0.0) / self.high

    def ticks(self, most=7):
        step = 10.0 ** math.floor(math.log10(self.high))
        while self.high / step < most / 2:
            step /= 2 if self.high / step * 2 <= most else 5
        while self.high / step > most:
            step *= 2
        return [i * step for i in range(int(self.high / step) + 1)]


def log_ticks(low, high, most=7):
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in [(1, 1.5, 2, 3, 4, 5, 7), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)]:
        ticks = [step * 10.0 ** decade for decade in decades for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= most:
            return ticks
    return ticks[::math.ceil(len(ticks) / most)]


def spread_apart(wanted, gap, low, high):
    """Positions as near to `wanted` as `gap` between them and the bounds allow,
    in the order of `wanted`."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    groups = []  # [sum of wanted - rank * gap, size]: neighbours that touch.
    for rank, i in enumerate(order):
        groups.append([wanted[i] - rank * gap, 1])
        while len(groups) > 1 and mean(groups[-2]) > mean(groups[-1]):
            total, size = groups.pop()
            groups[-1][0] += total
            groups[-1][1] += size
    places = [mean(group) for group in groups for _ in range(group[1])]
    top = high - (len(wanted) - 1) * gap
    result = [0.0] * len(wanted)
    for rank, i in enumerate(order):
        result[i] = max(low, min(places[rank], top)) + rank * gap
    return result


def mean(group):
    return group[0] / group[1]


def number(value):
    """Three significant digits, thousands apart: 0.123, 1.23, 12.3, 123, 12,300."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value)) + 1e-12))
    text = f"{value:,.{min(digits, 4)}f}"
    if digits and float(text.replace(",", "")) >= 10.0 ** (3 - digits):  # 9.996
        text = f"{value:,.{digits - 1}f}"
    return text


COUNT_UNITS = [(1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")]
TIME_UNITS = [(1e9, 1e9, NO_BREAK + "s"), (1e6, 1e6, NO_BREAK + "ms"),
              (1e3, 1e3, NO_BREAK + "µs"), (0, 1, NO_BREAK + "ns")]


def with_unit(value, units, write):
    """`value` in the first of `units`, (from, divisor, unit), that it reaches."""
    for least, divisor, unit in units:
        if value >= least:
            return write(value / divisor) + unit
    return write(value)


def nanoseconds(value):
    """With the unit that suits: 1.20 ns, 34.5 µs, 6.70 ms."""
    return with_unit(value, TIME_UNITS, number)


def plain_tick(value):
    """0.5, 2, 10, 1,000, 20k, 5M."""
    return with_unit(value, COUNT_UNITS, lambda x: f"{x:,.0f}" if x >= 1000 else f"{x:g}")


def time_tick(value):
    return with_unit(value, TIME_UNITS, lambda x: f"{x:,.0f}" if x >= 1000 else f"{x:g}")


def binary(value):
    """A count of slots: 256, 1K, 16M where it is a round power of two."""
    for factor, unit in [(1 << 20, "M"), (1 << 10, "K")]:
        if value >= factor and value % factor == 0:
            return f"{value // factor}{unit}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def times(ratio):
    """A ratio: 1.24 ×, 3.6 ×, 27 ×, or "many ×" if one of the two was zero."""
    if ratio is None:
        return f"many{NO_BREAK}×"
    digits = 2 if ratio < 1.995 else 1 if ratio < 9.95 else 0
    return f"{ratio:,.{digits}f}{NO_BREAK}×"
