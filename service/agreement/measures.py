"""The statistics of a criterion's table with their intervals, for any scale."""

from collections.abc import Iterable, Mapping

from service.agreement.coding import Coding
from service.stats.coarse import as_names, coarsened, is_fine
from service.stats.intervals import Measure, measure
from service.stats.statistics import STATISTICS, Domain, names_for
from service.stats.table import Table
from service.stats.undefined import Undefined

_OF_LEVELS = frozenset({Domain.CATEGORIES, Domain.SCALE})


def measure_table(
    coding: Coding,
    table: Table,
    key: str,
    names: Iterable[str] | None = None,
    *,
    worth: float | None = None,
    known: Mapping[str, float] | None = None,
) -> dict[str, Measure]:
    """Returns the statistics as `intervals.measure` does; fine tables have the intervals of a coarser form.

    Statistics that need categories or steps are null for scales without any.
    """
    chosen = tuple(names_for(table) if names is None else names)
    lacking = {name: reason for name in chosen if (reason := _why_not(coding, table, name)) is not None}
    wanted = [name for name in chosen if name not in lacking]
    found = {name: Measure(value=None, lower=None, upper=None, reason=reason) for name, reason in lacking.items()}
    if not is_fine(table):
        found |= measure(table, key, wanted, worth=worth, known=known)
    else:
        of_names = [name for name in wanted if STATISTICS[name].domain is Domain.CATEGORIES]
        others = [name for name in wanted if name not in of_names]
        found |= measure(table, key, others, worth=worth, known=known, drawn_from=coarsened(table))
        if of_names:
            found |= measure(table, key, of_names, worth=worth, known=known, drawn_from=as_names(table))
    return {name: found[name] for name in chosen}


def _why_not(coding: Coding, table: Table, name: str) -> Undefined | None:
    scope = STATISTICS[name].domain
    if coding.is_words:
        return None  # the table itself excludes statistics of numbers
    if name == "within_one" and coding.step is None:
        return Undefined.NO_STEP
    if scope in _OF_LEVELS and (coding.is_continuous or table.is_fractional or not _are_levels(coding, table)):
        return Undefined.FRACTIONAL
    return None


def _are_levels(coding: Coding, table: Table) -> bool:
    return table.values == coding.values
