"""Judges against each other, with no human label."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.agreement.coding import Coding
from service.agreement.reports import between, panel_alpha
from service.stats.alphas import Level, alpha
from service.stats.intervals import measure
from service.stats.table import Table
from service.stats.undefined import Undefined
from tests.agreement.items import ANY, FIVE, OTHER, SERIES, STEPPED, WORDS, Item, counted, items, rows_of, simulated
from tests.stats.coincidences import coincidences_of

few = settings(max_examples=20, deadline=None)
STEPPED_SOME = st.sampled_from(STEPPED).flatmap(lambda coding: st.tuples(st.just(coding), items(coding)))


def test_two_series_are_compared_as_judge_and_other() -> None:
    told = simulated(12, 90, 1)
    fields = counted(rows_of(FIVE, told), "between", f"{OTHER}|{SERIES}")
    met = [(item.judge, item.other) for item in told if item.judge is not None and item.other is not None]
    expected = Table.from_pairs((1, 2, 3, 4, 5), met)
    found = between(FIVE, fields)  # rows the second of the two
    assert found.statistics == measure(expected)
    turned = between(FIVE, fields, ["bias"], other_is_first=True)
    assert turned.table.counts == expected.counts.T.tolist()
    assert turned.statistics["bias"].value == -(found.statistics["bias"].value or 0)
    assert (between(ANY, {}).pairs, between(WORDS, {}).statistics["exact"].reason) == (0, "no_pairs")


def test_two_panels_between_the_levels_have_no_kappa() -> None:
    found = between(FIVE, {"pair\t3.5\t4.333333333": 5, "pair\t2\t2": 4, "pair\t3.5\t3": 1})
    assert found.table.values == pytest.approx([2, 3, 4.333333333])
    assert found.statistics["cohen_kappa"].reason is Undefined.FRACTIONAL
    assert found.statistics["within_one"].value == 1
    same_fractions = between(FIVE, {"pair\t3.5\t3.5": 5, "pair\t2\t2": 4})
    assert same_fractions.statistics["cohen_kappa"].reason is Undefined.FRACTIONAL
    assert same_fractions.statistics["exact"].value == 1


@few
@given(STEPPED_SOME)
def test_the_alpha_of_a_panel_is_that_of_its_models(some: tuple[Coding, list[Item]]) -> None:
    coding, told = some
    values = list(coding.values or ())
    models = [[None if v is None else values.index(v) for v in (item.judge, item.other)] for item in told]
    level = Level.NOMINAL if coding.is_words else Level.ORDINAL
    expected = alpha(coincidences_of(models, len(values)), level, range(len(values)))
    found = panel_alpha(coding, counted(rows_of(coding, told), "panel", "judge@1"))
    assert (found.value, found.ratings, found.reason) == (expected.value, expected.ratings, expected.reason)
    if found.value is not None and found.lower is not None and found.upper is not None:
        assert found.lower <= found.value <= found.upper
