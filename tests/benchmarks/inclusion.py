"""Which labels count: `python -m tests.benchmarks.inclusion` prints bias, coverage and width of weighted figures.

Items have a level of doubt; the judge is right less often the more doubt there is. The label queue takes items in by
permanent random numbers: at random, and by doubt. The truth is that of all items, so that with most of them labelled
intervals become narrow. Everything is drawn here, and counted as the service counts it: many repetitions, no service.
`tests/flows/test_inclusion.py` goes through the API.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from service.agreement.doubt import RATES
from service.agreement.estimates import estimate_of
from service.agreement.reports import agreement, headline_statistics
from service.stats.statistics import evaluate
from service.stats.table import Table
from tests.agreement.items import FIVE

ITEMS, FEW_ITEMS = 2000, 600
SHARES, FEW_SHARES = (0.05, 0.1, 0.3, 0.9), (1 / 30, 0.05, 0.1)  # labelled: 20, 30 and 60 of the few items
NAMES = ("exact", "within_one", "cohen_kappa_quadratic", "spearman", "bias")
REPEATS = 300

LEVEL_SHARES = (0.55, 0.15, 0.1, 0.08, 0.08, 0.04)
MISSES = (0.08, 0.15, 0.3, 0.4, 0.5, 0.6)  # how often the judge is one step off, and too high mostly


class Drawn(NamedTuple):
    """A population with the places of its items, human labels and judge's scores."""

    doubt: np.ndarray
    human: np.ndarray
    judge: np.ndarray
    random: np.ndarray
    targeted: np.ndarray


class Figure(NamedTuple):
    """A figure with its interval, and the truth."""

    value: float
    lower: float
    upper: float
    truth: float


def population(random: np.random.Generator, items: int, *, useful: bool = True) -> Drawn:
    """Without `useful` doubt, the judge is as often wrong on all levels."""
    doubt = random.choice(len(RATES), p=LEVEL_SHARES, size=items)
    misses = np.array(MISSES) if useful else np.full(len(RATES), float(np.dot(LEVEL_SHARES, MISSES)))
    human = random.choice([1, 2, 3, 4, 5], p=[0.08, 0.12, 0.2, 0.3, 0.3], size=items)
    step = np.where(random.random(items) < 0.75, 1, -1) * random.choice([1, 2], p=[0.8, 0.2], size=items)
    judge = np.clip(human + np.where(random.random(items) < misses[doubt], step, 0), 1, 5)
    with np.errstate(divide="ignore"):
        targeted = random.random(items) / np.array(RATES)[doubt]
    return Drawn(doubt, human, judge, random.random(items), targeted)


