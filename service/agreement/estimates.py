"""The mean over everything that a series judged, corrected by drawn labels, from its counters."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from service.agreement.axes import Axis, judge_axis, person_axis
from service.agreement.coding import Coding
from service.agreement.counters import Labelled, read_labelled
from service.stats.coarse import binned
from service.stats.estimates import Estimate, Tables, estimate
from service.stats.strata import merged_levels

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
    scale = declared_numbers(coding, "the judge's values" if labels is not None else "the labels of its criterion")
    strata = strata_of(coding, read_labelled(agreed, seen))
    tables = summed_tables(strata)
    if labels is None:
        return estimate(tables, scale, pass_fail=coding.is_pass_fail, strata=strata)
    alone = tables._replace(
        labelled=tables.labelled[:0], human_values=(), unlabelled=tables.unlabelled + tables.labelled.sum(axis=0)
    )
    found = estimate(alone, scale, pass_fail=coding.is_pass_fail)
    goal = declared_numbers(labels)
    share = (max(goal) - min(goal)) / ((max(scale) - min(scale)) or 1.0)
    judged = [min(goal) + (value - min(scale)) * share for value in tables.judge_values]
    on_labels = [each._replace(judge_values=judged) for each in strata]
    corrected = estimate(summed_tables(on_labels), goal, pass_fail=labels.is_pass_fail, strata=on_labels)
    return msgspec.structs.replace(corrected, judge_mean=found.judge_mean)


def strata_of(coding: Coding, by_level: Mapping[int, Labelled]) -> list[Tables]:
    """Returns the tables for `estimate`, one for each stratum, with the same values; one empty one without anything.

    Levels with few labelled items are merged with their neighbours, and so are neighbouring means if there are too many
    for a table.
    """
    axis = judge_axis(
        coding, {key for each in by_level.values() for key in (*each.rest, *(key for _, key in each.means))}
    )
    means: Counter[float] = Counter()
    for each in by_level.values():
        for (mean, key), count in each.means.items():
            if key in axis.places:
                means[mean] += count
    human_values = np.array(sorted(means), dtype=np.float64)
    rows = dict(zip(human_values.tolist(), range(len(means)), strict=True))
    if len(means) > _MOST_MEANS:
        totals = np.array([means[mean] for mean in human_values.tolist()], dtype=np.int64)
        bins, merged = binned(human_values, totals, _MOST_MEANS)
        rows, human_values = dict(zip(human_values.tolist(), bins.tolist(), strict=True)), merged
    empty = Tables(
        np.zeros((len(human_values), len(axis.numbers or ())), dtype=np.int64),
        np.zeros(len(axis.numbers or ()), dtype=np.int64),
        human_values.tolist(),
        axis.numbers or (),
    )
    labelled = {level: sum(each.means.values()) for level, each in by_level.items()}
    groups = merged_levels(labelled, by_level)
    return [_counted(empty, [by_level[level] for level in group], axis, rows) for group in groups] or [empty]


def summed_tables(strata: Sequence[Tables]) -> Tables:
    """Returns the tables of all strata together."""
    return strata[0]._replace(
        labelled=np.sum([each.labelled for each in strata], axis=0),
        unlabelled=np.sum([each.unlabelled for each in strata], axis=0),
    )


def _counted(empty: Tables, levels: Sequence[Labelled], axis: Axis, rows: Mapping[float, int]) -> Tables:
    labelled, unlabelled = empty.labelled.copy(), empty.unlabelled.copy()
    for each in levels:
        for (mean, key), count in each.means.items():
            if key in axis.places:
                labelled[rows[mean], axis.places[key]] += count
        for key, count in each.rest.items():
            if key in axis.places:
                unlabelled[axis.places[key]] += count
    return empty._replace(labelled=labelled, unlabelled=unlabelled)


def declared_numbers(coding: Coding, side: str = "the labels of its criterion") -> Sequence[float]:
    """Returns the declared values; for a continuous scale, its ends and middle, since two values would be binary.

    Raises ValueError if the values, named `side` in the message, have no numbers.
    """
    if coding.is_continuous:
        return coding.scale.min, (coding.scale.min + coding.scale.max) / 2, coding.scale.max
    numbers = person_axis(coding, ()).numbers
    if numbers is None:
        raise ValueError(f"has no mean: {side} have no scores")
    return sorted(set(numbers))
