"""Many coded values at once, in arrays."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from service.agreement.coding import CodedValue, Coding
from service.stats.arrays import Floats, Integers
from service.stats.item_terms import PER_CENT


class CodedValues(NamedTuple):
    """Many coded values of one scale, in arrays: `keys` are the places of their keys in `names`.

    The others are None if the scale's values have none.
    """

    names: Sequence[str]
    keys: Integers
    numbers: Floats | None
    units: Integers | None
    per_cent: Integers | None

    def taken(self, at: Integers) -> "CodedValues":
        """Returns the values in these places."""
        names, keys, numbers, units, per_cent = self
        return CodedValues(
            names,
            keys[at],
            None if numbers is None else numbers[at],
            None if units is None else units[at],
            None if per_cent is None else per_cent[at],
        )


def between_levels(coding: Coding, scores: Sequence[float]) -> CodedValues:
    """Returns the same as `Coding.by_judge` for scores that may lie between the scale's levels, for many at once."""
    numbers = np.array(scores, dtype=np.float64)
    above = numbers - coding.scale.min
    steps, keys = np.unique(np.rint(above / coding.grid), return_inverse=True)
    names = [coding.grid_key(int(each)) for each in steps.tolist()]
    units = np.rint(above / coding.unit).astype(np.int64)
    return CodedValues(names, keys, numbers, units, np.rint(above / coding.range * PER_CENT).astype(np.int64))


def in_columns(values: Sequence[CodedValue]) -> CodedValues:
    """Returns values of one scale as arrays. The scale decides which of their fields are None."""
    names: dict[str, int] = {}
    keys = [names.setdefault(each.key, len(names)) for each in values]
    numbers, units, per_cent = ([each[place] for each in values] for place in (1, 2, 3))
    return CodedValues(
        list(names),
        np.array(keys, dtype=np.int64),
        None if None in numbers else np.array(numbers, dtype=np.float64),
        None if None in units else np.array(units, dtype=np.int64),
        None if None in per_cent else np.array(per_cent, dtype=np.int64),
    )
