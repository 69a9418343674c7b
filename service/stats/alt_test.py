"""The alternative annotator test: may the judge replace a human annotator?

Each annotator in turn is compared with the judge: on every item that both rated, as did at least one other annotator,
which of the two values is nearer to the others'? Three counters for each annotator are all that the test needs.

Source: Calderon, Reichart and Dror, The Alternative Annotator Test for LLM-as-a-Judge, ACL 2025.
"""

import math
from collections.abc import Collection, Mapping, Sequence

import msgspec
import numpy as np

from service.stats.arrays import Floats, Integers
from service.stats.distributions import student_t_sf
from service.stats.duels import SAME_SUMS, Alignment, Wins
from service.stats.intervals import Interval, wilson

FALSE_DISCOVERY_RATE = 0.05
LEAST_ITEMS = 30  # of an annotator: the t-test relies on the central limit theorem
LEAST_ANNOTATORS = 2
PASSING_RATE = 0.5

Numbers = Floats | Integers


class Duel(msgspec.Struct, frozen=True, kw_only=True):
    """The judge against one annotator.

    `advantage_probability` is the share of items on which the judge was at least as near, with Wilson's 95% interval.
    `p_value` is that of the t-test; `rejected` says that the annotator is not better than the judge by epsilon, after
    the correction for many annotators.
    """

    items: int
    advantage_probability: float
    advantage_lower: float
    advantage_upper: float
    p_value: float
    rejected: bool


class AltTest(msgspec.Struct, frozen=True, kw_only=True):
    """The result of the test.

    `winning_rate` is the share of annotators whom the judge may replace; the test has `passed` if it is at least .5.
    `advantage_probability` ranks judges: the mean over annotators of the share of items on which the judge is at least
    as near to the others, with a 95% interval that is valid for any dependence of the annotators. `duels` holds the
    annotators with enough items. The three are None with a `reason` if fewer than two annotators have enough.
    """

    epsilon: float
    winning_rate: float | None
    advantage_probability: float | None
    passed: bool | None
    duels: dict[str, Duel]
    advantage_lower: float | None = None
    advantage_upper: float | None = None
    reason: str | None = None


def sides_of(judge: Numbers, annotators: Numbers, alignment: Alignment) -> Integers:
    """Returns who wins the duels of `duels_of`, for many items at once: 1 the human, 0 nobody, -1 the judge.

    `judge` has the shape (items,); `annotators` and the result have the shape (items, annotators).
    """
    humans = _apart(annotators[:, :, None], annotators[:, None, :], alignment)
    judges = np.where(np.eye(annotators.shape[1]), 0, _apart(judge[:, None, None], annotators[:, None, :], alignment))
    by_human, by_judge = humans.sum(axis=2), judges.sum(axis=2)
    is_draw = np.abs(by_judge - by_human) <= SAME_SUMS * np.maximum(by_judge, by_human)
    return np.where(is_draw, 0, np.sign(by_judge - by_human).astype(np.int64))


def alt_test(wins: Mapping[str, Wins], *, epsilon: float, least_items: int = LEAST_ITEMS) -> AltTest:
    """Returns the test's result from each annotator's counters.

    `epsilon` is the advantage given to humans for their cost: .2 for experts, .15 for skilled annotators, .1 for
    crowds. Annotators with fewer than `least_items` items are left out.
    """
    enough = {name: each for name, each in wins.items() if each.items >= max(least_items, 1)}
    p_values = [p_value(each, epsilon) for each in enough.values()]
    rejected = benjamini_yekutieli(p_values, FALSE_DISCOVERY_RATE)
    duels = {name: _duel(each, p, out) for (name, each), p, out in zip(enough.items(), p_values, rejected, strict=True)}
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
    advantage = math.fsum(duel.advantage_probability for duel in duels.values()) / len(duels)
    lower, upper = _interval_of_mean(advantage, duels.values())
    return AltTest(
        epsilon=epsilon,
        winning_rate=winning_rate,
        advantage_probability=advantage,
        advantage_lower=lower,
        advantage_upper=upper,
        passed=winning_rate >= PASSING_RATE,
        duels=duels,
    )


def _duel(wins: Wins, p: float, rejected: bool) -> Duel:
    near = wins.judge + wins.draw
    lower, upper = wilson(near, wins.items)
    return Duel(
        items=wins.items,
        advantage_probability=near / wins.items,
        advantage_lower=lower,
        advantage_upper=upper,
        p_value=p,
        rejected=rejected,
    )


def _interval_of_mean(mean: float, duels: Collection[Duel]) -> Interval:
    """Returns Wilson's interval of a mean of shares as if it were one annotator's.

    The annotators share items and the judge: the standard error of the mean is at most the mean standard error.
    """
    trials = (len(duels) / math.fsum(1 / math.sqrt(duel.items) for duel in duels)) ** 2
    return wilson(mean * trials, trials)


def p_value(wins: Wins, epsilon: float) -> float:
    """Returns the p-value of a one-sided one-sample t-test of H0: E[d] >= epsilon.

    d is +1 if the human is nearer, 0 for a draw, -1 if the judge is nearer. With m = mean d and
    ss = n(+1) + n(-1) - n m^2: t = (m - epsilon) / sqrt(ss / (n - 1) / n). If all d are equal, t is undefined and the
    result is 0 for m < epsilon, else 1. With fewer than two items it is 1.
    """
    n = wins.items
    if n < 2:
        return 1.0
    lead = wins.human - wins.judge
    spread = n * (wins.human + wins.judge) - lead * lead  # n ss, an integer: zero exactly if all d are equal
    if spread == 0:
        return 0.0 if lead / n < epsilon else 1.0
    t = (lead / n - epsilon) * n * math.sqrt((n - 1) / spread)
    return student_t_sf(-t, n - 1)


def benjamini_yekutieli(p_values: Sequence[float], q: float) -> list[bool]:
    """Returns which hypotheses are rejected at false discovery rate q under any dependence.

    The k smallest, k the largest rank with p_(k) <= k q / (m H_m), H_m = 1 + 1/2 + ... + 1/m (Benjamini and Yekutieli
    2001, The Control of the False Discovery Rate in Multiple Testing under Dependency).
    """
    m = len(p_values)
    harmonic = math.fsum(1 / rank for rank in range(1, m + 1))
    in_order = sorted(range(m), key=lambda index: p_values[index])
    passing = [rank for rank, index in enumerate(in_order, 1) if p_values[index] <= rank / m * q / harmonic]
    out = set(in_order[: max(passing, default=0)])
    return [index in out for index in range(m)]


def _apart(one: Numbers, other: Numbers, alignment: Alignment) -> Numbers:
    """Returns the distances of `duels_of` from each value alone."""
    return (one != other).astype(np.int64) if alignment is Alignment.ACCURACY else (one - other) ** 2
