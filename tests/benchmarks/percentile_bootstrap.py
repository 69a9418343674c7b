"""Percentile bootstrap intervals of a table: the method before, kept to compare the present one with."""

from collections.abc import Sequence

import numpy as np

from service.stats.statistics import STATISTICS
from service.stats.table import Table
from service.stats.tallies import Layout, Tallies

REPLICATES = 1000


def percentile_intervals(table: Table, names: Sequence[str], seed: int) -> dict[str, tuple[float, float] | None]:
    """The central 95% of each statistic over tables drawn from this one's counts, None if half of them lack it."""
    layout = Layout(table)
    used = table.counts[np.ix_(layout.rows, layout.columns)]
    random = np.random.default_rng(seed)
    drawn = random.multinomial(table.pairs, (used / table.pairs).ravel(), size=REPLICATES).astype(np.float64)
    tallies = Tallies(layout, drawn.reshape(REPLICATES, *used.shape))
    found: dict[str, tuple[float, float] | None] = {}
    for name in names:
        lacking = np.zeros(REPLICATES, dtype=np.bool_)
        for lack in STATISTICS[name].lacks:
            lacking |= lack.holds(tallies)
        with np.errstate(all="ignore"):
            values = STATISTICS[name].compute(tallies)[~lacking]
        ends = np.quantile(values, [0.025, 0.975]) if len(values) >= REPLICATES / 2 else None
        found[name] = None if ends is None else (float(ends[0]), float(ends[1]))
    return found
