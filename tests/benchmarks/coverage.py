"""How often 95% intervals cover the truth, and how wide they are: `python -m tests.benchmarks.coverage [samples]`.

For each population and number of pairs it prints, over all statistics that are no proportions, the lowest and the mean
coverage and the mean width of all intervals, and of those without the flag `too_few_of_a_class`; in the last columns
the lowest coverage and its statistic. Last come shares of cells (statistic x population) outside of limits, for each
number of pairs.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from service.stats.flags import Flag, flags_of
from service.stats.intervals import measure
from service.stats.statistics import STATISTICS, evaluate, names_for
from service.stats.table import Table
from tests.benchmarks.rows import show_coverage
from tests.stats.populations import POPULATIONS, Population

SIZES = (20, 30, 50, 100, 300, 1000)
LEAST_DEFINED = 0.3  # of the samples, for a cell to count


class Cell:
    """One statistic of one population and size: intervals found, and how many of them cover."""

    def __init__(self, name: str, truth: float) -> None:
        self.name, self.truth = name, truth
        self.covers: dict[str, list[bool]] = defaultdict(list)
        self.widths: dict[str, list[float]] = defaultdict(list)

    def add(self, which: str, lower: float | None, upper: float | None) -> None:
        if lower is not None and upper is not None:
            self.covers[which].append(lower - 1e-9 <= self.truth <= upper + 1e-9)
            self.widths[which].append(upper - lower)

    def coverage(self, which: str) -> float:
        return float(np.mean(self.covers[which]))


def cells_of(population: Population, pairs: int, samples: int) -> list[Cell]:
    """Simulates samples of so many pairs; the intervals are `all` of them, and the `unflagged` ones."""
    values, shares = population
    whole = Table.from_counts(values, np.round(shares * 1e9).astype(np.int64))
    names = [name for name in names_for(whole) if STATISTICS[name].trials is None]
    cells = {name: Cell(name, each.value or 0.0) for name, each in evaluate(whole, names).items()}
    random = np.random.default_rng(pairs)
    for _ in range(samples):
        drawn = random.multinomial(pairs, shares.ravel() / shares.sum()).reshape(shares.shape)
        table = Table.from_counts(values, drawn)
        flagged = Flag.TOO_FEW_OF_A_CLASS in flags_of(table)
        found = measure(table, names)
        for name in names:
            for which in ("all",) if flagged else ("all", "unflagged"):
                cells[name].add(which, found[name].lower, found[name].upper)
    return [cell for cell in cells.values() if len(cell.covers["all"]) >= LEAST_DEFINED * samples]


def described(cells: Sequence[Cell], which: str) -> str:
    known = [cell for cell in cells if len(cell.covers[which]) >= 20]
    if not known:
        return f"{'-':>6}{'-':>6}{'-':>7}"
    coverages = [cell.coverage(which) for cell in known]
    width = np.mean([np.mean(cell.widths[which]) for cell in known])
    return f"{min(coverages):>6.3f}{np.mean(coverages):>6.3f}{width:>7.3f}"


def lines(samples: int) -> Iterator[str]:
    """The table, row by row, then the summary."""
    yield f"{'':<30}{'pairs':>6} {'all':^19} {'unflagged':^19}  lowest of all"
    yield f"{'':<36} {'lowest mean  width':>19} {'lowest mean  width':>19}"
    by_size: defaultdict[int, list[Cell]] = defaultdict(list)
    for size in SIZES:
        for name, population in POPULATIONS.items():
            cells = cells_of(population(), size, samples)
            by_size[size] += cells
            worst = min(cells, key=lambda cell: cell.coverage("all"))
            shown = " ".join(described(cells, which) for which in ("all", "unflagged"))
            yield f"{name:<30}{size:>6} {shown}  {worst.coverage('after'):.3f} {worst.name}"
    yield f"\n{'pairs':>6} {'intervals':<10}{'cells':>6}{'< .90':>7}{'< .93':>7}{'> .97':>7}{'lowest':>8}{'mean':>7}"
    for size, cells in by_size.items():
        for which in ("all", "unflagged"):
            found = np.array([cell.coverage(which) for cell in cells if len(cell.covers[which]) >= 0.2 * samples])
            parts = [np.mean(found < 0.9), np.mean(found < 0.93), np.mean(found > 0.97)]
            shown = "".join(f"{part:>7.3f}" for part in parts)
            yield f"{size:>6} {which:<10}{len(found):>6}{shown}{found.min():>8.3f}{found.mean():>7.3f}"


def main() -> None:
    show_coverage(lines, 500)


if __name__ == "__main__":
    main()
