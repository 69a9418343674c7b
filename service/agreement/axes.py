"""The values along the sides of a table, and the place of each counter's key among them."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from service.agreement.coding import Coding, keys_in_order
from service.stats.values import Value

_NOISE = 1e-5  # of a step: the largest distance of a label from its level


class Axis(NamedTuple):
    """One side of a table.

    `places` maps each key that is on the scale to its index in `values`. `numbers` are the values' numbers in a mean,
    None if a label has none.
    """

    values: tuple[Value, ...]
    places: Mapping[str, int]
    numbers: tuple[float, ...] | None


def person_axis(coding: Coding, keys: Iterable[str]) -> Axis:
    """Returns all labels or levels of the scale; the values in use if the scale has no steps."""
    return _of_levels(coding, keys) or _of_seen(coding, keys)


def judge_axis(coding: Coding, keys: Iterable[str]) -> Axis:
    """Returns the same for a judge; the values in use, ascending, if any lies between two levels, as means do."""
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
        return Axis(values, labels, tuple(known) if len(known) == len(values) else None)
    places = {key: _level(coding, key, len(values)) for key in keys}
    found = {key: place for key, place in places.items() if place is not None}
    return Axis(values, found, tuple(float(value) for value in values))


def _of_seen(coding: Coding, keys: Iterable[str]) -> Axis:
    """Returns the values in use, the ends of the scale if there are none: a table needs values."""
    seen = keys_in_order(coding, [key for key in keys if _is_on_scale(coding, key)])
    values = tuple(coding.value(key) for key in seen) or (coding.scale.min, coding.scale.max)
    places = {key: place for place, key in enumerate(seen)}
    return Axis(values, places, tuple(float(value) for value in values))


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
