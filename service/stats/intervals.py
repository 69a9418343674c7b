"""95% intervals of agreement statistics.

Proportions have Wilson's interval. For all others the table is resampled a thousand times from its own counts, at a
cost that does not depend on their number, and the interval is the central 95% of the results. Fisher's z would be
faster, but its intervals cover only 83% for the few, skewed scores of a judge.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from service.stats.arrays import Booleans, Floats
from service.stats.statistics import STATISTICS, Statistic, StatisticValue, evaluate
from service.stats.table import Table
from service.stats.tallies import Layout, Tallies
from service.stats.undefined import Undefined

Z = 1.959964  # of 95%, two-sided
REPLICATES = 1000
FEWEST_PAIRS = 2  # a single pair shows no variation
FEWEST_REPLICATES = REPLICATES // 2  # fewer would describe only the samples for which it is defined

_TAILS = (0.025, 0.975)
_CHUNK = 1 << 18  # counts of replicates held at once: 2 MB, which fits into a cache


class Interval(NamedTuple):
    lower: float
    upper: float


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A statistic with its 95% interval, which contains the value.

    `value` is null, with a `reason`, if the statistic is undefined. Only the bounds are null, with a `reason`, if there
    are too few pairs for an interval.
    """

    value: float | None
    lower: float | None
    upper: float | None
    reason: Undefined | None


def measure(
    table: Table,
    key: str = "",
    names: Iterable[str] | None = None,
    *,
    worth: float | None = None,
    known: Mapping[str, float] | None = None,
    drawn_from: Table | None = None,
) -> dict[str, Measure]:
    """Returns the named statistics (by default all that the table's values have) with their intervals.

    The result is a function of the table and `key`. `worth` is the effective number of independent pairs if several are
    of the same item; there are no intervals below 2. `known` holds statistics known more exactly than from the table,
    and `drawn_from` is a coarser table to resample: intervals are shifted to the values.
    """
    values = evaluate(table, names)
    exactly = {
        name: value for name, value in (known or {}).items() if name in values and values[name].value is not None
    }
    values |= {name: StatisticValue(value) for name, value in exactly.items()}
    defined = {name: value.value for name, value in values.items() if value.value is not None}
    independent = table.pairs if worth is None else min(worth, table.pairs)
    intervals: dict[str, Interval | None] = {}
    if independent >= FEWEST_PAIRS:
        drawn = [name for name in defined if STATISTICS[name].trials is None]
        intervals |= bootstrap(drawn_from or table, drawn, key, round(independent))
        if exactly or drawn_from:
            intervals |= _moved(intervals, defined, evaluate(drawn_from or table, drawn))
        intervals |= _of_shares(table, defined, independent / table.pairs)
    return {name: _measure(value, intervals.get(name), table.pairs, independent) for name, value in values.items()}


def wilson(successes: float, trials: float) -> Interval:
    """Returns Wilson's interval of a proportion (Wilson 1927). `trials` must be positive; it may be fractional."""
    share = successes / trials
    middle = share + Z**2 / (2 * trials)
    reach = Z * math.sqrt(max(share * (1 - share), 0.0) / trials + Z**2 / (4 * trials**2))
    scale = 1 + Z**2 / trials
    return Interval(
        max(min((middle - reach) / scale, share), 0.0),  # rounding must not exclude the share
        min(max((middle + reach) / scale, share), 1.0),
    )


def bootstrap(table: Table, names: Sequence[str], key: str, pairs: int | None = None) -> dict[str, Interval | None]:
    """Returns percentile intervals of these statistics, None if too few replicates have one. The table must have pairs.

    `pairs` is the size of each replicate, by default the table's.
    """
    if not names:
        return {}
    parts = [[_computed(STATISTICS[name], each) for name in names] for each in replicates(table, key, pairs)]
    intervals = {}
    for position, name in enumerate(names):
        values = np.concatenate([part[position] for part in parts])
        intervals[name] = _middle(values) if len(values) >= FEWEST_REPLICATES else None
    return intervals


def replicates(table: Table, key: str, pairs: int | None = None) -> Iterator[Tallies]:
    """Yields a thousand tables of `pairs` pairs drawn from the table's counts, in stacks that fit into a cache."""
    layout = Layout(table)
    said = table.counts[np.ix_(layout.rows, layout.columns)].ravel()
    cells = np.flatnonzero(said)  # the others are empty in every draw
    random = np.random.Generator(np.random.PCG64(seed_of(key)))
    pairs, shares = pairs or table.pairs, said[cells] / table.pairs
    at_once = max(1, _CHUNK // len(said))
    for start in range(0, REPLICATES, at_once):
        how_many = min(at_once, REPLICATES - start)
        counts = np.zeros((how_many, len(said)))
        counts[:, cells] = random.multinomial(pairs, shares, size=how_many)
        yield Tallies(layout, counts.reshape(how_many, len(layout.rows), len(layout.columns)))


def _computed(statistic: Statistic, tallies: Tallies) -> Floats:
    """Returns the statistic of those tables of a stack for which it is defined."""
    lacking: Booleans = np.zeros(len(tallies.counts), dtype=np.bool_)
    for lack in statistic.lacks:
        lacking |= lack.holds(tallies)
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 exactly if something is lacking
        return statistic.compute(tallies)[~lacking]


def _middle(values: Floats) -> Interval:
    """Returns the central 95%, interpolated as numpy's quantile does by default, in a tenth of the time."""
    values.sort()
    ends = []
    for tail in _TAILS:
        place = tail * (len(values) - 1)
        before = int(place)
        below, above = float(values[before]), float(values[min(before + 1, len(values) - 1)])
        ends.append(below + (above - below) * (place - before))
    return Interval(*ends)


def _of_shares(table: Table, defined: Mapping[str, float], worth_of_one: float) -> dict[str, Interval | None]:
    """Returns Wilson's intervals of the statistics that are proportions."""
    tallies = Tallies.of(table)
    intervals: dict[str, Interval | None] = {}
    for name, value in defined.items():
        trials = STATISTICS[name].trials
        if trials is not None:
            how_many = float(trials(tallies)[0]) * worth_of_one
            intervals[name] = wilson(value * how_many, how_many)
    return intervals


def _moved(
    intervals: Mapping[str, Interval | None], defined: Mapping[str, float], drawn: Mapping[str, StatisticValue]
) -> dict[str, Interval | None]:
    """Shifts intervals of the table that was resampled to the values of the full table."""
    moved: dict[str, Interval | None] = {}
    for name, interval in intervals.items():
        middle = drawn[name].value
        if interval is not None and middle is not None:
            by = defined[name] - middle
            least, most = STATISTICS[name].limits
            interval = Interval(max(interval.lower + by, least), min(interval.upper + by, most))
        moved[name] = interval
    return moved


def _measure(value: StatisticValue, interval: Interval | None, pairs: int, independent: float) -> Measure:
    if value.value is None:
        return Measure(value=None, lower=None, upper=None, reason=value.reason)
    if interval is None:
        reason = Undefined.ONE_ITEM if independent < FEWEST_PAIRS else Undefined.FEW_REPLICATES
        return Measure(value=value.value, lower=None, upper=None, reason=Undefined.ONE_PAIR if pairs == 1 else reason)
    # Biased statistics, such as alpha, can be outside the middle of their replicates.
    lower, upper = min(interval.lower, value.value), max(interval.upper, value.value)
    return Measure(value=value.value, lower=lower, upper=upper, reason=None)


def seed_of(key: str) -> int:
    """Returns a seed for a random generator: equal for equal keys, on any machine."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=16).digest(), "big")
