"""How often comparisons of two groups are right: `python -m tests.benchmarks.compare [samples]`.

For each kind of scale, number of cases and number of labels on each side it prints, over simulated comparisons,

    coverage  how often the interval of the corrected difference contains the true difference: the lowest and the
              highest over the ways to label (the same cases of both groups, or cases drawn apart) and three pairs of
              groups: identical ones, identical ones of which the judge favours b, and a b that is better
    width     the mean width of that interval, for identical groups
    judge     how often the interval of the judge's difference contains 0, for identical groups without labels
    wrong     how often identical groups are told apart: by the labels, and by the judge without any
    blocked   how often `judged gate --against` with `--min 0` blocks b although it is identical to a
    found     how often the better b is found
"""

import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from service.stats.arrays import Floats
from service.stats.compare import GroupDifference, GroupScores, compare_groups

SAMPLES = 1000
SHARE, LEVELS = (0.0, 1.0), (1.0, 2.0, 3.0, 4.0, 5.0)
CUTS = {  # of a normal quality, into the values of a scale
    "pass .5": (0.0,),
    "pass .8": (-0.84,),
    "pass .95": (-1.645,),
    "1 to 5": (-1.2, -0.4, 0.4, 1.2),
    "1 to 5, most at the top": (-2.2, -1.9, -1.6, -1.3),
}
CASES = (50, 200, 1000)
LABELS = (20, 50, 200)


class Pair(NamedTuple):
    """Two groups: how much better b is, how much the judge favours it, and the correlations that the judge and the
    case have with the quality, the quality's standard deviation being 1."""

    better: float
    favoured: float
    judge: float
    case: float


IDENTICAL, FAVOURED, BETTER = Pair(0, 0, 0.8, 0.5), Pair(0, 0.5, 0.7, 0.3), Pair(0.4, 0, 0.9, 0.8)


class Compared(NamedTuple):
    """A comparison and the true difference."""

    found: GroupDifference
    truth: float


def scale_of(kind: str) -> Sequence[float]:
    return SHARE if kind.startswith("pass") else LEVELS


def values(kind: str, quality: Floats) -> Floats:
    return np.digitize(quality, CUTS[kind]).astype(np.float64) + scale_of(kind)[0]


@cache
def true_difference(kind: str, better: float) -> float:
    quality = np.random.default_rng(0).normal(size=2_000_000)
    return float(values(kind, quality + better).mean() - values(kind, quality).mean())


def simulated(
    kind: str, pair: Pair, cases: int, labels: int, *, same: bool, samples: int, seed: int
) -> Iterator[Compared]:
    """Comparisons of groups with so many labels each, of the same cases or of cases that are drawn apart."""
    rng = np.random.default_rng(seed)
    truth = true_difference(kind, pair.better) if pair.better else 0.0
    for _ in range(samples):
        case = rng.normal(size=cases)
        drawn = rng.permutation(cases)[:labels]
        sides = []
        for better, favoured in ((0.0, 0.0), (pair.better, pair.favoured)):
            quality = np.sqrt(pair.case) * case + np.sqrt(1 - pair.case) * rng.normal(size=cases) + better
            seen = pair.judge * (quality - better) + np.sqrt(1 - pair.judge**2) * rng.normal(size=cases) + better
            said = values(kind, seen + favoured)
            label = np.full(cases, np.nan)
            label[drawn] = values(kind, quality)[drawn]
            drawn = drawn if same else rng.permutation(cases)[:labels]
            sides.append(GroupScores(np.arange(cases), said, said, label, np.ones(cases)))
        yield Compared(compare_groups(sides[0], sides[1], scale_of(kind), scale_of(kind)), truth)


def covers(compared: Compared) -> bool:
    each = compared.found.corrected_difference
    return each.lower is not None and each.upper is not None and each.lower <= compared.truth <= each.upper


class Row(NamedTuple):
    """The shares of one line of the table."""

    coverage: tuple[float, float]
    width: float
    judge: float
    wrong: float
    wrong_judge: float
    blocked: float
    found: float


def row(kind: str, cases: int, labels: int, samples: int) -> Row:
    coverage, wrong, blocked, found, widths = [], [], [], [], []
    for same in (True, False):
        for seed, pair in enumerate((IDENTICAL, FAVOURED, BETTER)):
            runs = [*simulated(kind, pair, cases, labels, same=same, samples=samples, seed=2 * seed + same)]
            coverage.append(float(np.mean([covers(each) for each in runs])))
            decided = [each.found.decided for each in runs]
            if pair is BETTER:
                found.append(decided.count("b") / samples)
                continue
            wrong.append(1 - decided.count(None) / samples)
            blocked.append(decided.count("a") / samples)
            if pair is IDENTICAL:
                widths += [
                    (each.found.corrected_difference.upper or 0) - (each.found.corrected_difference.lower or 0)
                    for each in runs
                ]
    alone = [each.found for each in simulated(kind, IDENTICAL, cases, 0, same=True, samples=samples, seed=9)]
    wrong_judge = 1 - [each.decided for each in alone].count(None) / samples
    return Row(
        (min(coverage), max(coverage)),
        float(np.mean(widths)),
        1 - wrong_judge,
        max(wrong),
        wrong_judge,
        max(blocked),
        min(found),
    )


def main(samples: int) -> None:
    print(f"{samples} comparisons for each of six settings with labels a line, and of one by the judge alone\n")
    print(f"{'wrong by':>70}\n{'scale':<24}{'cases':>6}{'labels':>7}  {'coverage':<14}", end="")
    print(f"{'width':>6}{'judge':>7}{'labels':>7}{'judge':>7}{'blocked':>9}{'found':>7}")
    for kind in CUTS:
        for cases in CASES:
            for labels in LABELS:
                if labels <= cases:
                    each = row(kind, cases, labels, samples)
                    low, high = each.coverage
                    print(
                        f"{kind:<24}{cases:>6}{labels:>7}  {low:.3f} to {high:.3f}{each.width:>6.2f}{each.judge:>7.3f}"
                        f"{each.wrong:>7.3f}{each.wrong_judge:>7.3f}{each.blocked:>9.3f}{each.found:>7.2f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES)
