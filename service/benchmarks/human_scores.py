"""People's values of a dataset's items beside a judge's answers: their scale, and the counters of their pairs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np

from service.agreement import CodedItem, CodedLabel, CodedScore, CodedValue, Coding, OffScaleError, contribution, total
from service.contracts.criteria import CriterionScale
from service.contracts.datasets import HumanValue
from service.contracts.judges import Judge
from service.stats.paired_ranks import Scored
from service.stats.statistics import names_for
from service.stats.table import Table

MOST_RANKED = 20_000  # items that ranks are computed from: more would take gigabytes of memory and change no rank

JudgeAnswer = tuple[float | int | None, str | None]  # a score or a label
ItemValues = tuple[HumanValue, ...]  # of one item, annotator by annotator
_Pattern = tuple[ItemValues, JudgeAnswer | None]  # people's values of an item, and the judge's answer

_CONTENT = "-"  # one content for all: items are judged and labelled as they are in the dataset


def statistics_for(scale: CriterionScale) -> tuple[str, ...]:
    """Returns the names of the statistics that exist for answers on a scale."""
    values = Coding(scale).values or (scale.min, scale.max)
    return names_for(Table(values, values, np.zeros((len(values),) * 2, dtype=np.int64)))


def usual_sort(scale: CriterionScale) -> str:
    """Returns the statistic to rank by if the request names none."""
    return "exact" if scale.kind == "labels" else "spearman"


def misfit(coding: Coding, value: HumanValue) -> str | None:
    """Returns why a person's value can't be compared with answers on a judge's scale, or None if it can.

    A value between two levels of a scale fits: it is the mean of several people.
    """
    try:
        _said(coding if coding.is_words else Coding(_without_steps(coding.scale)), value)
    except OffScaleError as error:
        return str(error)
    return None


def _without_steps(scale: CriterionScale) -> CriterionScale:
    """The same range with any number in it, for values that are means of several people."""
    return msgspec.structs.replace(scale, step=None)


def _is_between(coding: Coding, value: HumanValue) -> bool:
    if value is None or coding.is_words or coding.is_continuous:
        return False
    try:
        _said(coding, value)
    except OffScaleError:
        return True
    return False


def _said(coding: Coding, value: HumanValue) -> CodedValue:
    """Raises OffScaleError."""
    return coding.by_person(None, value) if isinstance(value, str) else coding.by_person(value, None)


def coding_of(scale: CriterionScale, people: Sequence[ItemValues]) -> Coding:
    """Returns the coding of the judge's scale, or of its range if people's values lie between its levels."""
    coding = Coding(scale)
    values = {value for of_item in people for value in of_item}
    return Coding(_without_steps(scale)) if any(_is_between(coding, value) for value in values) else coding


def count_pairs(
    kind: Literal["agreed", "ceiling"], coding: Coding, judge: Judge, patterns: Mapping[_Pattern, int]
) -> dict[str, int]:
    """Returns the counters of all items. Each pattern of values is counted once, and multiplied by its frequency."""
    fields: Counter[str] = Counter()
    for pattern, times in patterns.items():
        for name, count in total([contribution(_item_of(coding, judge, pattern))], kind, "").items():
            fields[name] += count * times
    return {name: count for name, count in fields.items() if count}


def _item_of(coding: Coding, judge: Judge, pattern: _Pattern) -> CodedItem:
    values, answer = pattern
    labels = {str(who): _label(_said(coding, value)) for who, value in enumerate(values) if value is not None}
    judged = None if answer is None else _heard(coding, judge, answer)
    return CodedItem(labels=labels, scores={} if judged is None else {_CONTENT: {"": _judged(judged)}})


def _heard(coding: Coding, judge: Judge, answer: JudgeAnswer) -> CodedValue | None:
    return coding.by_judge(*answer, is_expected=judge.score_from == "logprobs")


def _label(said: CodedValue) -> CodedLabel:
    return CodedLabel(key=said.key, number=said.number, units=said.units, per_cent=said.per_cent, content=_CONTENT)


def _judged(said: CodedValue) -> CodedScore:
    return CodedScore(key=said.key, number=said.number, units=said.units, per_cent=said.per_cent, at_ms=0)


def scored_items(
    coding: Coding, judge: Judge, people: Sequence[ItemValues], answers: Mapping[int, JudgeAnswer]
) -> Iterator[tuple[str, Scored]]:
    """Yields the items to rank by, those with a score and a value, by their position; the same ones for all rows."""
    for item in range(0, len(people), max(1, -(-len(people) // MOST_RANKED))):
        judged = _heard(coding, judge, answers[item]) if item in answers else None
        humans = [coding.value(_said(coding, value).key) for value in people[item] if value is not None]
        if judged is not None and humans:
            yield str(item), Scored(humans, coding.value(judged.key))
