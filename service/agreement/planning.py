"""How many labels to ask people for, before asking: for an interval narrow enough, or to notice that a judge got worse.

Each answer is a whole number of labelled items, rounded up. What can't be reached is refused with a ValueError.
"""

import math
from statistics import NormalDist

CONFIDENCE = 0.95
FALSE_ALARM = 0.05
POWER = 0.8
SKEW_ALLOWANCE = 1.5  # scores crowded at one end of a scale vary more than normal theory knows


def labels_for_share(expected: float, half_width: float, *, confidence: float = CONFIDENCE) -> int:
    """For a share (exact agreement, a pass rate) to within +- `half_width`: z^2 p (1 - p) / half_width^2."""
    _within(0, expected, 1, "the expected share")
    _within(0, half_width, 1, "the half-width")
    return math.ceil((_z(confidence) / half_width) ** 2 * expected * (1 - expected))


def labels_for_correlation(
    expected: float, half_width: float, *, confidence: float = CONFIDENCE, skewed: bool = False
) -> int:
    """For a correlation to within +- `half_width`, by Fisher's z: 3 + (2 z / (atanh(r + w) - atanh(r - w)))^2.

    That holds for scores that are about normal; `skewed` asks for half as many again. The interval has to end below 1
    and above -1.
    """
    _within(0, half_width, 1, "the half-width")
    _within(-1, expected - half_width, 1, "the lower end of the interval")
    _within(-1, expected + half_width, 1, "the upper end of the interval")
    width = math.atanh(expected + half_width) - math.atanh(expected - half_width)
    labels = 3 + (2 * _z(confidence) / width) ** 2
    return math.ceil(labels * (SKEW_ALLOWANCE if skewed else 1))


def labels_to_detect_fall(
    usual: float, fallen: float, *, false_alarm: float = FALSE_ALARM, power: float = POWER
) -> int:
    """To tell that agreement fell from `usual`, which is known, to `fallen`, by a one-sided test of a share.

    ((z_a sqrt(a (1 - a)) + z_b sqrt(b (1 - b))) / (a - b))^2, a usual, b fallen, z_a of the false alarm, z_b of power.
    """
    _within(0, fallen, usual, "the share after the fall")
    _within(fallen, usual, 1, "the usual share")
    _within(0, false_alarm, power, "the false alarm")
    _within(false_alarm, power, 1, "the power")
    spread_before = NormalDist().inv_cdf(1 - false_alarm) * math.sqrt(usual * (1 - usual))
    spread_after = NormalDist().inv_cdf(power) * math.sqrt(fallen * (1 - fallen))
    return math.ceil(((spread_before + spread_after) / (usual - fallen)) ** 2)


def _z(confidence: float) -> float:
    _within(0, confidence, 1, "the confidence")
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _within(low: float, number: float, high: float, what: str) -> None:
    if not low < number < high:
        raise ValueError(f"{what} has to lie between {low:g} and {high:g}, not at {number:g}")
