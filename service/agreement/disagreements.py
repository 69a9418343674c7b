"""The labelled items of a judge: those of a cell of its table, or those with the largest disagreements."""

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.agreement.coding import Coding, written
from service.agreement.contributions import HOUR_MS, CodedLabel, CodedScore
from service.agreement.counter_fields import GROUPS
from service.agreement.group_counters import in_window, items_of_group
from service.agreement.label_lists import labelled_batches
from service.agreement.queries import SeriesQuery
from service.agreement.series import Series, find_series
from service.agreement.series_names import token_of
from service.agreement.stored_items import known_item
from service.contracts.judges import JudgeRef
from service.contracts.labels import ReportSelection
from service.contracts.refusals import Fault, invalid
from service.stats.values import Value
from service.store import clock
from service.store.judgments import judgments_ended_at

_DRAWN = frozenset("rd")  # labels with a known probability
_SAME = 1e-9  # of a range: rounding, not a disagreement


class LabelledItem(msgspec.Struct, frozen=True, kw_only=True):
    """A label and the judge's score of the same content.

    `human` is the label's value, by `annotator`, and `said` the judge's. `judgment_id` is null if the judgment has
    expired, and `group` if the item has none.
    """

    item_id: str
    human: Value
    said: Value
    annotator: str
    judgment_id: str | None
    group: str | None = None


class LabelledItems(msgspec.Struct, frozen=True, kw_only=True):
    """Labelled items of one model of a judge, or of its panel: the largest disagreements first.

    `served_model` gave the scores; it is null if the answers name none.
    """

    judge: JudgeRef
    model: str
    served_model: str | None
    criterion: str
    items: list[LabelledItem]


class _Pair(NamedTuple):
    """A pair in the order in which it is listed."""

    nearness: float
    item_id: str
    annotator: str
    human: str
    said: str
    at_ms: int
    group: str


class _Judged(msgspec.Struct):
    id: str
    judge: JudgeRef
    criterion: str


async def items_of_cell(
    redis: Redis, query: SeriesQuery, human: str | None, said: str | None, selection: ReportSelection, limit: int
) -> LabelledItems:
    """Returns the labelled items with these values of both sides, at most `limit`, the largest disagreements first.

    `query` and `selection` are those of the report whose cell is meant. A value of None is any; if neither is given,
    only items on which the two disagree. Raises Refused: impossible if there is no such judge, invalid if no label or
    no score can have such a value.
    """
    series = await find_series(redis, query.default_models, query.judge, query.model, query.served)
    human = _key(series.labels or series.coding, human, "/human")
    said = _key(series.coding, said, "/said")
    found: list[_Pair] = []
    in_group = await _contents_of(redis, series, query)
    is_in = in_window(query.window, clock.now_ms())
    drawings = _DRAWN if selection == "weighted" else GROUPS[selection]
    async for batch in labelled_batches(redis, series.criterion):
        for (item_id, criterion), stored in batch:
            item = known_item(stored, criterion).item
            for annotator, label in item.labels.items():
                score = item.scores.get(label.content, {}).get(series.name)
                if (
                    score is None
                    or (in_group is not None and (item_id, label.content) not in in_group)
                    or label.is_off_scale
                    or label.drawing not in drawings
                    or not is_in(score.at_ms // HOUR_MS)
                    or human not in (None, label.key)
                    or said not in (None, score.key)
                ):
                    continue
                distance = _distance(series, label, score)
                if distance > _SAME or human is not None or said is not None:
                    found.append(_Pair(-distance, item_id, annotator, label.key, score.key, score.at_ms, score.group))
        found = heapq.nsmallest(limit, found)
    items = await _shown(redis, series, found)
    return LabelledItems(
        judge=series.judge,
        model=series.model,
        served_model=series.served or None,
        criterion=series.criterion,
        items=items,
    )


async def _contents_of(redis: Redis, series: Series, query: SeriesQuery) -> set[tuple[str, str]] | None:
    """Returns (item id, digest of the content) of the group that is meant, None for all items."""
    if query.group is None:
        return None
    items = await items_of_group(redis, series.criterion, query.group, keep_s=query.keep_s)
    return {(each.item_id, content) for each in items for content in each.cases}


def _key(coding: Coding, value: str | None, at: str) -> str | None:
    """Returns the key of a value as counters have it. Raises Refused (invalid) if it is no value of the scale."""
    if value is None:
        return None
    if coding.is_words:
        if value not in coding.scale.labels:
            raise invalid([Fault(at, f"{value!r} is not one of the labels ({', '.join(coding.scale.labels)})")])
        return value
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    low, high = coding.scale.min, coding.scale.max
    if not low <= number <= high:
        raise invalid([Fault(at, f"{value!r} is not a number from {low:g} to {high:g}")])
    return written(number)


def _distance(series: Series, label: CodedLabel, score: CodedScore) -> float:
    """Returns the distance of both values as a share of the range; 1 or 0 for words without numbers."""
    human = _share(series.labels or series.coding, label.number)
    judge = _share(series.coding, score.number)
    if human is None or judge is None:
        return float(series.labels is not None or label.key != score.key)
    return abs(human - judge)


def _share(coding: Coding, number: float | None) -> float | None:
    if number is None:
        return None
    if not coding.is_words:
        return (number - coding.scale.min) / coding.range
    numbers = [each for each in coding.scale.scores if each is not None]
    return (number - min(numbers)) / ((max(numbers) - min(numbers)) or 1.0)


async def _shown(redis: Redis, series: Series, pairs: Sequence[_Pair]) -> list[LabelledItem]:
    judgments = await judgments_ended_at(redis, [(pair.item_id, pair.at_ms) for pair in pairs])
    human, judge = series.labels or series.coding, series.coding
    return [
        LabelledItem(
            item_id=pair.item_id,
            human=human.value(pair.human),
            said=judge.value(pair.said),
            annotator=pair.annotator,
            judgment_id=_id_of(series, theirs),
            group=pair.group or None,
        )
        for pair, theirs in zip(pairs, judgments, strict=True)
    ]


def _id_of(series: Series, judgments: Sequence[msgspec.Raw]) -> str | None:
    for stored in judgments:
        judgment = msgspec.json.decode(stored, type=_Judged)
        if judgment.criterion == series.criterion and token_of(judgment.judge) == token_of(series.judge):
            return judgment.id
    return None
