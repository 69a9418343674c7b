"""The statistics of a criterion's table with their intervals, whatever its scale."""

from collections.abc import Iterable, Mapping

from service.agreement.coding import Coding
from service.stats.coarse import coarsened, is_fine, named
from service.stats.intervals import Measure, measure
from service.stats.statistics import STATISTICS, Scope, names_for
from service.stats.table import Table
from service.stats.undefined import Undefined

_OF_LEVELS = frozenset({Scope.CATEGORIES, Scope.SCALE})


def measured(
    coding: Coding,
    table: Table,
    key: str,
    names: Iterable[str] | None = None,
    *,
    worth: float | None = None,
    known: Mapping[str, float] | None = None,
) -> dict[str, Measure]:
    """As `intervals.measure`, at a bounded cost: of more than 41 values a side intervals are those of a coarser table.

    Where any number between the scale's ends may be said there are no categories and no steps, and what counts those
    is None.
    """
    chosen = tuple(names_for(table) if names is None else names)
    lacking = {name: reason for name in chosen if (reason := _why_not(coding, table, name)) is not None}
    wanted = [name for name in chosen if name not in lacking]
    found = {name: Measure(value=None, lower=None, upper=None, reason=reason) for name, reason in lacking.items()}
    if not is_fine(table):
        found |= measure(table, key, wanted, worth=worth, known=known)
    else:
        of_names = [name for name in wanted if STATISTICS[name].scope is Scope.CATEGORIES]
        others = [name for name in wanted if name not in of_names]
        found |= measure(table, key, others, worth=worth, known=known, drawn_from=coarsened(table))
        if of_names:
            found |= measure(table, key, of_names, worth=worth, known=known, drawn_from=named(table))
    return {name: found[name] for name in chosen}


def _why_not(coding: Coding, table: Table, name: str) -> Undefined | None:
    scope = STATISTICS[name].scope
    if coding.is_words:
        return None  # the table itself says what can't be had of words
    if name == "within_one" and coding.step is None:
        return Undefined.NO_STEP
    if scope in _OF_LEVELS and (coding.is_continuous or table.is_fractional or not _are_levels(coding, table)):
        return Undefined.FRACTIONAL
    return None


def _are_levels(coding: Coding, table: Table) -> bool:
    return table.values == coding.values
