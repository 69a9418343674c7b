"""Computes the leaderboard of a benchmark: a row for each judge and model, measured by people's values."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from service.agreement import Coding, HumanCeiling, agreement, human_ceiling, scale_of
from service.benchmarks.human_scores import (
    CodedAnswers,
    HumanScores,
    JudgeAnswer,
    code_answers,
    usual_sort,
)
from service.contracts.datasets import Humans
from service.contracts.judges import CONTROL, JudgeRef, ResolvedJudge
from service.contracts.outcomes import Outcome, Reason
from service.stats.alt_test import AltTest
from service.stats.flags import Flag
from service.stats.intervals import Measure
from service.stats.paired_ranks import JudgeScores, ranks
from service.stats.values import Value

_LESS_IS_BETTER = frozenset({"mae", "rmse"})


class HeardVote(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a stored vote that tell its cost, and which model gave it."""

    outcome: Outcome
    latency_seconds: float
    cost_usd: float | None
    cached: bool = False
    served_model: str | None = None


class HeardJudgment(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a stored judgment that a leaderboard is computed from."""

    outcome: Outcome
    reason: Reason | None
    score: float | int | None
    label: str | None
    consistent: bool | None
    votes: list[HeardVote]


class BoardCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """Judgments by outcome. `by_reason` sums to `unscored` + `failed`; `judged` does not include `cancelled`."""

    judged: int
    scored: int
    unscored: int
    failed: int
    cancelled: int
    by_reason: dict[str, int]


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """The median and the 95th percentile of the seconds that a vote took; None if no model was called."""

    p50: float | None
    p95: float | None


class BoardRow(msgspec.Struct, frozen=True, kw_only=True):
    """The row of one judge with one model.

    `pairs` is the number of people's values that have a score to compare with, on `items` items. `rank` is 1 + the
    number of rows on the same criterion that are better by the statistic `sort`. All rows of a criterion are compared
    together: the probability that any of them is called better than an equal one is 5%. Cost and latency are those of
    calls to models, and null if there were none or a price is unknown. `control` marks a baseline that does not read
    the texts. `served_models` are the models that answered under the name `model`, as the provider names them; if there
    are several, the row is of all of them together and has the flag `served_model_changed`.
    """

    rank: int
    judge: JudgeRef
    criterion: str
    model: str
    control: bool
    served_models: list[str]
    sort: str
    items: int
    pairs: int
    annotators: int
    statistics: dict[str, Measure]
    human_ceiling: HumanCeiling
    alt_test: AltTest
    coverage: BoardCoverage
    position_consistency: float | None
    cost_usd_per_1000: float | None
    latency_seconds: Latency
    flags: list[Flag]


class _Entry:
    """The judgments of one judge and model, collected item by item."""

    def __init__(self, judge: ResolvedJudge) -> None:
        self.judge = judge
        self.outcomes: Counter[tuple[Outcome, Reason | None]] = Counter()
        self.answers: dict[int, JudgeAnswer] = {}  # by the item's position
        self.consistent = [0, 0]  # the numbers of judgments that were not, and were
        self.votes = 0
        self.latencies: list[float] = []
        self.costs: list[float | None] = []
        self.served: set[str | None] = set()  # None if an answer names no model

    def hear(self, item: int, heard: HeardJudgment) -> None:
        self.outcomes[heard.outcome, heard.reason] += 1
        if heard.outcome is Outcome.SCORED:
            self.answers[item] = heard.score, heard.label
        if heard.consistent is not None:
            self.consistent[heard.consistent] += 1
        self.votes += len(heard.votes)
        asked = [vote for vote in heard.votes if not vote.cached and vote.outcome is not Outcome.FAILED]
        self.latencies += [vote.latency_seconds for vote in asked]
        self.costs += [vote.cost_usd for vote in asked]
        self.served |= {vote.served_model for vote in heard.votes if vote.outcome is not Outcome.FAILED}


class _People(NamedTuple):
    """People's values on a criterion and a scale, and how well they agree with each other."""

    scores: HumanScores
    ceiling: HumanCeiling


class _Side(NamedTuple):
    """A row that has no rank yet, with the pairs to rank it by."""

    coding: Coding
    scored: JudgeScores
    row: BoardRow


class BenchmarkBoard:
    """Collects the judgments of a benchmark, in any order, and computes its rows."""

    def __init__(self, judges: Sequence[ResolvedJudge], humans: Sequence[Humans]) -> None:
        """`judges` have one model each; `humans` has people's values of each item."""
        self._entries = [_Entry(judge) for judge in judges]
        self._humans = humans

    def hear(self, position: int, heard: HeardJudgment) -> None:
        """Adds the judgment at a position of the job; positions run item by item, in the order of the judges."""
        item, place = divmod(position, len(self._entries))
        self._entries[place].hear(item, heard)

    def rows(self, *, epsilon: float, sort: str | None, key: str) -> list[BoardRow]:
        """Returns the rows by criterion in the order of the judges, the best row of each first.

        `epsilon` is that of the alternative annotator test, `sort` the statistic to rank by (None for the usual one),
        and `key` seeds the draws of items for the ranks.
        """
        found: dict[bytes, _People] = {}
        groups: dict[tuple[str, bool], list[_Side]] = {}
        for entry in self._entries:
            side = self._side(entry, epsilon, sort, found)
            if side is not None:
                groups.setdefault((side.row.criterion, side.coding.is_words), []).append(side)
        return [row for group in groups.values() for row in _ranked(group, key)]

    def _side(self, entry: _Entry, epsilon: float, sort: str | None, found: dict[bytes, _People]) -> _Side | None:
        """`found` has what earlier judges on the same criterion and scale were compared with."""
        definition = entry.judge.definition
        scale = scale_of(definition)
        if scale is None:  # a ranking
            return None
        key = msgspec.json.encode((definition.criterion, scale))
        if key not in found:
            scores = HumanScores(scale, [tuple(each.get(definition.criterion, ())) for each in self._humans])
            found[key] = _People(scores, human_ceiling(scores.coding, scores.ceiling(), "random"))
        people = found[key]
        answers = code_answers(people.scores.coding, definition, entry.answers)
        row = _row(entry, people, answers, epsilon, sort or usual_sort(scale))
        return _Side(people.scores.coding, people.scores.to_rank(answers), row)


def _row(entry: _Entry, people: _People, answers: CodedAnswers, epsilon: float, sort: str) -> BoardRow:
    judge, model, coding = entry.judge, entry.judge.models[0], people.scores.coding
    agreed, known = people.scores.agreed(answers), people.scores.exact_values(answers)
    report = agreement(coding, agreed, {}, {}, "random", known, epsilon=epsilon)
    return BoardRow(
        rank=1,
        judge=judge.ref,
        criterion=judge.definition.criterion,
        model=model,
        control=model.startswith(CONTROL),
        served_models=sorted(filter(None, entry.served)),
        sort=sort,
        items=report.items,
        pairs=report.pairs,
        annotators=report.annotators,
        statistics=report.statistics,
        human_ceiling=people.ceiling,
        alt_test=report.alt_test,
        coverage=_coverage(entry.outcomes),
        position_consistency=entry.consistent[1] / sum(entry.consistent) if any(entry.consistent) else None,
        cost_usd_per_1000=_cost_per_1000(entry),
        latency_seconds=_latency(entry.latencies),
        flags=[*report.flags, *([Flag.SERVED_MODEL_CHANGED] if len(entry.served) > 1 else [])],
    )


def _ranked(group: Sequence[_Side], key: str) -> list[BoardRow]:
    sort = group[0].row.sort
    places = ranks([side.scored for side in group], _values(group), sort, key)
    rows = [msgspec.structs.replace(side.row, rank=place) for side, place in zip(group, places, strict=True)]
    return sorted(rows, key=lambda row: (row.rank, -_goodness(row)))


def _values(group: Sequence[_Side]) -> list[Value]:
    """All values on the scales of a criterion's judges; of continuous scales, the ends and the values that occur."""
    values: dict[Value, None] = {}
    for side in group:
        occurring = [side.scored.labels[each] for each in np.unique(side.scored.humans).tolist()]
        values |= dict.fromkeys([*(side.coding.values or (side.coding.scale.min, side.coding.scale.max)), *occurring])
    return list(values) if group[0].coding.is_words else sorted(values, key=float)


def _goodness(row: BoardRow) -> float:
    """The order of rows of one rank, the greatest first."""
    measured = row.statistics.get(row.sort)
    if measured is None or measured.value is None:
        return -math.inf
    if row.sort == "bias":
        return -abs(measured.value)
    return -measured.value if row.sort in _LESS_IS_BETTER else measured.value


def _coverage(outcomes: Mapping[tuple[Outcome, Reason | None], int]) -> BoardCoverage:
    ended: Counter[Outcome] = Counter()
    by_reason: Counter[str] = Counter()
    for (outcome, reason), count in outcomes.items():
        ended[outcome] += count
        if outcome in (Outcome.UNSCORED, Outcome.FAILED) and reason is not None:
            by_reason[str(reason)] += count
    return BoardCoverage(
        judged=ended.total() - ended[Outcome.CANCELLED],
        scored=ended[Outcome.SCORED],
        unscored=ended[Outcome.UNSCORED],
        failed=ended[Outcome.FAILED],
        cancelled=ended[Outcome.CANCELLED],
        by_reason=dict(sorted(by_reason.items())),
    )


def _cost_per_1000(entry: _Entry) -> float | None:
    """The cost of 1,000 judgments, from the calls to models; votes from the cache have no price."""
    known = [cost for cost in entry.costs if cost is not None]
    judgments = sum(count for (outcome, _), count in entry.outcomes.items() if outcome is not Outcome.CANCELLED)
    if not entry.costs or len(known) < len(entry.costs):
        return None
    return sum(known) / len(known) * entry.votes / judgments * 1000


def _latency(seconds: Sequence[float]) -> Latency:
    if not seconds:
        return Latency(p50=None, p95=None)
    p50, p95 = np.quantile(np.asarray(seconds), (0.5, 0.95))
    return Latency(p50=round(float(p50), 6), p95=round(float(p95), 6))