def labelled(drawn: Drawn, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns which items are labelled at random, and which at all, by a queue that takes half of each."""
    in_order = np.argsort(drawn.random)
    by_doubt = np.argsort(drawn.targeted)
    by_doubt = by_doubt[np.isfinite(drawn.targeted[by_doubt])]
    low, high = 0, count  # of the random half
    while low < high:  # the most random items such that as many doubtful ones make no more than `count`
        half = (low + high + 1) // 2
        union = len({*in_order[:half].tolist(), *by_doubt[:half].tolist()})
        low, high = (half, high) if union <= count else (low, half - 1)
    chosen = np.zeros(len(in_order), dtype=bool)
    chosen[by_doubt[:low]] = True
    at_random = np.zeros(len(in_order), dtype=bool)
    for item in in_order:
        if chosen.sum() >= count and not chosen[item]:
            break
        chosen[item] = at_random[item] = True
    return at_random, chosen


def counters(drawn: Drawn, at_random: np.ndarray, chosen: np.ndarray) -> tuple[dict[str, int], dict[str, int]]:
    """Returns the counters `agreed` and `seen` of such labels."""
    agreed: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    rows = zip(
        drawn.doubt.tolist(),
        drawn.human.tolist(),
        drawn.judge.tolist(),
        at_random.tolist(),
        chosen.tolist(),
        strict=True,
    )
    for (level, human, judge, is_random, is_chosen), count in Counter(rows).items():
        end = f"\t{level}" if level else ""
        seen[f"score\t{judge}\t3"] += count
        if not is_chosen:
            seen[f"rest\t{judge}{end}"] += count
            continue
        group = "r" if is_random else "t"
        agreed[f"pair\t{'r' if is_random else 'd'}\t{human}\t{judge}\t3\t{end}"] += count
        agreed[f"annotator\t{'r' if is_random else 'd'}\tann"] += count
        agreed[f"drawn\t{level}"] += count
        agreed[f"mean\t{human}\t{judge}{end}"] += count
        agreed[f"item\t{group}"] += count
        terms = (1, int(human == judge))
        for place, term in enumerate([*terms, 1, terms[1], terms[1]]):
            agreed[f"cluster\t{group}\te{place}"] += term * count
    return dict(agreed), dict(seen)


def figures(drawn: Drawn, count: int) -> Iterator[tuple[str, Figure]]:
    """Yields the figures with so many labels, by their names."""
    at_random, chosen = labelled(drawn, count)
    agreed, seen = counters(drawn, at_random, chosen)
    truths = {
        name: each.value or 0.0
        for name, each in evaluate(
            Table.from_pairs([1, 2, 3, 4, 5], list(zip(drawn.human.tolist(), drawn.judge.tolist(), strict=True))), NAMES
        ).items()
    }
    weighted = agreement(FIVE, agreed, seen, {}, "weighted").statistics
    uniform = np.zeros(len(chosen), dtype=bool)
    uniform[np.argsort(drawn.random)[:count]] = True
    plain_agreed, plain_seen = counters(drawn, uniform, uniform)
    for kind, said in (
        ("random", headline_statistics(FIVE, agreed, NAMES)[1]),
        ("weighted", weighted),
        ("at random only", headline_statistics(FIVE, plain_agreed, NAMES)[1]),
        ("at random only, weighted", agreement(FIVE, plain_agreed, plain_seen, {}, "weighted").statistics),
    ):
        for name in NAMES:
            each = said[name]
            yield f"{name} {kind}", Figure(each.value or 0.0, each.lower or 0.0, each.upper or 0.0, truths[name])
    for kind, fields in (("weighted", (agreed, seen)), ("at random only", (plain_agreed, plain_seen))):
        mean = estimate_of(FIVE, *fields).corrected_mean
        yield (
            f"mean {kind}",
            Figure(mean.value or 0.0, mean.lower or 0.0, mean.upper or 0.0, float(drawn.human.mean())),
        )


def measured(share: float, repeats: int, *, items: int = ITEMS, useful: bool = True) -> dict[str, list[Figure]]:
    """Returns all figures of so many populations, of which this share is labelled."""
    found: dict[str, list[Figure]] = {}
    for seed in range(repeats):
        drawn = population(np.random.default_rng([seed, round(share * 1000)]), items, useful=useful)
        for name, figure in figures(drawn, round(share * items)):
            found.setdefault(name, []).append(figure)
    return found


def summary(found: list[Figure]) -> tuple[float, float, float]:
    """Returns bias, coverage and mean width."""
    bias = float(np.mean([each.value - each.truth for each in found]))
    coverage = float(np.mean([each.lower <= each.truth <= each.upper for each in found]))
    return bias, coverage, float(np.mean([each.upper - each.lower for each in found]))


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else REPEATS
    sizes = [(ITEMS, share) for share in SHARES] + [(FEW_ITEMS, share) for share in FEW_SHARES]
    for useful in (True, False):
        for items, share in sizes:
            print(f"\n{share:.0%} of {items} items labelled, doubt {'useful' if useful else 'useless'}")
            for name, found in sorted(measured(share, repeats, items=items, useful=useful).items()):
                bias, coverage, width = summary(found)
                print(f"  {name:45} bias {bias:+.4f}  coverage {coverage:.3f}  width {width:.4f}")


if __name__ == "__main__":
    main()
