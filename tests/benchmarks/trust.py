"""How often the verdicts on judges are false: `python -m tests.benchmarks.trust [samples]`.

A judge, two baselines and a second person copy a person's value with given probabilities, else they guess; so the true
statistic that decides (kappa, and Spearman's correlation for scales) is that probability. A verdict is false if

    not_better_than_chance      the judge's probability is .2 or more
    not_better_than_baselines   it is better than both baselines by .1 or more
    better_than_baselines       it is no better than one of them
    as_good_as_people           it is worse than people by .2 or more

The table prints for each setting, the first four at the limit of a claim, the share of judges with each verdict and the
share of false ones.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from service.agreement.assessment import Assessment, assess
from service.agreement.coding import Coding
from service.agreement.reports import measure_table
from service.agreement.rivals import Rivals
from service.contracts.criteria import CriterionScale
from service.stats.arrays import Integers
from service.stats.paired_difference import PairedCounts
from service.stats.table import Table
from service.stats.trust import CHANCE_FLOOR, LEADING, PEOPLE_MARGIN, WORTH_A_MODEL, TrustVerdict

FIVE = Coding(CriterionScale(kind="numbers", min=1, max=5, step=1))
PASS_FAIL = Coding(CriterionScale(kind="labels", labels=["fail", "pass"], scores=[0, 1]))
SCALES: dict[str, tuple[Coding, list[float]]] = {
    "pass/fail .50": (PASS_FAIL, [0.5, 0.5]),
    "pass/fail .80": (PASS_FAIL, [0.2, 0.8]),
    "pass/fail .95": (PASS_FAIL, [0.05, 0.95]),
    "1 to 5": (FIVE, [0.05, 0.1, 0.25, 0.4, 0.2]),
}
ITEMS = (30, 60, 120, 400)
LEADING_OF = {True: ("cohen_kappa",), False: ("spearman", "cohen_kappa_quadratic")}


class Setting(NamedTuple):
    """The probabilities to copy the person: of the judge, of the better baseline, and of the second person if any."""

    name: str
    judge: float
    baseline: float
    person: float | None = None

    def is_false(self, verdict: TrustVerdict | None) -> bool:
        match verdict:
            case TrustVerdict.NOT_BETTER_THAN_CHANCE:
                return self.judge >= CHANCE_FLOOR
            case TrustVerdict.NOT_BETTER_THAN_BASELINES:
                return self.judge - self.baseline >= WORTH_A_MODEL
            case TrustVerdict.BETTER_THAN_BASELINES:
                return self.judge <= self.baseline
            case TrustVerdict.AS_GOOD_AS_PEOPLE:
                worse = self.person is not None and self.person - self.judge >= PEOPLE_MARGIN
                return worse or self.judge <= self.baseline
        return False


SETTINGS = [
    Setting("at the floor of chance", 0.2, 0.0),
    Setting("as the better baseline", 0.5, 0.5),
    Setting("just better than it", 0.6, 0.5),
    Setting("just too far below people", 0.6, 0.1, 0.8),
    Setting("guesses", 0.0, 0.0),
    Setting("good", 0.7, 0.1),
    Setting("as good as people", 0.8, 0.1, 0.8),
]


def copied(human: Integers, copies: float, shares: list[float], random: np.random.Generator) -> Integers:
    return np.where(random.random(len(human)) < copies, human, random.choice(len(shares), len(human), p=shares))


def paired(coding: Coding, human: Integers, judge: Integers, rival: Integers) -> PairedCounts:
    """Each item is one pair: people are compared in one direction only, which is in favour of no claim."""
    triples, counts = np.unique(np.stack([human, judge, rival], axis=1), axis=0, return_counts=True)
    tables = [table_of(coding, human, side) for side in (judge, rival)]
    return PairedCounts(tables[0], tables[1], np.column_stack([triples, counts]), len(human), 1.0)


def table_of(coding: Coding, human: Integers, judge: Integers) -> Table:
    values = coding.values
    assert values is not None
    counts = np.zeros((len(values),) * 2, dtype=np.int64)
    np.add.at(counts, (human, judge), 1)
    return Table(values, values, counts, coding.step)


def simulated(
    coding: Coding, shares: list[float], items: int, setting: Setting, random: np.random.Generator
) -> Assessment:
    human = random.choice(len(shares), items, p=shares)
    judge, length, overlap = (
        copied(human, copies, shares, random) for copies in (setting.judge, setting.baseline, setting.baseline / 2)
    )
    baselines = {name: paired(coding, human, judge, side) for name, side in (("length", length), ("overlap", overlap))}
    person = None if setting.person is None else copied(human, setting.person, shares, random)
    rivals = Rivals(baselines, None if person is None else paired(coding, human, judge, person))
    table = table_of(coding, human, judge)
    names = [name for name in LEADING if name in LEADING_OF[coding.is_words]]
    return assess(table, measure_table(coding, table, names), items, rivals, "openai/small")


def rows(samples: int) -> Iterator[str]:
    short = {"not_better_than_chance": "chance", "not_better_than_baselines": "baseline", "too_few_labels": "too few"}
    short |= {"better_than_baselines": "better", "as_good_as_people": "people"}
    yield (
        f"{'setting':<28}{'scale':<15}{'items':>6}" + "".join(f"{each:>9}" for each in short.values()) + f"{'false':>8}"
    )
    for setting in SETTINGS:
        for scale, (coding, shares) in SCALES.items():
            for items in ITEMS:
                random = np.random.default_rng(items)
                found = Counter(simulated(coding, shares, items, setting, random).verdict for _ in range(samples))
                false = sum(count for verdict, count in found.items() if setting.is_false(verdict)) / samples
                each = "".join(f"{found[TrustVerdict(name)] / samples:>9.3f}" for name in short)
                yield f"{setting.name:<28}{scale:<15}{items:>6}{each}{false:>8.3f}"


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    started = time.perf_counter()
    for row in rows(samples):
        print(row, flush=True)
    print(f"\n{samples} samples each, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
