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
from service.stats.pair_values import pair_values
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


def count_agreed(
    coding: Coding, judge: Judge, people: Sequence[ItemValues], answers: Mapping[int, JudgeAnswer]
) -> dict[str, int]:
    """Returns the counters of people's values with a judge's answers, by the item's position.

    Scores between the levels of the scale are rounded to the counters' grid first if no item has two annotators: then
    they only serve the intervals, and equal ones are counted once. The values are those of `exact_values`.
    """
    is_single = all(sum(value is not None for value in of_item) < 2 for of_item in people)
    if is_single and _is_on_grid(coding, judge):
        answers = {item: _rounded(coding, judge, answer) for item, answer in answers.items()}
    patterns = Counter((of_item, answers.get(item)) for item, of_item in enumerate(people))
    return count_pairs("agreed", coding, judge, patterns)


def exact_values(
    coding: Coding, judge: Judge, people: Sequence[ItemValues], answers: Mapping[int, JudgeAnswer]
) -> dict[str, float]:
    """Returns the statistics of all pairs of a person's number and a score, if some lie between the scale's levels.

    Without any, the table of the counters is exact, and the result is empty.
    """
    if coding.is_words:
        return {}
    number = {value: _said(coding, value).number for value in {value for each in people for value in each} - {None}}
    pairs = [
        (number[value], score)
        for item, (score, _) in answers.items()
        for value in people[item]
        if value is not None and score is not None
    ]
    levels = set(coding.values or ())
    if all(human in levels and score in levels for human, score in pairs):
        return {}
    human, judged = np.array(pairs, dtype=np.float64).T
    return pair_values(human, judged, coding.step)


def _is_on_grid(coding: Coding, judge: Judge) -> bool:
    return not coding.is_words and (coding.is_continuous or judge.score_from == "logprobs")


def _rounded(coding: Coding, judge: Judge, answer: JudgeAnswer) -> JudgeAnswer:
    judged = _heard(coding, judge, answer)
    return answer if judged is None else (float(judged.key), answer[1])


def scored_items(
    coding: Coding, judge: Judge, people: Sequence[ItemValues], answers: Mapping[int, JudgeAnswer]
) -> Iterator[tuple[str, Scored]]:
    """Yields the items to rank by, those with a score and a value, by their position; the same ones for all rows."""
    values = {value for of_item in people for value in of_item if value is not None}
    coded = {value: coding.value(_said(coding, value).key) for value in values}
    for item in range(0, len(people), max(1, -(-len(people) // MOST_RANKED))):
        judged = _heard(coding, judge, answers[item]) if item in answers else None
        humans = [coded[value] for value in people[item] if value is not None]
        if judged is not None and humans:
            yield str(item), Scored(humans, coding.value(judged.key))
