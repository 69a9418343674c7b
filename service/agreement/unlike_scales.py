"""The statistics of two sides whose values are others, such as a rating judge against pass/fail labels.

Only the order of each side's values has a meaning, and their places between its lowest and its highest: the rank
statistics and the correlations are the same whatever the units. All other statistics compare values, and are null.
"""

from collections.abc import Iterable

import numpy as np

from service.agreement.axes import Axis
from service.stats.arrays import Floats, Integers
from service.stats.intervals import Design, Measure, measure
from service.stats.statistics import names_for
from service.stats.table import Table, empty_like
from service.stats.undefined import Undefined

OF_RANKS = ("pearson", "spearman", "kendall_tau_b", "kendall_tau_c", "somers_d")
OF_CLASSES = "auc"

_NO_NUMBERS = Measure(value=None, lower=None, upper=None, reason=Undefined.NOT_FOR_WORDS)
_DIFFERENT = Measure(value=None, lower=None, upper=None, reason=Undefined.DIFFERENT_SCALES)


def rank_table(table: Table, rows: Axis, columns: Axis) -> Table | None:
    """Returns the table with each side's numbers as shares of their range, ascending; values of one number are merged.

    None if a side has words without numbers.
    """
    if rows.numbers is None or columns.numbers is None:
        return None
    row_shares, row_places = _shares(rows.numbers)
    column_shares, column_places = _shares(columns.numbers)
    counts = empty_like(table, (len(row_shares), len(column_shares)))
    np.add.at(counts, (row_places[:, None], column_places[None, :]), table.counts)
    return Table(tuple(row_shares.tolist()), tuple(column_shares.tolist()), counts)


def measure_unlike(
    table: Table, ranks: Table | None, names: Iterable[str] | None = None, *, design: Design | None = None
) -> dict[str, Measure]:
    """Returns the statistics with their intervals; null with `different_scales` for those that compare values.

    `table` has the values as they are, and `ranks` is its `rank_table`. Without `names`, all that tables of the rows'
    values have, those of ranks, and the area under the ROC curve if the rows are two classes.
    """
    square = Table(table.values, table.values, np.zeros((len(table.values),) * 2, dtype=np.int64))
    has_classes = ranks is not None and ranks.has_two_classes
    every = [*dict.fromkeys((*names_for(square), *OF_RANKS)), *((OF_CLASSES,) if has_classes else ())]
    chosen = every if names is None else list(names)
    defined = (*OF_RANKS, OF_CLASSES) if has_classes else OF_RANKS
    if ranks is None:
        return {name: _NO_NUMBERS if name in defined else _DIFFERENT for name in chosen}
    found = measure(ranks, [name for name in chosen if name in defined], design=design)
    return {name: found.get(name, _DIFFERENT) for name in chosen}


def _shares(numbers: Iterable[float]) -> tuple[Floats, Integers]:
    """Returns the distinct numbers as shares of their range, and the place of each number among them."""
    values, places = np.unique(np.array(list(numbers), dtype=np.float64), return_inverse=True)
    span = float(np.ptp(values)) or 1.0
    return (values - values[0]) / span, places
