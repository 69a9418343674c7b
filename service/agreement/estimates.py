"""The mean over everything that a series judged, corrected by random labels, from its counters."""

from collections.abc import Mapping, Sequence

import numpy as np

from service.agreement.axes import judge_axis, person_axis
from service.agreement.coding import Coding
from service.agreement.counters import Labelled, read_labelled
from service.stats.coarse import binned
from service.stats.estimates import Estimate, Tables, estimate
from service.stats.table import FAIL, PASS

_MOST_MEANS = 400  # distinct; merging neighbours beyond this lowers a variance by about 1 in 100,000


def estimate_of(coding: Coding, agreed: Mapping[str, int], seen: Mapping[str, int]) -> Estimate:
    """Returns the judge's mean and the corrected mean of a series; see `service.stats.estimates.estimate`.

    `agreed` and `seen` are the series' counters. Raises ValueError if the criterion's labels
    have no numbers.
    """
    scale = _scale(coding)
    is_share = coding.is_words and set(coding.scale.labels) == {FAIL, PASS}
    tables = tables_of(coding, read_labelled(agreed, seen))
    return estimate(tables, scale, pass_fail=is_share)


def tables_of(coding: Coding, labelled: Labelled) -> Tables:
    """Returns the tables for `estimate`; neighbouring means are merged if there are too many for a table."""
    axis = judge_axis(coding, {key for _, key in labelled.means} | set(labelled.rest))
    judge_values = axis.numbers or ()
    means = {(mean, axis.places[key]): n for (mean, key), n in labelled.means.items() if key in axis.places}
    human_values = np.unique([mean for mean, _ in means])
    rows = np.searchsorted(human_values, [mean for mean, _ in means])
    counts = np.array(list(means.values()), dtype=np.int64)
    if len(human_values) > _MOST_MEANS:
        totals = np.bincount(rows, counts).astype(np.int64)
        bins, human_values = binned(human_values, totals, _MOST_MEANS)
        rows = bins[rows]
    cells = np.zeros((len(human_values), len(judge_values)), dtype=np.int64)
    np.add.at(cells, (rows.astype(np.int64), np.array([place for _, place in means], dtype=np.int64)), counts)
    rest = np.zeros(len(judge_values), dtype=np.int64)
    for key, count in labelled.rest.items():
        if key in axis.places:
            rest[axis.places[key]] += count
    return Tables(cells, rest, human_values.tolist(), judge_values)


def _scale(coding: Coding) -> Sequence[float]:
    """Returns the declared values; for a continuous scale, its ends and middle, since two values would be binary."""
    if coding.is_continuous:
        return coding.scale.min, (coding.scale.min + coding.scale.max) / 2, coding.scale.max
    numbers = person_axis(coding, ()).numbers
    if numbers is None:
        raise ValueError("has no mean: the labels of its criterion have no scores")
    return sorted(set(numbers))
