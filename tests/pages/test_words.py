"""Figures, codes and numbers as the pages say them."""

import pytest

from service.pages.words import figure_text, number
from service.rendering.trust_words import STATISTIC_MEANINGS, UNDEFINED_WORDS
from service.stats.intervals import Measure
from service.stats.statistics import STATISTICS
from service.stats.undefined import Undefined


def test_every_reason_and_every_statistic_has_words() -> None:
    assert {*UNDEFINED_WORDS} == {*Undefined}
    assert {*STATISTICS} <= {*STATISTIC_MEANINGS}


def test_a_figure_that_is_undefined_says_why() -> None:
    nothing = Measure(value=None, lower=None, upper=None, reason=Undefined.JUDGE_CONSTANT)
    assert figure_text(nothing) == "– (the judge gave one value alone)"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(10 / 3, "3.333"), (4.0, "4"), (0.25, "0.25"), (12345.6, "12346"), (5, "5"), ("tie", "tie"), (None, "–")],
)
def test_a_number_has_the_digits_that_tell_something(value: object, shown: str) -> None:
    assert number(value) == shown
