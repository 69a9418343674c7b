"""The values along a table's sides, and where the keys of counters stand among them."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from service.agreement.coding import Coding, in_order
from service.stats.table import Value

_NOISE = 1e-5  # of a step: a label may lie a little beside its level


class Axis(NamedTuple):
    """`places` has the place among `values` of each key that is on the scale.

    `numbers` are what the values are worth in a mean, None where a label is worth none. `are_levels`: the values are
    all that the scale declares, said or not.
    """

    values: tuple[Value, ...]
    places: Mapping[str, int]
    numbers: tuple[float, ...] | None
    are_levels: bool


def person_axis(coding: Coding, keys: Iterable[str]) -> Axis:
    """All labels or levels of the scale; the values that were said where there is no end of them."""
    return _of_levels(coding, keys) or _of_seen(coding, keys)


def judge_axis(coding: Coding, keys: Iterable[str]) -> Axis:
    """The same, but only what was said, ascending, where any of it lies between the levels, as means do."""
    on_scale = [key for key in keys if coding.is_words or _is_on_scale(coding, key)]
    levels = _of_levels(coding, on_scale)
    if levels is not None and (coding.is_words or len(levels.places) == len(set(on_scale))):
        return levels
    return _of_seen(coding, on_scale)


def _of_levels(coding: Coding, keys: Iterable[str]) -> Axis | None:
    values = coding.values
    if values is None:
        return None
    if coding.is_words:
        labels = {str(label): place for place, label in enumerate(values)}
        numbers = [coding.number(label) for label in labels]
        known = [number for number in numbers if number is not None]
        return Axis(values, labels, tuple(known) if len(known) == len(values) else None, True)
    places = {key: _level(coding, key, len(values)) for key in keys}
    found = {key: place for key, place in places.items() if place is not None}
    return Axis(values, found, tuple(float(value) for value in values), True)


def _of_seen(coding: Coding, keys: Iterable[str]) -> Axis:
    """Where nothing was said the scale's ends stand in: a table has values."""
    seen = in_order(coding, [key for key in keys if _is_on_scale(coding, key)])
    values = tuple(coding.value(key) for key in seen) or (coding.scale.min, coding.scale.max)
    places = {key: place for place, key in enumerate(seen)}
    return Axis(values, places, tuple(float(value) for value in values), False)


def _level(coding: Coding, key: str, how_many: int) -> int | None:
    if not _is_on_scale(coding, key) or coding.step is None:
        return None
    steps = (float(key) - coding.scale.min) / coding.step
    place = round(steps)
    return place if abs(steps - place) <= _NOISE and 0 <= place < how_many else None


def _is_on_scale(coding: Coding, key: str) -> bool:
    try:
        number = float(key)
    except ValueError:
        return False
    slack = _NOISE * coding.range
    return math.isfinite(number) and coding.scale.min - slack <= number <= coding.scale.max + slack
