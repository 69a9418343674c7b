"""The counters of many items at once: the sums of what each item contributes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.agreement.coded_columns import between_levels, in_columns
from service.agreement.coding import CodedValue, Coding
from service.agreement.contributions import CodedItem, CodedLabel, CodedScore, contribution, total
from service.agreement.label_columns import LabelColumns
from service.contracts.criteria import CriterionScale

LEVELS = Coding(CriterionScale(kind="numbers", min=1.0, max=5.0, step=1.0))
ANY_NUMBER = Coding(CriterionScale(kind="numbers", min=1.0, max=5.0))
WORDS = Coding(CriterionScale(kind="labels", min=0.0, max=1.0, labels=["good", "bad", "odd"], scores=[1.0, 0.0, None]))

ANNOTATORS = ("0", "1", "10", "2", "ann b")
fractions = st.floats(1, 5).map(lambda number: round(number, 4)) | st.sampled_from([1.0, 2.5, 3.0, 5.0])
levels = st.integers(1, 5).map(float)
words = st.sampled_from(["good", "bad", "odd"])


def items(values: st.SearchStrategy[CodedValue]) -> st.SearchStrategy[list[tuple[dict[str, CodedValue], CodedValue]]]:
    labels = st.dictionaries(st.sampled_from(ANNOTATORS), values, max_size=4)
    return st.lists(st.tuples(labels, values), max_size=12)


said_by_person = st.one_of(
    items(levels.map(lambda score: LEVELS.by_person(score, None))),
    items(fractions.map(lambda score: ANY_NUMBER.by_person(score, None))),
    items(words.map(lambda word: WORDS.by_person(None, word))),
)


def coded_score(said: CodedValue) -> CodedScore:
    return CodedScore(key=said.key, number=said.number, units=said.units, per_cent=said.per_cent, at_ms=0)


def contributed(found: list[tuple[dict[str, CodedValue], CodedValue]], scored: set[int]) -> dict[str, int]:
    added = []
    for at, (labels, score) in enumerate(found):
        item = CodedItem(
            labels={
                name: CodedLabel(key=each.key, number=each.number, units=each.units, per_cent=each.per_cent)
                for name, each in labels.items()
            },
            scores={"": {"j": coded_score(score)}} if at in scored else {},
        )
        added.append(contribution(item))
    return total(added, "agreed", "j")


def agreed(found: list[tuple[dict[str, CodedValue], CodedValue]], scored: set[int]) -> dict[str, int]:
    at = [each for each in range(len(found)) if each in scored]
    return LabelColumns([labels for labels, _ in found]).agreed(
        np.array(at, dtype=np.int64), in_columns([found[each][1] for each in at])
    )


@given(said_by_person, st.sets(st.integers(0, 11)))
def test_they_are_the_sums_of_what_each_item_contributes(
    found: list[tuple[dict[str, CodedValue], CodedValue]], scored: set[int]
) -> None:
    """The scores are coded as people's are, so that a scale of levels has units too, as expected scores have."""
    assert agreed(found, scored) == contributed(found, scored)


@given(items(levels.map(lambda score: LEVELS.by_person(score, None))))
def test_levels_that_a_judge_chooses_have_no_moments(
    found: list[tuple[dict[str, CodedValue], CodedValue]],
) -> None:
    found = [(labels, score._replace(units=None)) for labels, score in found]
    counted = agreed(found, set(range(len(found))))
    assert counted == contributed(found, set(range(len(found))))
    assert not any(name.startswith("moment") for name in counted)


def test_many_labels_of_an_item_are_counted_in_parts() -> None:
    labels = {str(who): LEVELS.by_person(1.0 + who % 4, None) for who in range(90)}
    found = [(labels, LEVELS.by_person(1.0 + at % 5, None)) for at in range(20)]
    every = set(range(len(found)))
    assert agreed(found, every) == contributed(found, every)


@given(st.lists(st.floats(1, 5)))
def test_many_scores_between_levels_are_coded_as_one_is(scores: list[float]) -> None:
    for coding in (LEVELS, ANY_NUMBER):
        names, keys, *columns = between_levels(coding, scores)
        values = [coding.by_judge(each, None, is_expected=True) for each in scores]
        together = zip(
            (names[each] for each in keys), *(column for column in columns if column is not None), strict=True
        )
        assert list(together) == values
