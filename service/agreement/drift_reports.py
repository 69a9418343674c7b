"""Whether a series changed between two windows, in its scores and in its agreement with humans, from its counters."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np

from service.agreement.axes import Axis, judge_axis, person_axis
from service.agreement.coding import Coding
from service.agreement.counter_fields import split
from service.stats.arrays import Integers
from service.stats.coarse import binned
from service.stats.drift import LEAST_SHIFT, Psi, ScoreShift, cusum, psi, score_shift
from service.stats.falls import LEAST_REFERENCE, fall_evidence

KNOWN_PAIRS = 600  # of a reference whose agreement counts as known: with fewer, its error alone lets the sum grow
MOST_BINS = 20  # of compared scores: with more, most counts are too small for the critical value


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """Shift and change of the scores, and a detector of falling agreement.

    `cusum` grows while agreement with humans is below its usual share; from `drift.CUSUM_ALARM` on it is an alarm. It
    is None if the reference has fewer than 600 pairs.
    """

    score_shift: ScoreShift
    psi: Psi
    cusum: float | None


def drift(
    coding: Coding,
    reference_seen: Mapping[str, int],
    current_seen: Mapping[str, int],
    agreed_each: Sequence[Mapping[str, int]],
    reference_agreed: Mapping[str, int],
) -> Drift:
    """Returns how a series differs from its reference window.

    `reference_seen` and `current_seen` are its counters `seen`, `agreed_each` the counters `agreed` of the reference
    and then of the current window, one for each bucket in the order of time, and `reference_agreed` those of the
    reference together: the sum does not begin with the window. Only random labels count. A pair agrees if score and
    label differ by less than half a step, or, on a scale without steps, a tenth of its range.
    """
    before, now = _scores(reference_seen), _scores(current_seen)
    axis = judge_axis(coding, before.keys() | now.keys())
    reference, current = (_histogram(axis, each) for each in (before, now))
    return Drift(
        score_shift=_shift(coding, axis, reference, current),
        psi=_psi(coding, axis, reference, current),
        cusum=_cusum(coding, agreed_each, reference_agreed),
    )


class LabelHistory(NamedTuple):
    """The counters `agreed` of a series: of all times together, and of each recent day, then hour, in order.

    The days and hours do not overlap.
    """

    agreed: Mapping[str, int]
    days: Sequence[Mapping[str, int]]
    hours: Sequence[Mapping[str, int]]


def fall_of_agreement(coding: Coding, history: LabelHistory) -> float | None:
    """Returns the evidence that agreement fell within the recent days; `falls.FALL_ALARM` or more is an alarm.

    A pair agrees as in `drift`, and only random labels count. The labels of one item count together as one.
    None if there are fewer than 200 labelled items before the last hour.
    """
    recent = (*history.days, *history.hours)
    before = dict(history.agreed)
    for each in recent:
        for name, count in each.items():
            before[name] = before.get(name, 0) - count
    counts = np.array([_effective(coding, each) for each in (before, *recent)])
    if counts[:-1, 1].sum() < LEAST_REFERENCE:
        return None
    weeks = np.array([1 / 7] * len(history.days) + [1 / 168] * len(history.hours))
    return float(fall_evidence(counts[:, 0], counts[:, 1], weeks))


def _effective(coding: Coding, fields: Mapping[str, int]) -> tuple[float, float]:
    """Returns the numbers of pairs that agree and of pairs, as if each item had one label.

    A bet on the mean of an item's labels wins at least the geometric mean of the bets on each label.
    """
    agreed, pairs = _agreeing(coding, fields)
    share = min(max(fields.get("item\tr", pairs), 0) / pairs, 1.0) if pairs else 0.0
    return agreed * share, pairs * share


def _scores(seen: Mapping[str, int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for (word, *words), count in split(seen):
        if word == "score" and count > 0:
            found[words[0]] += count
    return found


def _histogram(axis: Axis, scores: Mapping[str, int]) -> Integers:
    counts = np.zeros(len(axis.values), dtype=np.int64)
    for key, count in scores.items():
        if key in axis.places:
            counts[axis.places[key]] += count
    return counts


def _shift(coding: Coding, axis: Axis, reference: Integers, current: Integers) -> ScoreShift:
    if axis.numbers is None:
        return ScoreShift(points=None, z=None, drifted=False, reason="no_numbers")
    if coding.is_words:
        return score_shift(reference, current, axis.numbers)
    # With the scale's ends: the size of a shift is relative to the whole range, not to the observed scores.
    values = [coding.scale.min, *axis.numbers, coding.scale.max]
    return score_shift(np.pad(reference, 1), np.pad(current, 1), values)


def _psi(coding: Coding, axis: Axis, reference: Integers, current: Integers) -> Psi:
    if coding.is_words or np.count_nonzero(reference + current) <= MOST_BINS:
        return psi(reference, current)
    numbers = np.array(axis.numbers, dtype=np.float64)
    places, _ = binned(numbers, reference + current, MOST_BINS)
    counts = (np.bincount(places, each).astype(np.int64) for each in (reference, current))
    return psi(*counts)


def _cusum(
    coding: Coding, agreed_each: Iterable[Mapping[str, int]], reference_agreed: Mapping[str, int]
) -> float | None:
    agreed, pairs = _agreeing(coding, reference_agreed)
    if pairs < KNOWN_PAIRS:
        return None
    return cusum((_agreeing(coding, each) for each in agreed_each), agreed / pairs)


def _agreeing(coding: Coding, fields: Mapping[str, int]) -> tuple[int, int]:
    """Returns the number of pairs that agree, and the number of pairs."""
    agreed = total = 0
    for (human, judge), count in _random_pairs(fields).items():
        is_equal = values_agree(coding, human, judge)
        if is_equal is not None:
            agreed += count * is_equal
            total += count
    return agreed, total


@lru_cache(maxsize=10_000)  # the same few pairs of values are asked for in every bucket
def values_agree(coding: Coding, human: str, judge: str) -> bool | None:
    """Returns whether a label and a score agree, None if one of them is off the scale."""
    people, judges = person_axis(coding, [human]), judge_axis(coding, [judge])
    if human not in people.places or judge not in judges.places:
        return None
    if coding.is_words:
        return human == judge
    near = (coding.range * LEAST_SHIFT) if coding.step is None else coding.step / 2
    return abs(float(people.values[people.places[human]]) - float(judges.values[judges.places[judge]])) < near


def _random_pairs(fields: Mapping[str, int]) -> Counter[tuple[str, str]]:
    """Returns the numbers of pairs by label and score."""
    found: Counter[tuple[str, str]] = Counter()
    for name, count in fields.items():
        if count > 0 and name.startswith("pair\tr\t"):
            _, _, human, judge, *_ = name.split("\t")
            found[human, judge] += count
    return found
