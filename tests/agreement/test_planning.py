"""How many labels: the figures of the specification, and what can't be asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.agreement.planning import labels_for_correlation, labels_for_share, labels_to_detect_fall


@pytest.mark.parametrize(
    ("expected", "half_width", "labels"),
    [(0.8, 0.1, 62), (0.8, 0.05, 246), (0.8, 0.03, 683), (0.9, 0.1, 35), (0.9, 0.05, 139), (0.9, 0.03, 385)],
)
def test_labels_for_a_share(expected: float, half_width: float, labels: int) -> None:
    """.8 to .1: (1.96 / .1)^2 * .16 = 61.5."""
    assert labels_for_share(expected, half_width) == labels


@pytest.mark.parametrize(
    ("expected", "half_width", "labels"),
    [
        *((0.5, 0.1, 215), (0.5, 0.05, 863), (0.5, 0.03, 2400)),
        *((0.7, 0.1, 97), (0.7, 0.05, 397), (0.7, 0.03, 1107)),
        *((0.85, 0.1, 24), (0.85, 0.05, 114), (0.85, 0.03, 324)),
    ],
)
def test_labels_for_a_correlation(expected: float, half_width: float, labels: int) -> None:
    """.5 to .1: atanh(.6) - atanh(.4) = .6931 - .4236 = .2695; 3 + (3.92 / .2695)^2 = 214.6."""
    assert labels_for_correlation(expected, half_width) == labels


def test_skewed_scores_need_half_as_many_again() -> None:
    assert labels_for_correlation(0.7, 0.1, skewed=True) == 145  # 1.5 * 96.5 = 144.7


@pytest.mark.parametrize(("usual", "fallen", "labels"), [(0.85, 0.65, 25), (0.8, 0.7, 109), (0.8, 0.75, 419)])
def test_labels_to_detect_a_fall(usual: float, fallen: float, labels: int) -> None:
    """.8 -> .7: ((1.6449 * .4 + .8416 * .4583) / .1)^2 = (1.0436 / .1)^2 = 108.9."""
    assert labels_to_detect_fall(usual, fallen) == labels


@given(st.floats(0.05, 0.95), st.floats(0.01, 0.3))
def test_a_narrower_interval_needs_more_labels(expected: float, half_width: float) -> None:
    assert labels_for_share(expected, half_width / 2) >= labels_for_share(expected, half_width) > 0


@given(st.floats(-0.6, 0.6), st.floats(0.01, 0.3))
def test_the_sign_of_a_correlation_does_not_matter(expected: float, half_width: float) -> None:
    there, back = labels_for_correlation(expected, half_width), labels_for_correlation(-expected, half_width)
    assert abs(there - back) <= 1  # rounded up from either side of a whole number


@pytest.mark.parametrize(
    ("expected", "half_width"), [(0, 0.1), (1, 0.1), (0.5, 0), (0.5, 1), (-0.1, 0.1), (0.5, float("nan"))]
)
def test_a_share_that_needs_no_labels_is_refused(expected: float, half_width: float) -> None:
    with pytest.raises(ValueError, match="has to lie between"):
        labels_for_share(expected, half_width)


@pytest.mark.parametrize(("expected", "half_width"), [(0.95, 0.05), (-0.95, 0.1), (0.5, 0)])
def test_an_interval_beyond_1_is_refused(expected: float, half_width: float) -> None:
    with pytest.raises(ValueError, match="has to lie between"):
        labels_for_correlation(expected, half_width)


@pytest.mark.parametrize(
    ("usual", "fallen", "false_alarm", "power"),
    [(0.8, 0.8, 0.05, 0.8), (0.7, 0.8, 0.05, 0.8), (1, 0.8, 0.05, 0.8), (0.8, 0.7, 0.9, 0.8), (0.8, 0.7, 0.05, 1)],
)
def test_a_fall_that_is_none_is_refused(usual: float, fallen: float, false_alarm: float, power: float) -> None:
    with pytest.raises(ValueError, match="has to lie between"):
        labels_to_detect_fall(usual, fallen, false_alarm=false_alarm, power=power)
