"""What statistics cost: `python -m tests.benchmarks.agreement` prints the time of all with their intervals.

They are computed from a table of counts, so that ten million pairs cost about what a thousand do. The two are measured
in turns: the machine is shared, and what slows one then slows the other.
"""

import time
from collections.abc import Callable

import numpy as np

from service.agreement.intervals import measure
from service.agreement.statistics import evaluate
from service.agreement.table import Table

SIZES = (2, 5, 10, 41)
FEW, MANY = 1_000, 10_000_000
ROUNDS = 9


def table_of(size: int, pairs: int) -> Table:
    """Pairs that mostly agree, and use every cell where there are enough of them."""
    shares = np.exp(-np.abs(np.subtract.outer(np.arange(size), np.arange(size))) * 5 / size)
    counts = np.random.default_rng(size).multinomial(pairs, (shares / shares.sum()).ravel())
    return Table.from_counts(range(size), counts.reshape(size, size))


def seconds(compute: Callable[[Table], object], table: Table) -> float:
    started = time.perf_counter()
    compute(table)
    return time.perf_counter() - started


def main() -> None:
    print(f"{'values':>6}{'values alone, ms':>20}{f'all, {FEW:,}, ms':>20}{f'all, {MANY:,}, ms':>22}{'ratio':>8}")
    for size in SIZES:
        few, many = table_of(size, FEW), table_of(size, MANY)
        alone, short, long = zip(
            *((seconds(evaluate, many), seconds(measure, few), seconds(measure, many)) for _ in range(ROUNDS)),
            strict=True,
        )
        ratio = float(np.median(np.divide(long, short)))
        times = [1000 * float(np.median(each)) for each in (alone, short, long)]
        print(f"{size:>6}{times[0]:>20.2f}{times[1]:>20.1f}{times[2]:>22.1f}{ratio:>8.2f}")


if __name__ == "__main__":
    main()
