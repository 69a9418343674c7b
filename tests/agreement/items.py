"""Items for tests, as people would tell them: who said what of which, and the rows and counters that this makes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from hypothesis import strategies as st

from service.agreement.coding import Coding
from service.agreement.contributions import (
    CodedItem,
    CodedLabel,
    CodedScore,
    Contribution,
    CounterKind,
    contribution,
    total,
    without_zeros,
)
from service.agreement.reports import Agreement, agreement
from service.contracts.criteria import CriterionScale
from service.contracts.labels import ReportSelection

SERIES = "judge@1 openai/small"
OTHER = "judge@1 openai/large"
ANNOTATORS = ("ann", "b/ö", "c d%", "d")

Value = float | str
Drawn = Literal["r", "d", "t"]  # at random, by doubt with a known probability, by hand


class Item(NamedTuple):
    """What annotators said, and how the item was drawn for each of them; what each series said, None if nothing."""

    people: Mapping[str, tuple[Value, Drawn]]
    judge: Value | None
    other: Value | None = None
    length: int = 0
    own: Literal["y", "n", ""] = ""
    doubt: int = 0


FIVE = Coding(CriterionScale(kind="numbers", min=1, max=5, step=1))
HALVES = Coding(CriterionScale(kind="numbers", min=-1, max=1, step=0.5))
ZERO_ONE = Coding(CriterionScale(kind="numbers", min=0, max=1, step=1))
ANY = Coding(CriterionScale(kind="numbers", min=0, max=10, step=None))
PASS_FAIL = Coding(CriterionScale(kind="labels", labels=["fail", "pass"], scores=[0, 1]))
WORDS = Coding(CriterionScale(kind="labels", labels=["A", "tie", "B"], scores=[None] * 3))
GRADES = Coding(CriterionScale(kind="labels", labels=["good", "poor", "fair"], scores=[3, 1, 2.5]))
STEPPED = (FIVE, HALVES, ZERO_ONE, PASS_FAIL, WORDS, GRADES)


def items(coding: Coding, most: int = 12) -> st.SearchStrategy[list[Item]]:
    """Up to so many, each with up to four annotators of whom some were asked at random and some were not."""
    values = st.sampled_from(coding.values or (0, 0.123, 2.5, 7.77777, 9.99, 10))
    people = st.dictionaries(
        st.sampled_from(ANNOTATORS), st.tuples(values, st.sampled_from(["r", "r", "d", "t"])), max_size=4
    )
    maybe = st.one_of(st.none(), values, values)
    own: st.SearchStrategy[Any] = st.sampled_from(["y", "n", ""])
    built = st.builds(Item, people, maybe, maybe, st.integers(0, 13), own, st.sampled_from([0, 0, 1, 4]))
    return st.lists(built, max_size=most)


def rows_of(coding: Coding, given: Iterable[Item], *, expected: bool = False) -> list[CodedItem]:
    """`expected`: the judges' scores are expected ones, which may lie between the levels."""
    return [
        CodedItem(
            labels={name: label(coding, value, drawn) for name, (value, drawn) in item.people.items()},
            scores={
                "c1": {
                    series: judged(coding, value, at_ms=1000 * index, item=item, expected=expected)
                    for series, value in ((SERIES, item.judge), (OTHER, item.other))
                    if value is not None
                }
            },
            first_label_ms=500 * index,
            doubt=item.doubt,
        )
        for index, item in enumerate(given)
    ]


def label(coding: Coding, value: Value, drawn: Drawn = "r", content: str = "c1") -> CodedLabel:
    said = coding.by_person(*_score_and_label(value))
    units = None if said.number is None or coding.is_words else round((said.number - coding.scale.min) / coding.unit)
    how = {"selection": "r"} if drawn == "r" else {"selection": "t", "probability": 0.5 if drawn == "d" else None}
    return CodedLabel(**{**said._asdict(), "units": units, **how}, content=content)


