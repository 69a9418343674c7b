"""How often intervals of ratings hold the truth, by simulation: `python -m pytest -m slow -s tests/ratings`."""

from collections import defaultdict

import numpy as np
import pytest

from service.arena.leaderboard import standings
from service.arena.vote_counts import WinCounts
from tests.arena.votes import simulated

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

POINTS = 400 / np.log(10)
ARENAS = 600


@pytest.mark.parametrize(
    ("models", "how_many"), [(2, 1), (2, 3), (2, 8), (4, 6), (4, 12), (8, 30), (8, 60), (8, 200), (8, 1000)]
)
def test_intervals_hold_the_truth_and_seldom_rank_wrongly(models: int, how_many: int) -> None:
    """Also in small arenas, where a ridge is needed: there they may be too wide, and must not be too narrow."""
    random = np.random.default_rng(models * how_many)
    held: dict[bool, list[bool]] = defaultdict(list)
    apart, wrong = 0, 0
    for _ in range(ARENAS):
        strengths = random.normal(0, 0.8, models)
        truth = {f"m{at:02}": float(POINTS * (each - strengths.mean())) for at, each in enumerate(strengths)}
        rows = standings(WinCounts.from_votes(simulated(random, strengths, how_many)), dict.fromkeys(truth, 0.0))
        if len(rows) < models:
            continue  # the mean of those that have votes is another
        held[rows[0].regularised] += [row.lower <= 1000 + truth[row.model] <= row.upper for row in rows]
        above = [(row, other) for row in rows for other in rows if row.lower > other.upper]
        apart += len(above)
        wrong += sum(truth[row.model] <= truth[other.model] for row, other in above)
    shares = {regularised: float(np.mean(each)) for regularised, each in held.items()}
    print(f"{models} models, {how_many} votes: held {shares} (regularised or not); {wrong} wrong of {apart} set apart")
    assert all(share > 0.92 for share in shares.values())
    assert wrong <= max(1, 0.08 * apart)
