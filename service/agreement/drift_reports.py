"""Whether a series changed between two windows, in its scores and in its agreement with humans, from its counters."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from service.agreement.axes import Axis, judge_axis, person_axis
from service.agreement.coding import Coding
from service.agreement.counter_fields import split
from service.stats.arrays import Integers
from service.stats.coarse import binned
from service.stats.drift import LEAST_SHIFT, Psi, ScoreShift, cusum, psi, score_shift
from service.stats.flags import FEW_PAIRS

MOST_BINS = 20  # of compared scores: with more, most counts are too small for the critical value


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """Shift and change of the scores, and a detector of falling agreement.

    `cusum` grows while agreement with humans is below its usual share; from `drift.CUSUM_ALARM` on it is an alarm. It
    is None if the reference has fewer than 30 pairs.
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

    `reference_seen` and `current_seen` are its counters `seen`, `agreed_each` the counters `agreed` of the current
    window, one for each bucket in the order of time, and `reference_agreed` those of the reference. Only random labels
    count. A pair agrees if score and label differ by less than half a step, or, on a scale without steps, a tenth of
    its range.
    """
    before, now = _scores(reference_seen), _scores(current_seen)
    axis = judge_axis(coding, before.keys() | now.keys())
    reference, current = (_histogram(axis, each) for each in (before, now))
    return Drift(
        score_shift=_shift(coding, axis, reference, current),
        psi=_psi(coding, axis, reference, current),
        cusum=_cusum(coding, agreed_each, reference_agreed),
    )


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
    if pairs < FEW_PAIRS:
        return None
    return cusum((_agreeing(coding, each) for each in agreed_each), agreed / pairs)


def _agreeing(coding: Coding, fields: Mapping[str, int]) -> tuple[int, int]:
    """Returns the number of pairs that agree, and the number of pairs."""
    pairs = list(_random_pairs(fields))
    people = person_axis(coding, {human for human, _, _ in pairs})
    judges = judge_axis(coding, {judge for _, judge, _ in pairs})
    known = [
        (people.places[human], judges.places[judge], count)
        for human, judge, count in pairs
        if human in people.places and judge in judges.places
    ]
    if coding.is_words:
        return sum(count for human, judge, count in known if human == judge), sum(count for _, _, count in known)
    near = (coding.range * LEAST_SHIFT) if coding.step is None else coding.step / 2
    values, judged = (np.array(axis.numbers, dtype=np.float64) for axis in (people, judges))
    close = sum(count for human, judge, count in known if abs(values[human] - judged[judge]) < near)
    return close, sum(count for _, _, count in known)


def _random_pairs(fields: Mapping[str, int]) -> Iterator[tuple[str, str, int]]:
    for words, count in split(fields):
        if words[:2] == ["pair", "r"] and count > 0:
            yield words[2], words[3], count
