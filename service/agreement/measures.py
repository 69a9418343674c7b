"""The statistics of a criterion's table with their intervals, for any scale."""

from collections.abc import Iterable, Mapping

from service.agreement.coding import Coding
from service.stats.intervals import Design, Measure, measure
from service.stats.statistics import STATISTICS, Domain, names_for
from service.stats.table import Table
from service.stats.undefined import Undefined

_OF_LEVELS = frozenset({Domain.CATEGORIES, Domain.SCALE})


def measure_table(
    coding: Coding,
    table: Table,
    names: Iterable[str] | None = None,
    *,
    design: Design | None = None,
    known: Mapping[str, float] | None = None,
) -> dict[str, Measure]:
    """Returns the statistics as `intervals.measure` does; those that need categories or steps are null without any."""
    chosen = tuple(names_for(table) if names is None else names)
    lacking = {name: reason for name in chosen if (reason := _why_not(coding, table, name)) is not None}
    found = {name: Measure(value=None, lower=None, upper=None, reason=reason) for name, reason in lacking.items()}
    found |= measure(table, [name for name in chosen if name not in lacking], design=design, known=known)
    return {name: found[name] for name in chosen}


def _why_not(coding: Coding, table: Table, name: str) -> Undefined | None:
    domain = STATISTICS[name].domain
    if coding.is_words:
        return None  # the table itself excludes statistics of numbers
    if name == "within_one" and coding.step is None:
        return Undefined.NO_STEP
    if domain in _OF_LEVELS and (coding.is_continuous or table.is_fractional or table.values != coding.values):
        return Undefined.FRACTIONAL
    return None
