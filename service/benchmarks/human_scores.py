"""What people said of a dataset's items beside what a judge said: on which scale, and how that is counted."""

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

MOST_RANKED = 20_000  # items that ranks are drawn from: more would take gigabytes, and change no rank

Verdict = tuple[float | int | None, str | None]  # a score or a label
Values = tuple[HumanValue, ...]  # of one item, annotator by annotator
Pattern = tuple[Values, Verdict | None]  # what people said of an item, and what the judge did

_CONTENT = "-"  # an item is judged and labelled as it is in the dataset: nothing to tell apart


def statistics_for(scale: CriterionScale) -> tuple[str, ...]:
    """The names of the statistics that answers on a scale have."""
    values = Coding(scale).values or (scale.min, scale.max)
    return names_for(Table(values, values, np.zeros((len(values),) * 2, dtype=np.int64)))


def usual_sort(scale: CriterionScale) -> str:
    """The statistic that ranks unless another is asked for."""
    return "exact" if scale.kind == "labels" else "spearman"


def misfit(coding: Coding, value: HumanValue) -> str | None:
    """Why people can't have said this where a judge answers on `coding`'s scale, None where they can.

    Between the levels of a scale is no misfit: such values are means of several people.
    """
    try:
        _said(coding if coding.is_words else Coding(_without_steps(coding.scale)), value)
    except OffScaleError as error:
        return str(error)
    return None


def _without_steps(scale: CriterionScale) -> CriterionScale:
    """The same range, of which any number may be said: as people do whose values are means."""
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


def coding_of(scale: CriterionScale, people: Sequence[Values]) -> Coding:
    """Of the judge's scale, or of its range where what people said lies between its levels."""
    coding = Coding(scale)
    said = {value for values in people for value in values}
    return Coding(_without_steps(scale)) if any(_is_between(coding, value) for value in said) else coding


def counted(
    kind: Literal["agreed", "ceiling"], coding: Coding, judge: Judge, patterns: Mapping[Pattern, int]
) -> dict[str, int]:
    """The counters of all items. Many are alike: each kind of item is counted once, and multiplied."""
    fields: Counter[str] = Counter()
    for pattern, times in patterns.items():
        for name, count in total([contribution(_item_of(coding, judge, pattern))], kind, "").items():
            fields[name] += count * times
    return {name: count for name, count in fields.items() if count}


def _item_of(coding: Coding, judge: Judge, pattern: Pattern) -> CodedItem:
    values, verdict = pattern
    labels = {str(who): _label(_said(coding, value)) for who, value in enumerate(values) if value is not None}
    judged = None if verdict is None else _heard(coding, judge, verdict)
    return CodedItem(labels=labels, scores={} if judged is None else {_CONTENT: {"": _judged(judged)}})


def _heard(coding: Coding, judge: Judge, verdict: Verdict) -> CodedValue | None:
    return coding.by_judge(*verdict, is_expected=judge.score_from == "logprobs")


def _label(said: CodedValue) -> CodedLabel:
    return CodedLabel(key=said.key, number=said.number, units=said.units, per_cent=said.per_cent, content=_CONTENT)


def _judged(said: CodedValue) -> CodedScore:
    return CodedScore(key=said.key, number=said.number, units=said.units, per_cent=said.per_cent, at_ms=0)


def scored(
    coding: Coding, judge: Judge, people: Sequence[Values], said: Mapping[int, Verdict]
) -> Iterator[tuple[str, Scored]]:
    """What ranks are made of: items with a score and a label, by their position; the same ones for all rows."""
    for item in range(0, len(people), max(1, -(-len(people) // MOST_RANKED))):
        judged = _heard(coding, judge, said[item]) if item in said else None
        humans = [coding.value(_said(coding, value).key) for value in people[item] if value is not None]
        if judged is not None and humans:
            yield str(item), Scored(humans, coding.value(judged.key))
