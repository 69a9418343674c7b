"""The axes of plots: round steps, and costs, of which some are nothing or not known."""

import math
from collections.abc import Sequence
from typing import NamedTuple

_DECADE = 10.0  # the ratio of costs from which on their scale is logarithmic
_BEYOND = 1.05  # the end of a linear scale, in terms of the largest cost
_NICE = (1, 2, 2.5, 5, 10)


class CostAxis(NamedTuple):
    """The places of costs in US dollars: free ones on the left, unknown ones on the right, the others between.

    `low` and `high` are the costs at the places `start` and `end`; their logarithms if the scale is logarithmic.
    """

    free: float
    unknown: float
    start: float
    end: float
    low: float
    high: float
    is_log: bool
    ticks: list[tuple[float, str]]

    def at(self, cost: float | None) -> float:
        """Returns the place of a cost, None for an unknown one."""
        if cost is None:
            return self.unknown
        return self.free if cost <= 0 else self.of_amount(cost)

    def of_amount(self, cost: float) -> float:
        """Returns the place of an amount on the scale, on which it may be 0."""
        amount = math.log10(cost) if self.is_log else cost
        return self.start + (amount - self.low) / (self.high - self.low) * (self.end - self.start)

    @property
    def name(self) -> str:
        """The unit, and the kind of the scale."""
        return "US dollars per 1,000 judgments" + (", logarithmic" if self.is_log else "")


def cost_axis(costs: Sequence[float | None], *, left: float, right: float, band: float, inset: float) -> CostAxis:
    """Returns the axis from `left` to `right` for these costs.

    `band` is the width for free rows, and for those of unknown cost, if there are any; `inset` is between these or the
    ends and the scale.
    """
    known = sorted(cost for cost in costs if cost is not None and cost > 0)
    has_free, has_unknown = any(cost is not None and cost <= 0 for cost in costs), None in costs
    free, unknown = left + band / 2, right - band / 2
    start, end = left + inset + band * has_free, right - inset - band * has_unknown
    ticks = [(free, "free")] * has_free + [(unknown, "unknown")] * has_unknown
    if not known:
        return CostAxis(free, unknown, start, end, 0, 1, False, ticks)
    is_log = known[-1] >= _DECADE * known[0]
    values = _decades(known[0], known[-1]) if is_log else nice_steps(0, known[-1] * _BEYOND)
    low, high = (math.log10(each) if is_log else each for each in (values[0], values[-1]))
    axis = CostAxis(free, unknown, start, end, low, high, is_log, ticks)
    return axis._replace(ticks=[*ticks, *((axis.of_amount(value), f"{value:g}") for value in values)])


def side_offset(before: int, apart: float) -> float:
    """Returns the offset of a row after `before` rows of the same cost: alternately to the right and to the left."""
    return apart * ((before + 1) // 2) * (1 if before % 2 else -1)


def _decades(low: float, high: float) -> list[float]:
    """Returns the powers of ten from below `low` to above `high`, both positive; two or more."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high) + 1e-9)
    return [10.0**power for power in range(first, max(last, first + 1) + 1)]


def nice_steps(low: float, high: float) -> list[float]:
    """Returns four to eight round numbers from below `low` to above `high`, which are different."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in _NICE if each * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]
