"""The mean over everything that a series judged, corrected by random labels, from its counters."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from service.agreement.axes import judge_axis, person_axis
from service.agreement.coding import Coding
from service.agreement.counters import Labelled, read_labelled
from service.stats.coarse import binned
from service.stats.estimates import Estimate, Tables, estimate
from service.stats.table import FAIL, PASS

_MOST_MEANS = 400  # distinct; merging neighbours beyond this lowers a variance by about 1 in 100,000


def estimate_of(
    coding: Coding, agreed: Mapping[str, int], seen: Mapping[str, int], labels: Coding | None = None
) -> Estimate:
    """Returns the judge's mean and the corrected mean of a series; see `service.stats.estimates.estimate`.

    `agreed` and `seen` are the series' counters. `coding` is that of the judge's scores; `labels` that of the labels,
    if their values are others: then the judge's mean is on the judge's scale and the corrected mean on the labels',
    where a score counts as the value at the same share of the range. Raises ValueError if the labels have no numbers,
    or the judge's values none.
    """
    scale = _scale(coding)
    tables = tables_of(coding, read_labelled(agreed, seen))
    if labels is None:
        return estimate(tables, scale, pass_fail=_is_share(coding))
    alone = tables._replace(
        labelled=tables.labelled[:0], human_values=(), unlabelled=tables.unlabelled + tables.labelled.sum(axis=0)
    )
    found = estimate(alone, scale, pass_fail=_is_share(coding))
    goal = _scale(labels)
    share = (max(goal) - min(goal)) / ((max(scale) - min(scale)) or 1.0)
    judged = [min(goal) + (value - min(scale)) * share for value in tables.judge_values]
    corrected = estimate(tables._replace(judge_values=judged), goal, pass_fail=_is_share(labels))
    return msgspec.structs.replace(corrected, judge_mean=found.judge_mean)


def _is_share(coding: Coding) -> bool:
    return coding.is_words and set(coding.scale.labels) == {FAIL, PASS}


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
