"""How the counters name the values of a criterion's scale: by short texts, the same for people and for judges.

A criterion has one scale. Each value on it has a key, a text such as "4" or "pass" by which counters name it. If any
number is possible (a scale without steps, or scores expected over a model's token probabilities), the key is the
nearest point of a fine grid, and the counters hold exact sums of whole units beside it, so that moments lose nothing.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from service.contracts.criteria import CriterionScale
from service.contracts.judges import Judge, Scale
from service.contracts.labels import pass_fail_label
from service.judging.methods import METHODS
from service.judging.scales import as_written, levels
from service.stats.item_terms import PER_CENT
from service.stats.values import FAIL, PASS, Value

GRID_POINTS = 400  # the minimum on a range: two means of twenty answers never share one
UNITS = 10**5  # the maximum on a range: sums of products of units fit 64 bits up to a billion pairs
_NOISE = 1e-6  # of a step
_MOST_KNOWN = 1000


class CodedValue(NamedTuple):
    """A value as the counters name it.

    `key` is its text. `number` is its value in a mean, None for a label without a number. `units` is the distance from
    the scale's minimum in whole units: set for every person's number and for a judge's number that need not be a level,
    else None. `per_cent` is the distance from the minimum in per cent of the range, rounded, None for labels.
    """

    key: str
    number: float | None
    units: int | None
    per_cent: int | None


class OffScaleError(ValueError):
    """A value that is not on the criterion's scale."""


def scale_of(judge: Judge) -> CriterionScale | None:
    """Returns the scale that a judge gives its criterion, None if its answers are not values, as those of a ranking."""
    return METHODS[judge.method].criterion_scale(judge)


class Coding:
    """Converts the values of one scale to `CodedValue` and back."""

    def __init__(self, scale: CriterionScale) -> None:
        self.scale = scale
        self.is_words = scale.kind == "labels"
        self.is_continuous = scale.kind == "numbers" and scale.step is None
        self.range = scale.max - scale.min
        self._known: dict[float, CodedValue] = {}  # levels, and means of a few of them
        self._on_grid: dict[int, str] = {}  # keys by the number of steps of the grid above the minimum
        self._scores = dict(zip(scale.labels, scale.scores, strict=True))
        self.grid = 0.0 if self.is_words else _nice(self.range / GRID_POINTS)
        self.unit = 1.0 if self.is_words else 10.0 ** -math.floor(math.log10(UNITS / self.range))

    @property
    def values(self) -> tuple[Value, ...] | None:
        """All values of the scale in order, None if any number is possible."""
        if self.is_words:
            return tuple(self.scale.labels)
        if self.is_continuous:
            return None
        scale = Scale(min=self.scale.min, max=self.scale.max, step=self.scale.step)
        return tuple(levels(scale))

    @property
    def step(self) -> float | None:
        """The scale's step, None for labels and for a scale without steps."""
        return None if self.is_words else self.scale.step

    @property
    def is_pass_fail(self) -> bool:
        """Whether the values are pass and fail, of which the mean is a share."""
        return set(self.scale.labels) == {FAIL, PASS}

    def by_person(self, score: float | None, label: str | None) -> CodedValue:
        """Returns a person's label as a coded value. Raises OffScaleError if it is not on the scale."""
        if self.is_words:
            return self._labelled(self._label_of(score, label))
        if score is None:
            raise OffScaleError(f"needs a score ({self._described()})")
        score = as_written(score)
        if not self.scale.min <= score <= self.scale.max:
            raise OffScaleError(f"{score:g} is not between {self.scale.min:g} and {self.scale.max:g}")
        if self.scale.step is not None:
            steps = (score - self.scale.min) / self.scale.step
            if abs(steps - round(steps)) > _NOISE:
                raise OffScaleError(f"{score:g} is not on the scale ({self._described()})")
        return self._scored(score, on_grid=self.is_continuous)._replace(units=self._units(score))

    def by_judge(self, score: float | None, label: str | None, *, is_expected: bool = False) -> CodedValue | None:
        """Returns a judge's score or label as a coded value, None if it is not on the scale.

        `is_expected` means that the score is an expected value, which may lie between the scale's levels.
        """
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
        """Returns the value that a key stands for."""
        return key if self.is_words else _tidy(float(key))

    def number(self, key: str) -> float | None:
        """Returns the number that a key stands for in a mean, None for a label without a number."""
        return self._scores[key] if self.is_words else float(key)

    def per_cent(self, score: float) -> int:
        """Returns the distance of a number from the minimum in per cent of the range, rounded."""
        return round((score - self.scale.min) / self.range * PER_CENT)

    def _described(self) -> str:
        steps = "" if self.scale.step is None else f" in steps of {self.scale.step:g}"
        return f"{self.scale.min:g} to {self.scale.max:g}{steps}"

    def _label_of(self, score: float | None, label: str | None) -> str:
        named = ", ".join(self.scale.labels)
        if self.is_pass_fail:
            given = score if label is None else label
            label = label if given is None else pass_fail_label(given) or label
        if label is None:
            raise OffScaleError(f"needs a label ({named})")
        if label not in self._scores:
            raise OffScaleError(f"{label!r} is not one of the criterion's labels ({named})")
        return label

    def _labelled(self, label: str | None) -> CodedValue:
        assert label is not None, "the caller has checked it"
        return CodedValue(label, self._scores[label], None, None)

    def _scored(self, score: float, *, on_grid: bool) -> CodedValue:
        above = score - self.scale.min
        units = self._units(score) if on_grid else None
        key = self.grid_key(round(above / self.grid)) if on_grid else written(score)
        return CodedValue(key, float(score), units, self.per_cent(score))

    def grid_key(self, steps: int) -> str:
        """Returns the key of the number so many steps of the grid above the minimum."""
        key = self._on_grid.get(steps)
        if key is None:
            key = written(steps * self.grid + self.scale.min)
            if len(self._on_grid) < _MOST_KNOWN:
                self._on_grid[steps] = key
        return key

    def _units(self, score: float) -> int:
        return round((score - self.scale.min) / self.unit)


def written(number: float) -> str:
    """Returns a number as a key, without the noise of floating point and never `-0`."""
    return f"{round(number, 9) + 0.0:.10g}"


def keys_in_order(coding: Coding, keys: Sequence[str]) -> list[str]:
    """Returns the keys without repeats: labels in the scale's order, numbers ascending."""
    if coding.is_words:
        places = {label: place for place, label in enumerate(coding.scale.labels)}
        return sorted(set(keys) & set(places), key=places.__getitem__)
    return sorted(set(keys), key=float)


def _nice(most: float) -> float:
    """Returns the largest number up to `most` that is 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(most))
    return max(each * power for each in (1, 2, 5) if each * power <= most * (1 + 1e-9))


def _tidy(number: float) -> float | int:
    return int(number) if number == int(number) else number
