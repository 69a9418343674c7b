"""How the answers to one criterion are written in counters: as short texts, the same for people and for judges.

A criterion has one scale. What is said on it has a key, a text such as "4" or "pass" by which counters name it. Where
the values have no end (a scale without steps, scores expected over a model's token probabilities) the key is the
nearest point of a fine grid, and exact sums of whole units stand beside it, so that moments lose nothing.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from service.contracts.criteria import CriterionScale
from service.contracts.judges import Judge, Scale
from service.judging.methods import METHODS
from service.judging.scales import levels
from service.stats.table import FAIL, PASS, Value

GRID_POINTS = 400  # at least so many on a range: two means of twenty answers never share one
UNITS = 10**5  # at most so many on a range: sums of their products stay whole for a billion pairs
PER_CENT = 100  # of the range: the places by which intervals over items are computed
_NOISE = 1e-6  # of a step
_MOST_KNOWN = 1000


class Said(NamedTuple):
    """A value as counters have it.

    `key` is its text. `number` is what it is worth in a mean, None for a bare label. `units` are whole units above the
    scale's minimum: of every person's number, and of a judge's that need not be a level, else None. `per_cent` is the
    place on the range, 0 to 100 and rounded, None for labels.
    """

    key: str
    number: float | None
    units: int | None
    per_cent: int | None


class OffScaleError(ValueError):
    """What can't be said on the criterion's scale."""


def scale_of(judge: Judge) -> CriterionScale | None:
    """Returns the scale that a judge gives its criterion; None if its answers are no values, as those of a ranking."""
    return METHODS[judge.method].criterion_scale(judge)


class Coding:
    """Writes and reads the values of one scale."""

    def __init__(self, scale: CriterionScale) -> None:
        self.scale = scale
        self.is_words = scale.kind == "labels"
        self.is_continuous = scale.kind == "numbers" and scale.step is None
        self.range = scale.max - scale.min
        self._known: dict[float, Said] = {}  # levels, and means of a few of them
        self._scores = dict(zip(scale.labels, scale.scores, strict=True))
        self.grid = 0.0 if self.is_words else _nice(self.range / GRID_POINTS)
        self.unit = 1.0 if self.is_words else 10.0 ** -math.floor(math.log10(UNITS / self.range))

    @property
    def values(self) -> tuple[Value, ...] | None:
        """All that may be said, in order; None where there is no end of it."""
        if self.is_words:
            return tuple(self.scale.labels)
        if self.is_continuous:
            return None
        scale = Scale(min=self.scale.min, max=self.scale.max, step=self.scale.step)
        return tuple(levels(scale))

    @property
    def step(self) -> float | None:
        """Of the scale, for `within_one`; None for labels and where there is none."""
        return None if self.is_words else self.scale.step

    def by_person(self, score: float | None, label: str | None) -> Said:
        """A person's label. Raises OffScaleError, which says what may be said."""
        if self.is_words:
            return self._labelled(self._label_of(score, label))
        if score is None:
            raise OffScaleError(f"needs a score from {self.scale.min:g} to {self.scale.max:g}")
        if not self.scale.min <= score <= self.scale.max:
            raise OffScaleError(f"{score:g} lies not between {self.scale.min:g} and {self.scale.max:g}")
        if self.scale.step is not None:
            steps = (score - self.scale.min) / self.scale.step
            if abs(steps - round(steps)) > _NOISE:
                raise OffScaleError(f"{score:g} is no step of {self.scale.step:g} from {self.scale.min:g}")
        return self._scored(score, on_grid=self.is_continuous)._replace(units=self._units(score))

    def by_judge(self, score: float | None, label: str | None, *, is_expected: bool = False) -> Said | None:
        """A judge's scored answer; None where it has nothing to count. `is_expected`: it may be any number."""
        if self.is_words:
            return self._labelled(label) if label in self._scores else None
        if score is None:
            return None
        if self.is_continuous or is_expected:
            return self._scored(score, on_grid=True)
        if score not in self._known and len(self._known) < _MOST_KNOWN:
            self._known[score] = self._scored(score, on_grid=False)
        return self._known.get(score) or self._scored(score, on_grid=False)

    def value(self, key: str) -> Value:
        """What a key stands for."""
        return key if self.is_words else _tidy(float(key))

    def number(self, key: str) -> float | None:
        """What a key is worth in a mean, None for a bare label."""
        return self._scores[key] if self.is_words else float(key)

    def _label_of(self, score: float | None, label: str | None) -> str:
        named = " or ".join(self.scale.labels) if len(self.scale.labels) < 6 else "one of the criterion's labels"
        if label is None and score is not None and set(self.scale.labels) == {FAIL, PASS} and score in (0, 1):
            return PASS if score else FAIL
        if label is None:
            raise OffScaleError(f"needs a label: {named}")
        if label not in self._scores:
            raise OffScaleError(f"{label!r} is not {named}")
        return label

    def _labelled(self, label: str | None) -> Said:
        assert label is not None, "who has a label has looked at it"
        return Said(label, self._scores[label], None, None)

    def _scored(self, score: float, *, on_grid: bool) -> Said:
        above = score - self.scale.min
        units = self._units(score) if on_grid else None
        shown = round(above / self.grid) * self.grid + self.scale.min if on_grid else score
        return Said(written(shown), float(score), units, round(above / self.range * PER_CENT))

    def _units(self, score: float) -> int:
        return round((score - self.scale.min) / self.unit)


def written(number: float) -> str:
    """A number as a key: without the noise of floating point, and never `-0`."""
    return f"{round(number, 9) + 0.0:.10g}"


def in_order(coding: Coding, keys: Sequence[str]) -> list[str]:
    """Keys by what they stand for: labels as the scale has them, numbers ascending."""
    if coding.is_words:
        places = {label: place for place, label in enumerate(coding.scale.labels)}
        return sorted(set(keys) & set(places), key=places.__getitem__)
    return sorted(set(keys), key=float)


def _nice(most: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above `most`."""
    power = 10.0 ** math.floor(math.log10(most))
    return max(each * power for each in (1, 2, 5) if each * power <= most * (1 + 1e-9))


def _tidy(number: float) -> float | int:
    return int(number) if number == int(number) else number
