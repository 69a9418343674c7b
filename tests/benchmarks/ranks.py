"""How often ranks are wrong, and how much they find: `python -m tests.benchmarks.ranks [benchmarks]`.

First for judges of a benchmark: how often the best of equal judges is called better than another one, and how many of
the 45 true differences of ten unequal judges are found, by pairwise intervals (before) and by all comparisons together
(after). Then for the arena: how often intervals hold the truth, and how often equal models are ranked apart, if votes
are taken as independent (before) and as those of battles and voters (after).
"""

import sys
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from service.arena.leaderboard import standings
from service.arena.vote_counts import WinCounts
from service.stats.arrays import Floats
from service.stats.bradley_terry import RATING_SCALE, fit_strengths
from service.stats.paired_ranks import REPLICATES, multiplicities
from tests.arena.votes import arena_of
from tests.stats.scored import Scored, ScoredItems, ranks_of

ITEMS = 200
ERRORS = np.linspace(0.3, 1.5, 10)  # of unequal judges; people have .6
ARENAS = ((8, 60, 20, 1000, 1.0, 0.0), (8, 300, 20, 1000, 1.0, 0.0), (8, 200, 20, 20, 1.0, 0.5))
ALONE = ((8, 400, 1, 400, 0.0, 0.0), (8, 400, 1, 20, 0.0, 0.5), (8, 30, 20, 1000, 1.0, 0.0), (4, 100, 5, 10, 1.0, 0.5))


def rows_with(drawn: np.random.Generator, errors: Sequence[float] | Floats) -> list[ScoredItems]:
    """Judges from 1 to 5 with these errors."""
    quality = drawn.standard_normal(ITEMS)
    seen = [np.clip(np.round(3 + quality + each * drawn.standard_normal(ITEMS)), 1, 5) for each in (0.6, *errors)]
    return [{f"i{at}": Scored([int(seen[0][at])], int(judge[at])) for at in range(ITEMS)} for judge in seen[1:]]


def pairwise(rows: Sequence[ScoredItems], key: str) -> int:
    """The number of pairs that 95% intervals of the difference of `exact` tell apart, one by one."""
    drawn = multiplicities(ITEMS, key)[:, 1:]
    right = np.array([[row[f"i{at}"].judge == row[f"i{at}"].humans[0] for at in range(ITEMS)] for row in rows])
    shares = right.astype(np.float32) @ drawn / ITEMS
    assert shares.shape == (len(rows), REPLICATES)
    lower, upper = np.quantile([shares[one] - shares[other] for one, other in combinations(range(len(rows)), 2)],
                               (0.025, 0.975), axis=1)  # fmt: skip
    return int(((lower > 0) | (upper < 0)).sum())


def of_benchmarks(how_many: int) -> None:
    print(f"{'judges':<12}{'statistic':<12}{'before':>8}{'after':>8}")
    for size in (5, 10, 20):
        found: dict[str, list[tuple[bool, bool]]] = {"exact": [], "spearman": []}
        drawn = np.random.default_rng(size)
        for at in range(how_many):
            rows = rows_with(drawn, [0.6] * size)
            is_apart = pairwise(rows, str(at)) > 0
            for sort, told in found.items():
                told.append((is_apart, max(ranks_of(rows, range(1, 6), sort, str(at))) > 1))
        _print(f"{size} equal", found)
    drawn = np.random.default_rng(0)
    before: list[int] = []
    after: list[int] = []
    for at in range(max(how_many // 4, 10)):
        rows = rows_with(drawn, ERRORS)
        before.append(pairwise(rows, str(at)))
        after.append(sum(ranks_of(rows, range(1, 6), "exact", str(at))) - len(rows))
    print(f"differences found, of 45: {np.mean(before):.1f} before, {np.mean(after):.1f} after")


def _print(name: str, found: Mapping[str, Sequence[tuple[bool, bool]]]) -> None:
    for sort, apart in found.items():
        before, after = np.mean(apart, axis=0)
        print(f"{name:<12}{sort:<12}{before if sort == 'exact' else float('nan'):>8.3f}{after:>8.3f}", flush=True)


def of_arenas(how_many: int) -> None:
    print("\nmodels battles votes voters sd(battle) sd(taste)   coverage before, after   equal apart before, after")
    for size, battles, votes, voters, battle_sd, taste_sd in (*ARENAS, *ALONE):
        random = np.random.default_rng(battles)
        held: list[tuple[bool, bool]] = []
        apart: list[tuple[bool, bool]] = []
        for spread in (0.8, 0.0) * how_many:
            arena = arena_of(
                random, size, battles=battles, votes=votes, voters=voters,
                battle_sd=battle_sd, taste_sd=taste_sd, spread=spread,
            )  # fmt: skip
            counts = WinCounts.from_votes(arena.votes)
            if len(counts.models) < size:
                continue
            truth = _marginal(arena.strengths, float(np.hypot(battle_sd, np.sqrt(2) * taste_sd)))
            elo = dict.fromkeys(counts.models, 0.0)
            both = [standings(counts, elo, each) for each in (None, arena.clustered)]
            if spread:
                for rows in zip(*(sorted(each, key=lambda row: row.model) for each in both), strict=True):
                    at = 1000 + RATING_SCALE * truth[int(rows[0].model[1:])]
                    held.append((rows[0].lower <= at <= rows[0].upper, rows[1].lower <= at <= rows[1].upper))
            else:
                apart.append((max(row.rank for row in both[0]) > 1, max(row.rank for row in both[1]) > 1))
        shares = [f"{each:.3f}" for each in (*np.mean(held, axis=0), *np.mean(apart, axis=0))]
        print(size, battles, votes, voters, battle_sd, taste_sd, "  ", *shares, flush=True)


def _marginal(strengths: Floats, deviation: float) -> Floats:
    """The strengths that fit the shares of wins over all battles and voters, whose leads vary by this deviation."""
    points, weights = np.polynomial.hermite_e.hermegauss(40)
    leads = strengths[:, None] - strengths[None, :]
    shares = sum(weight / (1 + np.exp(-leads - deviation * at)) for at, weight in zip(points, weights, strict=True))
    wins = np.round(shares / weights.sum() * 1e7).astype(np.int64)
    np.fill_diagonal(wins, 0)
    return fit_strengths(wins, np.zeros_like(wins)).strengths


if __name__ == "__main__":
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    of_benchmarks(times)
    of_arenas(times)
