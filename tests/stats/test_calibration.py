"""Calibration: the isotonic fit against scikit-learn, the cross-fitted parts against fits of rows, and refusals."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.stats.arrays import Floats
from service.stats.calibration import LEAST_CALIBRATED, MOST_POINTS, Calibrated, HumanScale, calibrate, isotonic
from service.stats.estimates import LabelledCells
from tests.benchmarks.calibration import JUDGES, honesty

FIVE = HumanScale(1, 5, (1, 2, 3, 4, 5))
PASS = HumanScale(0, 1, (0, 1))
ANY = HumanScale(0, 10, ())
few = settings(max_examples=40, deadline=None)
PAIRS = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=LEAST_CALIBRATED, max_size=60)


def cells_of(pairs: list[tuple[float, float]]) -> LabelledCells:
    kinds, counts = np.unique(np.array(pairs, dtype=np.float64).reshape(-1, 2), axis=0, return_counts=True)
    return LabelledCells(kinds[:, 0], kinds[:, 1], counts.astype(np.float64))


def found(pairs: list[tuple[float, float]], scale: HumanScale = FIVE, *, is_like: bool = True) -> Calibrated:
    return calibrate(cells_of(pairs), (1, 2, 3, 4, 5), scale, is_like=is_like)


@few
@given(st.lists(st.tuples(st.floats(-5, 5), st.integers(1, 9)), min_size=1, max_size=30))
def test_the_fit_is_that_of_scikit_learn(told: list[tuple[float, int]]) -> None:
    from sklearn.isotonic import IsotonicRegression

    values, weights = np.array(told, dtype=np.float64).T
    expected = IsotonicRegression().fit_transform(np.arange(len(values)), values, sample_weight=weights)
    assert isotonic(values, weights) == pytest.approx(expected, abs=1e-9)


@few
@given(PAIRS)
def test_the_curve_is_that_of_all_items(pairs: list[tuple[float, float]]) -> None:
    from sklearn.isotonic import IsotonicRegression

    human, judge = np.array(pairs, dtype=np.float64).T
    model = IsotonicRegression(out_of_bounds="clip").fit(judge, human)
    for point in found(pairs).points:
        expected = float(model.predict([point.score])[0])
        if not judge.min() <= point.score <= judge.max():
            assert (point.fitted, point.reason) == (None, "outside_labelled_range")
            assert (point.lower, point.upper) == (None, None)
        else:
            assert point.fitted == pytest.approx(expected, abs=1e-9)
            assert point.reason is None


def left_out(pairs: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    """Of each item, the curve of all others at the scores 1 to 5, and the item's own distance from it."""
    from sklearn.isotonic import IsotonicRegression

    human, judge = np.array(pairs, dtype=np.float64).T
    curves, residuals = [], []
    for place in range(len(human)):
        rest = np.arange(len(human)) != place
        model = IsotonicRegression(out_of_bounds="clip").fit(judge[rest], human[rest])
        curves.append(model.predict([1, 2, 3, 4, 5]))
        residuals.append(human[place] - model.predict([judge[place]])[0])
    return np.array(curves), np.array(residuals)


@settings(max_examples=8, deadline=None)
@given(PAIRS)
def test_intervals_of_items_are_those_of_the_jackknife_of_rows(pairs: list[tuple[float, float]]) -> None:
    one = found(pairs)
    curves, residuals = left_out(pairs)
    rank = math.floor(0.1 * (len(pairs) + 1) + 1e-9)
    for place, point in enumerate(one.points):
        if point.fitted is None:
            continue
        lower = np.sort(curves[:, place] - np.abs(residuals))[rank - 1]
        upper = np.sort(curves[:, place] + np.abs(residuals))[-rank]
        inside = [level for level in FIVE.levels if lower - 1e-6 <= level <= upper + 1e-6]
        expected = (inside[0], inside[-1]) if inside else (math.floor(lower), math.ceil(upper))
        assert (point.lower, point.upper) == expected


@settings(max_examples=8, deadline=None)
@given(PAIRS)
def test_the_error_after_calibration_is_of_items_that_had_no_part_in_it(pairs: list[tuple[float, float]]) -> None:
    human, judge = np.array(pairs, dtype=np.float64).T
    _, residuals = left_out(pairs)
    excess, items = 0.0, 0
    for score in np.unique(judge):
        here = judge == score
        if here.sum() > 1:
            excess += float((residuals[here] ** 2).sum() - here.sum() * human[here].var(ddof=1))
            items += int(here.sum())
    assert found(pairs).error_after == pytest.approx(math.sqrt(max(excess / items, 0)), abs=1e-6)


def test_the_error_before_calibration_is_free_of_noise() -> None:
    # The judge says 3; people say 1 and 3 equally often: their mean is 2, a point below.
    # mean((y - 3)^2) = 2, minus the variance 60 / 59: 1 - 1 / 59.
    pairs: list[tuple[float, float]] = [(1, 3), (3, 3)] * 30
    assert found(pairs).error_before == pytest.approx(math.sqrt(1 - 1 / 59))
    assert found(pairs, is_like=False).error_before is None


