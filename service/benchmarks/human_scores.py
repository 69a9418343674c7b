"""People's values of a dataset's items beside a judge's answers: their scale, and the counters of their pairs."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np

from service.agreement import (
    CodedItem,
    CodedLabel,
    CodedValue,
    CodedValues,
    Coding,
    LabelColumns,
    OffScaleError,
    between_levels,
    contribution,
    in_columns,
)
from service.contracts.criteria import CriterionScale
from service.contracts.datasets import HumanValue
from service.contracts.judges import Judge
from service.stats.arrays import Indices, Integers
from service.stats.item_terms import PER_CENT
from service.stats.pair_values import pair_values
from service.stats.paired_ranks import JudgeScores
from service.stats.statistics import names_for
from service.stats.table import Table

MOST_RANKED = 20_000  # items that ranks are computed from: more would take gigabytes of memory and change no rank

JudgeAnswer = tuple[float | int | None, str | None]  # a score or a label
ItemValues = tuple[HumanValue, ...]  # of one item, annotator by annotator

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


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
        _coded(coding if coding.is_words else Coding(_without_steps(coding.scale)), value)
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
        _coded(coding, value)
    except OffScaleError:
        return True
    return False


def _coded(coding: Coding, value: HumanValue) -> CodedValue:
    """Raises OffScaleError."""
    return coding.by_person(None, value) if isinstance(value, str) else coding.by_person(value, None)


def coding_of(scale: CriterionScale, people: Sequence[ItemValues]) -> Coding:
    """Returns the coding of the judge's scale, or of its range if people's values lie between its levels."""
    coding = Coding(scale)
    values = {value for of_item in people for value in of_item}
    return Coding(_without_steps(scale)) if any(_is_between(coding, value) for value in values) else coding


class _Known(dict[_K, _V]):
    """The results of a function, each computed once."""

    def __init__(self, compute: Callable[[_K], _V]) -> None:
        super().__init__()
        self._compute = compute

    def __missing__(self, key: _K) -> _V:
        found = self[key] = self._compute(key)
        return found


class CodedAnswers(NamedTuple):
    """A judge's answers that are on the scale: the positions of their items, and the values."""

    items: Integers
    values: CodedValues


def code_answers(coding: Coding, judge: Judge, answers: Mapping[int, JudgeAnswer]) -> CodedAnswers:
    """Returns a judge's answers as coded values, by the item's position; without those that are off the scale."""
    is_expected = judge.score_from == "logprobs"
    if not coding.is_words and (coding.is_continuous or is_expected):
        scores = {item: score for item, (score, _) in answers.items() if score is not None}
        return CodedAnswers(np.array([*scores], dtype=np.int64), between_levels(coding, [*scores.values()]))
    kinds: dict[JudgeAnswer, int] = {}
    kind = np.array([kinds.setdefault(answer, len(kinds)) for answer in answers.values()], dtype=np.int64)
    coded = [coding.by_judge(*answer, is_expected=is_expected) for answer in kinds]
    is_coded = np.array([each is not None for each in coded], dtype=np.bool_)
    values = in_columns([each for each in coded if each is not None])
    place, kept = np.cumsum(is_coded) - 1, is_coded[kind]
    return CodedAnswers(np.array([*answers], dtype=np.int64)[kept], values.taken(place[kind[kept]]))


class HumanScores:
    """People's values of a dataset's items on one criterion, to count the answers of one judge after another with."""

    def __init__(self, scale: CriterionScale, people: Sequence[ItemValues]) -> None:
        """`scale` is the judge's; `people` has the values of each item."""
        self.coding = coding_of(scale, people)
        coded: _Known[HumanValue, CodedValue] = _Known(lambda value: _coded(self.coding, value))
        self._labels = [
            {str(who): coded[value] for who, value in enumerate(of_item) if value is not None} for of_item in people
        ]
        self._items = np.repeat(np.arange(len(people)), [len(labels) for labels in self._labels])
        self._given = in_columns([each for labels in self._labels for each in labels.values()])
        self._counted = LabelColumns(self._labels)

    def ceiling(self) -> dict[str, int]:
        """Returns the counters of people's values alone. Equal items are counted once."""
        fields: defaultdict[str, int] = defaultdict(int)
        for labels, times in Counter(tuple(each.items()) for each in self._labels).items():
            item = CodedItem(labels={who: _label(value) for who, value in labels})
            for counts in contribution(item, {"ceiling"}).values():
                for name, count in counts.items():
                    fields[name] += count * times
        return {name: count for name, count in fields.items() if count}

    def agreed(self, answers: CodedAnswers) -> dict[str, int]:
        """Returns the counters of people's values with a judge's answers.

        Scores between the levels of the scale are rounded to per cent of the range if no item has two annotators: then
        they only serve the intervals. The values are those of `exact_values`.
        """
        per_cent = answers.values.per_cent
        if answers.values.units is None or per_cent is None or any(len(each) > 1 for each in self._labels):
            return self._counted.agreed(*answers)
        scale, (kinds, at) = self.coding.scale, np.unique(per_cent, return_inverse=True)
        rounded = between_levels(self.coding, (scale.min + kinds / PER_CENT * self.coding.range).tolist())
        return self._counted.agreed(answers.items, rounded.taken(at))

    def exact_values(self, answers: CodedAnswers) -> dict[str, float]:
        """Returns the statistics of all pairs of a person's number and a score, if some lie between the scale's levels.

        Without any, the table of the counters is exact, and the result is empty.
        """
        if self.coding.is_words or self._given.numbers is None or answers.values.numbers is None:
            return {}
        compared, place = self._compared(answers)
        human, scores = self._given.numbers[compared], answers.values.numbers[place]
        levels = np.array(self.coding.values or (), dtype=np.float64)
        if np.isin(human, levels).all() and np.isin(scores, levels).all():
            return {}
        return pair_values(human, scores, self.coding.step)

    def to_rank(self, answers: CodedAnswers) -> JudgeScores:
        """Returns the pairs to rank by, of at most `MOST_RANKED` items, the same ones for all rows."""
        compared, place = self._compared(answers)
        chosen = self._items[compared] % max(1, -(-len(self._labels) // MOST_RANKED)) == 0
        compared, place = compared[chosen], place[chosen]
        return JudgeScores(
            items=self._items[compared],
            humans=self._given.keys[compared],
            labels=[self.coding.value(key) for key in self._given.names],
            judged=answers.values.keys[place],
            scores=[self.coding.value(key) for key in answers.values.names],
        )

    def _compared(self, answers: CodedAnswers) -> tuple[Indices, Indices]:
        """Returns the places of people's values whose item is answered, and the place of the answer for each."""
        at = np.full(len(self._labels), -1)
        at[answers.items] = range(len(answers.items))
        compared = np.flatnonzero(at[self._items] >= 0)
        return compared, at[self._items[compared]]


def _label(given: CodedValue) -> CodedLabel:
    return CodedLabel(key=given.key, number=given.number, units=given.units, per_cent=given.per_cent)
