"""Rows of a leaderboard as tests write them: by item, what the judge and each human said."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from service.stats.paired_ranks import JudgeScores, ranks
from service.stats.values import Value


class Scored(NamedTuple):
    """An item's value by the judge and by each human."""

    humans: Sequence[Value]
    judge: Value


ScoredItems = Mapping[str, Scored]


def laid_out(rows: Sequence[ScoredItems]) -> list[JudgeScores]:
    numbers = {item: number for number, item in enumerate(sorted({item for row in rows for item in row}))}
    return [_laid_out(row, numbers) for row in rows]


def _laid_out(row: ScoredItems, numbers: Mapping[str, int]) -> JudgeScores:
    labels: dict[Value, int] = {}
    scores: dict[Value, int] = {}
    pairs = [
        (numbers[item], labels.setdefault(human, len(labels)), scores.setdefault(each.judge, len(scores)))
        for item, each in row.items()
        for human in each.humans
    ]
    items, humans, judged = np.array(pairs, dtype=np.intp).reshape(-1, 3).T
    return JudgeScores(items, humans, list(labels), judged, list(scores))


def ranks_of(rows: Sequence[ScoredItems], values: Sequence[Value], sort: str, key: str = "") -> list[int]:
    return ranks(laid_out(rows), values, sort, key)