def test_a_lenient_judge_is_mapped_to_the_values_of_people() -> None:
    pairs: list[tuple[float, float]] = [(1, 2), (2, 3), (3, 4), (4, 5)] * 25
    one = found(pairs)
    assert [point.fitted for point in one.points] == pytest.approx([None, 1, 2, 3, 4])
    assert [point.reason for point in one.points] == ["outside_labelled_range", *[None] * 4]
    assert one.error_before == pytest.approx(1)
    assert one.error_after == pytest.approx(0, abs=1e-6)
    assert one.curve.at(2.5) == pytest.approx(1.5)
    assert one.curve.at(1.9) is None
    assert one.curve.at(5.1) is None


def test_a_judge_that_orders_items_the_wrong_way_round_is_mapped_to_one_value() -> None:
    one = found([(1, 5), (2, 4), (3, 3), (4, 2), (5, 1)] * 20)
    assert [point.fitted for point in one.points] == pytest.approx([3] * 5)


def test_few_labels_have_means_but_no_mapping() -> None:
    one = found([(1, 1), (3, 2), (4, 2)])
    assert one.reason == "few_labels"
    assert {point.reason for point in one.points} == {"few_labels"}
    assert all(point.fitted is None and point.lower is None for point in one.points)
    assert one.points[1].mean.value == pytest.approx(3.5)
    assert one.curve.at(1) is None


@pytest.mark.parametrize("value", [2, 2.1, 5])
def test_labels_that_are_all_equal_are_no_proof_of_their_mean(value: float) -> None:
    """Others, at the ends of the scale, may have the share of Wilson's interval for none among so many."""
    one = found([(value, 1.0)] * 8 + [(value, 3.0)] * 4, HumanScale(1, 5, ()))
    for items, point in ((8, one.points[0]), (4, one.points[2])):
        others = 1.959964**2 / (items + 1.959964**2)
        assert point.mean.value == value
        assert point.mean.lower == pytest.approx(value - others * (value - 1))
        assert point.mean.upper == pytest.approx(value + others * (5 - value))


def test_no_labels() -> None:
    one = found([])
    assert (one.items, one.reason, one.error_before, one.error_after) == (0, "no_labels", None, None)
    assert [(point.items, point.mean.value, point.fitted) for point in one.points] == [(0, None, None)] * 5


def test_labels_of_two_values_have_shares_and_no_intervals_of_items() -> None:
    one = found([(0, 1), (0, 2), (1, 2), (1, 4)] * 20, PASS, is_like=False)
    assert [point.fitted for point in one.points] == pytest.approx([0, 0.5, 0.75, 1, None])
    assert all(point.lower is None for point in one.points)
    # Wilson's interval of 20 of 40: .3520 to .6480
    assert one.points[1].mean.lower == pytest.approx(0.3520, abs=1e-4)
    assert one.points[1].mean.upper == pytest.approx(0.6480, abs=1e-4)


def test_items_that_are_no_sample_have_no_intervals_of_items() -> None:
    cells = cells_of([(1, 1), (2, 2), (3, 3)] * 30)
    one = calibrate(cells, (1, 2, 3), FIVE, is_like=True, has_item_intervals=False)
    assert all(point.fitted is not None and point.lower is None for point in one.points)


def test_many_values_are_merged_into_bins() -> None:
    random = np.random.default_rng(1)
    judge = random.uniform(0, 10, 400)
    human = np.clip(judge + random.normal(0, 1, 400), 0, 10)
    one = calibrate(LabelledCells(human, judge, np.ones(400)), judge.tolist(), ANY, is_like=True)
    assert len(one.points) == MOST_POINTS
    assert sum(point.items for point in one.points) == 400
    assert [point.items for point in one.points] == pytest.approx([20] * MOST_POINTS, abs=1)
    middle = one.curve.at(5.0)
    assert middle == pytest.approx(5, abs=0.5)
    assert all(point.lower is not None and point.upper is not None for point in one.points)
    assert all(2 < (point.upper or 0) - (point.lower or 0) < 5 for point in one.points[3:-3])  # +- 1.64 of sd 1


@pytest.mark.parametrize("name", ["lenient", "1 to 10", "means of three"])
def test_intervals_of_items_cover_and_errors_are_honest(name: str) -> None:
    """The whole simulation is `python -m tests.benchmarks.calibration`."""
    one = honesty(JUDGES[name], 100, 30)
    assert 0.88 < np.mean(one.inside) < 0.95
    assert np.mean(one.said_after) == pytest.approx(np.mean(one.true_after), abs=0.05)
    if JUDGES[name].is_like:
        assert np.mean(one.said_before) == pytest.approx(np.mean(one.true_before), abs=0.06)
