"""Figures, codes and numbers as the pages say them."""

from typing import get_args

import pytest

from service.contracts.labels import ReportSelection
from service.pages.words import figure_text, number
from service.rendering.trust_words import (
    FLAG_WORDS,
    SELECTION_WORDS,
    STATISTIC_MEANINGS,
    UNDEFINED_WORDS,
    deciding_statistic,
)
from service.stats.flags import Flag
from service.stats.intervals import Measure
from service.stats.statistics import STATISTICS
from service.stats.undefined import Undefined


def test_every_reason_flag_selection_and_statistic_has_words() -> None:
    assert {*FLAG_WORDS} == {*Flag}
    assert {*SELECTION_WORDS} == {*get_args(ReportSelection)}
    assert {*UNDEFINED_WORDS} == {*Undefined}
    assert {*STATISTICS} <= {*STATISTIC_MEANINGS}


def test_ranks_decide_if_there_are_any() -> None:
    assert deciding_statistic({"exact": 1, "spearman": 1, "cohen_kappa": 1}) == "spearman"
    assert deciding_statistic({"exact": 1, "cohen_kappa": 1}) == "cohen_kappa"


def test_a_figure_that_is_undefined_says_why() -> None:
    nothing = Measure(value=None, lower=None, upper=None, reason=Undefined.JUDGE_CONSTANT)
    assert figure_text(nothing) == "– (the judge gave one value alone)"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(10 / 3, "3.333"), (4.0, "4"), (0.25, "0.25"), (12345.6, "12346"), (5, "5"), ("tie", "tie"), (None, "–")],
)
def test_a_number_has_the_digits_that_tell_something(value: object, shown: str) -> None:
    assert number(value) == shown
