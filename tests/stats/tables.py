"""Tables for tests: random ones, many of them sparse or degenerate, and the rows that they stand for."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.stats.table import Table

EVEN = ((0, 1), (1, 2, 3), (1, 2, 3, 4, 5), (0.5, 1, 1.5, 2), tuple(range(11)))
UNEVEN = ((0, 0.5, 1, 3), (-2, 7, 7.25), (1, 10, 100, 1000, 10_000))
WORDS = (("fail", "pass"), ("A", "tie", "B"), ("x",))

# The statistics that tables of each kind of values have.
NUMERIC = {
    *("exact", "within_one", "mae", "bias", "rmse", "pearson", "spearman", "kendall_tau_b", "kendall_tau_c"),
    *("somers_d", "cohen_kappa", "cohen_kappa_linear", "cohen_kappa_quadratic", "krippendorff_alpha_nominal"),
    *("krippendorff_alpha_ordinal", "krippendorff_alpha_interval", "gwet_ac1", "gwet_ac2", "lin_ccc"),
}
NOMINAL = {"exact", "cohen_kappa", "krippendorff_alpha_nominal", "gwet_ac1"}
BINARY = {"sensitivity", "specificity", "precision", "npv", "f1", "balanced_accuracy", "mcc"}


def tables(
    scales: Sequence[Sequence[float | str]] = (*EVEN, *UNEVEN), most: int = 12, least_pairs: int = 0
) -> st.SearchStrategy[Table]:
    """Tables of these scales; half of all cells are empty, and rows and columns often are."""
    counts = st.one_of(st.just(0), st.integers(0, 2), st.integers(0, most))
    return (
        st.sampled_from(scales)
        .flatmap(
            lambda values: st.builds(
                lambda rows, kept_rows, kept_columns: Table.from_counts(
                    values, (np.array(rows) * np.outer(kept_rows, kept_columns)).tolist()
                ),
                st.lists(
                    st.lists(counts, min_size=len(values), max_size=len(values)),
                    min_size=len(values),
                    max_size=len(values),
                ),
                _kept(len(values)),
                _kept(len(values)),
            )
        )
        .filter(lambda table: table.pairs >= least_pairs)
    )


def _kept(how_many: int) -> st.SearchStrategy[list[int]]:
    return st.one_of(
        st.just([1] * how_many),
        st.lists(st.integers(0, 1), min_size=how_many, max_size=how_many),
    )


def table(counts: Sequence[Sequence[int]], values: Sequence[float | str] | None = None) -> Table:
    """From counts, on 1, 2, 3, … unless values are given."""
    return Table.from_counts(values or range(1, len(counts) + 1), counts)


def one_cell(size: int, cells: Mapping[Any, int]) -> Table:
    """On 1, 2, … size, from counts by (human, judge)."""
    return Table.from_cells(range(1, size + 1), cells)


def rows_of(table: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The pairs one by one, human and judge; words as their positions."""
    human = np.arange(len(table.values)) if table.are_words else np.array(table.values, dtype=float)
    judge = np.arange(len(table.columns)) if table.are_words else np.array(table.columns, dtype=float)
    rows, columns = np.indices(table.counts.shape)
    counts = table.counts.astype(np.int64).ravel()
    return np.repeat(human[rows.ravel()], counts), np.repeat(judge[columns.ravel()], counts)


def drawn(seed: int, size: int, pairs: int) -> Table:
    """A random table whose two sides have much to do with each other."""
    random = np.random.default_rng(seed)
    near = np.exp(-np.abs(np.subtract.outer(np.arange(size), np.arange(size))))
    shares = random.dirichlet(np.ones(size))[:, None] * near
    return table(random.multinomial(pairs, (shares / shares.sum()).ravel()).reshape(size, size).tolist())
