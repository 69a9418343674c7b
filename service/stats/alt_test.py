"""The alternative annotator test: may the judge stand in for a human annotator?

Calderon, Reichart and Dror, The Alternative Annotator Test for LLM-as-a-Judge, ACL 2025. Each annotator in turn is set
against the judge: on every item that both rated and at least one other annotator too, whose value lies nearer to the
others'? For each annotator three counters hold all that the test needs.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from service.stats.distributions import student_t_sf

EPSILON = 0.2  # what a skilled expert's time is worth; .15 for skilled annotators, .1 for crowds
FALSE_DISCOVERY_RATE = 0.05
LEAST_ITEMS = 30  # of an annotator: the t-test leans on the central limit theorem
LEAST_ANNOTATORS = 2
PASSING_RATE = 0.5
_SAME = 1e-9  # relative: sums of squares that differ by the noise of floating point are a draw


class Alignment(StrEnum):
    """How near a value lies to the others': the share that it equals, or minus its root mean squared error to them."""

    ACCURACY = "accuracy"
    RMSE = "rmse"


class Wins(msgspec.Struct, frozen=True, kw_only=True):
    """One annotator's items by who lay nearer to the other annotators: counters, additive over windows."""

    judge: int = 0
    draw: int = 0
    human: int = 0

    def __add__(self, other: "Wins") -> "Wins":
        return Wins(judge=self.judge + other.judge, draw=self.draw + other.draw, human=self.human + other.human)

    @property
    def items(self) -> int:
        return self.judge + self.draw + self.human


class Duel(msgspec.Struct, frozen=True, kw_only=True):
    """The judge against one annotator: the share of items where it was at least as near, and the t-test's p-value.

    `rejected`: with this annotator, human superiority by epsilon is rejected after the correction for many annotators.
    """

    items: int
    advantage_probability: float
    p_value: float
    rejected: bool


class AltTest(msgspec.Struct, frozen=True, kw_only=True):
    """`winning_rate` is the share of annotators whom the judge may replace; it has `passed` from half of them on.

    `advantage_probability` ranks judges: the mean over annotators of the share of items where the judge is at least as
    near to the others. `duels` holds the annotators with enough items. The three are None with a `reason` where fewer
    than two annotators have enough.
    """

    epsilon: float
    winning_rate: float | None
    advantage_probability: float | None
    passed: bool | None
    duels: dict[str, Duel]
    reason: str | None = None


def duels_of(judge: float, annotators: Mapping[str, float], alignment: Alignment) -> dict[str, Wins]:
    """What one item adds to each annotator's counters; nothing where fewer than two annotators rated it.

    When an annotator is added to an item, others' duels change too: subtract the old, add the new.
    """
    if len(annotators) < 2:
        return {}
    result = {}
    for name, value in annotators.items():
        others = [each for other, each in annotators.items() if other != name]
        judges, humans = _distance(judge, others, alignment), _distance(value, others, alignment)
        if math.isclose(judges, humans, rel_tol=_SAME):
            result[name] = Wins(draw=1)
        else:
            result[name] = Wins(judge=1) if judges < humans else Wins(human=1)
    return result


def tally(items: Iterable[Mapping[str, Wins]]) -> dict[str, Wins]:
    """Each annotator's counters over items or windows."""
    total: dict[str, Wins] = {}
    for item in items:
        for name, wins in item.items():
            total[name] = total.get(name, Wins()) + wins
    return total


def alt_test_of(
    judge: Sequence[float | None],
    annotators: Mapping[str, Sequence[float | None]],
    alignment: Alignment,
    *,
    epsilon: float = EPSILON,
    least_items: int = LEAST_ITEMS,
) -> AltTest:
    """The test of plain rows: the n-th value is the n-th item's, None where missing."""
    items = (
        duels_of(
            score, {name: value for name, values in annotators.items() if (value := values[row]) is not None}, alignment
        )
        for row, score in enumerate(judge)
        if score is not None
    )
    return alt_test(tally(items), epsilon=epsilon, least_items=least_items)


def alt_test(wins: Mapping[str, Wins], *, epsilon: float = EPSILON, least_items: int = LEAST_ITEMS) -> AltTest:
    """Who may be replaced, from each annotator's counters. Who has fewer than `least_items` items is left out."""
    enough = {name: each for name, each in wins.items() if each.items >= max(least_items, 1)}
    p_values = [p_value(each, epsilon) for each in enough.values()]
    rejected = benjamini_yekutieli(p_values, FALSE_DISCOVERY_RATE)
    duels = {
        name: Duel(
            items=each.items, advantage_probability=(each.judge + each.draw) / each.items, p_value=p, rejected=out
        )
        for (name, each), p, out in zip(enough.items(), p_values, rejected, strict=True)
    }
    if len(duels) < LEAST_ANNOTATORS:
        return AltTest(
            epsilon=epsilon,
            winning_rate=None,
            advantage_probability=None,
            passed=None,
            duels=duels,
            reason="too_few_items" if len(wins) >= LEAST_ANNOTATORS else "too_few_annotators",
        )
    winning_rate = sum(rejected) / len(duels)
    return AltTest(
        epsilon=epsilon,
        winning_rate=winning_rate,
        advantage_probability=math.fsum(duel.advantage_probability for duel in duels.values()) / len(duels),
        passed=winning_rate >= PASSING_RATE,
        duels=duels,
    )


def p_value(wins: Wins, epsilon: float) -> float:
    """Of a one-sided one-sample t-test of H0: E[d] >= epsilon, d = +1 human nearer, 0 draw, -1 judge nearer.

    With m = mean d and ss = n(+1) + n(-1) - n m^2: t = (m - epsilon) / sqrt(ss / (n - 1) / n). Where every item went
    the same way t is undefined: 0 if m < epsilon, else 1. One item or none proves nothing: 1.
    """
    n = wins.items
    if n < 2:
        return 1.0
    lead = wins.human - wins.judge
    spread = n * (wins.human + wins.judge) - lead * lead  # n ss, an integer: zero exactly when all d are equal
    if spread == 0:
        return 0.0 if lead / n < epsilon else 1.0
    t = (lead / n - epsilon) * n * math.sqrt((n - 1) / spread)
    return student_t_sf(-t, n - 1)


def benjamini_yekutieli(p_values: Sequence[float], q: float) -> list[bool]:
    """Which hypotheses are rejected at false discovery rate q under any dependence (Benjamini and Yekutieli 2001).

    The k smallest, k the largest rank with p_(k) <= k q / (m H_m), H_m = 1 + 1/2 + ... + 1/m.
    """
    m = len(p_values)
    harmonic = math.fsum(1 / rank for rank in range(1, m + 1))
    in_order = sorted(range(m), key=lambda index: p_values[index])
    passing = [rank for rank, index in enumerate(in_order, 1) if p_values[index] <= rank / m * q / harmonic]
    out = set(in_order[: max(passing, default=0)])
    return [index in out for index in range(m)]


def _distance(value: float, others: Sequence[float], alignment: Alignment) -> float:
    """Smaller is nearer: how many others differ, or the sum of squares; either orders as the paper's score does."""
    if alignment is Alignment.ACCURACY:
        return sum(value != each for each in others)
    return math.fsum((value - each) ** 2 for each in others)
