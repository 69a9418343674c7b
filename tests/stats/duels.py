"""The alternative annotator test of plain rows, for tests."""

from collections.abc import Iterable, Mapping, Sequence

from service.stats.alt_test import LEAST_ITEMS, AltTest, alt_test
from service.stats.duels import Alignment, Wins, duels_of


def tally(items: Iterable[Mapping[str, Wins]]) -> dict[str, Wins]:
    """Each annotator's counters, summed over items or windows."""
    total: dict[str, Wins] = {}
    for item in items:
        for name, wins in item.items():
            known = total.get(name, Wins())
            total[name] = Wins(
                judge=known.judge + wins.judge, draw=known.draw + wins.draw, human=known.human + wins.human
            )
    return total


def alt_test_of(
    judge: Sequence[float | None],
    annotators: Mapping[str, Sequence[float | None]],
    alignment: Alignment,
    *,
    epsilon: float = 0.2,
    least_items: int = LEAST_ITEMS,
) -> AltTest:
    """The test of rows: the n-th value is that of the n-th item, None if missing."""
    items = (
        duels_of(
            score, {name: value for name, values in annotators.items() if (value := values[row]) is not None}, alignment
        )
        for row, score in enumerate(judge)
        if score is not None
    )
    return alt_test(tally(items), epsilon=epsilon, least_items=least_items)