def judged(
    coding: Coding, value: Value, *, at_ms: int = 0, item: Item | None = None, expected: bool = False
) -> CodedScore:
    said = coding.by_judge(*_score_and_label(value), is_expected=expected)
    assert said is not None
    return CodedScore(**said._asdict(), at_ms=at_ms, length=item.length if item else 0, own=item.own if item else "")


def _score_and_label(value: Value) -> tuple[float | None, str | None]:
    return (None, value) if isinstance(value, str) else (value, None)


def counted(rows: Iterable[CodedItem], kind: CounterKind = "agreed", series: str = SERIES) -> dict[str, int]:
    """A series' counters of a kind, over all time."""
    return total(map(contribution, rows), kind, series)


def added(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    fields: Counter[str] = Counter()
    for part in parts:
        fields.update(part)
    return without_zeros(fields)


def sum_of(rows: Iterable[CodedItem]) -> Contribution:
    """What the items add together."""
    found: Contribution = {}
    for row in rows:
        for group, fields in contribution(row).items():
            found[group] = added([found.get(group, {}), fields])
    return {group: fields for group, fields in found.items() if fields}


def scored(coding: Coding, given: Iterable[Item], *, expected: bool = False) -> dict[str, int]:
    """The counters `seen` of a series whose every judgment is one of these."""
    rows = rows_of(coding, given, expected=expected)
    said = [row.scores["c1"][SERIES] for row in rows if SERIES in row.scores["c1"]]
    events = Counter(f"score\t{each.key}\t{each.length}" for each in said)
    events["outcome\tscored\t"] = len(said)
    return added([events, counted(rows, "seen")])


def pairs_of(given: Iterable[Item], drawn: str = "r") -> list[tuple[Any, Any]]:
    return [
        (value, item.judge)
        for item in given
        for value, how in item.people.values()
        if item.judge is not None and how in drawn
    ]


def drawn_as(given: Iterable[Item], kept: str, anew: Drawn) -> list[Item]:
    """Only the labels drawn in one of these ways, as if drawn in another."""
    return [
        item._replace(people={name: (value, anew) for name, (value, how) in item.people.items() if how in kept})
        for item in given
    ]


def redrawn(given: Iterable[Item], drawn: Sequence[Drawn]) -> list[Item]:
    """The same labels, an item's first drawn in the first way, and so on round."""
    return [
        item._replace(
            people={
                name: (value, drawn[place % len(drawn)]) for place, (name, (value, _)) in enumerate(item.people.items())
            }
        )
        for item in given
    ]


def by_annotator(given: Sequence[Item], drawn: str = "r") -> dict[str, list[Any]]:
    """In the items' order, None where one said nothing."""
    kept = [{name: value for name, (value, how) in item.people.items() if how in drawn} for item in given]
    return {name: [item.get(name) for item in kept] for name in ANNOTATORS}


def simulated(seed: int, size: int, raters: int, *, highest: float = 5) -> list[Item]:
    """Items of a quality that raters and judges see with errors of their own, on 1 to 5 or on 0 and 1."""
    random = np.random.default_rng(seed)

    def said(quality: float) -> int:
        seen = quality + 0.6 * random.standard_normal()
        return int(seen > 0) if highest == 1 else int(np.clip(np.round(3 + seen), 1, 5))

    return [
        Item(
            {name: (said(quality), "r") for name in ANNOTATORS[:raters]},
            said(quality),
            said(quality),
            int(random.integers(3, 9)),
        )
        for quality in random.standard_normal(size)
    ]


def report(
    coding: Coding, told: list[Item], selection: ReportSelection = "random", *, expected: bool = False
) -> Agreement:
    rows = rows_of(coding, told, expected=expected)
    seen = scored(coding, told, expected=expected)
    return agreement(coding, counted(rows), seen, counted(rows, "ceiling", ""), selection)
