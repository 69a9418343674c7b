"""What ratings cost: `python -m tests.benchmarks.ratings` prints the time of a leaderboard from counts.

It is computed from J x J counts, so that a million votes cost about what a thousand do. The two are measured in turns:
the machine is shared, and what slows one then slows the other.
"""

import random
import time
from collections.abc import Callable

import numpy as np

from service.arena.leaderboard import standings
from service.arena.pairing import draw_pair
from service.arena.vote_counts import WinCounts
from service.stats.bradley_terry import win_probabilities
from service.stats.elo import ELO_START
from service.stats.paired_ranks import ranks
from tests.stats.scored import Scored, laid_out

SIZES = (5, 10, 20, 50, 100)
FEW, MANY = 10, 1_000_000  # of FEW, that many votes a pair
ROUNDS = 15
ITEMS = 2000


def battles_of(size: int, votes: int) -> WinCounts:
    """Models of a usual spread, each pair met equally often, a fifth of the votes ties."""
    drawn = np.random.default_rng(size)
    p = win_probabilities(drawn.normal(0, 0.8, size))
    pairs = np.triu_indices(size, 1)
    each = np.full(len(pairs[0]), max(votes // len(pairs[0]), 1))
    tied = drawn.binomial(each, 0.2)
    won = drawn.binomial(each - tied, p[pairs])
    wins, ties = np.zeros((size, size), dtype=np.int64), np.zeros((size, size), dtype=np.int64)
    wins[pairs], ties[pairs] = won, tied
    wins.T[pairs], ties.T[pairs] = each - tied - won, tied
    return WinCounts(tuple(f"m{at:02}" for at in range(size)), wins, ties)


def milliseconds(compute: Callable[..., object], *given: object) -> float:
    started = time.perf_counter()
    compute(*given)
    return 1000 * (time.perf_counter() - started)


def of_leaderboards() -> None:
    print(f"{'models':>6}{f'{FEW} votes a pair, ms':>24}{f'{MANY:,} votes, ms':>24}{'ratio':>8}{'next pair, ms':>16}")
    for size in SIZES:
        few, many = battles_of(size, FEW * size * (size - 1) // 2), battles_of(size, MANY)
        elo = dict.fromkeys(many.models, ELO_START)
        times = [
            (
                milliseconds(standings, few, elo),
                milliseconds(standings, many, elo),
                milliseconds(draw_pair, many.models, many, random.Random(0)),
            )
            for _ in range(ROUNDS)
        ]
        short, long, pair = np.median(times, axis=0)
        print(f"{size:>6}{short:>24.2f}{long:>24.2f}{long / short:>8.2f}{pair:>16.2f}")


def of_paired_ranks() -> None:
    drawn = np.random.default_rng(0)
    quality = drawn.standard_normal((ITEMS, 1))
    seen = np.clip(np.round(3 + quality + 0.6 * drawn.standard_normal((ITEMS, 11))), 1, 5).astype(int)
    human, judges = seen[:, 0], seen[:, 1:].T
    all_scored, some_missing = (
        [
            {f"i{at}": Scored([int(human[at])], int(judge[at])) for at in range(ITEMS) if drawn.random() >= missing}
            for judge in judges
        ]
        for missing in (0.0, 0.1)
    )
    print(f"\npaired bootstrap of Spearman, {ITEMS:,} items, ms a pair of judges")
    for name, rows in (("two judges", all_scored[:2]), ("ten", all_scored), ("ten that each miss items", some_missing)):
        took = float(np.median([milliseconds(ranks, laid_out(rows), range(1, 6), "spearman") for _ in range(3)]))
        print(f"{name:<32}{took / (len(rows) * (len(rows) - 1) / 2):>8.1f}")


if __name__ == "__main__":
    of_leaderboards()
    of_paired_ranks()
