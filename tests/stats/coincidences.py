"""Coincidences of plain rows, for tests: what counters must come to."""

from collections.abc import Iterable, Sequence

import numpy as np

from service.stats.alphas import Coincidences, Pairs


def ordered_pairs(counts: Sequence[int]) -> Pairs:
    """The ordered pairs of one item's values, K x K; `counts` has the number of coders of each category."""
    chosen = np.asarray(counts, dtype=np.int64)
    return np.outer(chosen, chosen) - np.diag(chosen)


def merge(parts: Iterable[Coincidences]) -> dict[int, Pairs]:
    """The sum of coincidences, without matrices of zeros."""
    total: dict[int, Pairs] = {}
    for part in parts:
        for coders, pairs in part.items():
            total[coders] = total[coders] + pairs if coders in total else pairs
    return {coders: pairs for coders, pairs in total.items() if pairs.any()}


def coincidences_of(rows: Iterable[Sequence[int | None]], categories: int) -> dict[int, Pairs]:
    """The coincidences of rows, one an item: each coder's category index, None if missing."""
    present = ([value for value in row if value is not None] for row in rows)
    return merge(
        {len(values): ordered_pairs(np.bincount(values, minlength=categories).tolist())}
        for values in present
        if len(values) >= 2
    )
