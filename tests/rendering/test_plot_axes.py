"""The axes of plots: costs that are free, unknown, alike or far apart, and round steps."""

import pytest

from service.rendering.plot_axes import CostAxis, cost_axis, nice_steps, side_offset


def axis_of(*costs: float | None) -> CostAxis:
    return cost_axis(costs, left=100, right=300, band=40, inset=10)


def test_free_and_unknown_costs_have_a_band_each_beside_the_scale() -> None:
    axis = axis_of(0, None, 1, 4)
    assert axis.at(0) == 120
    assert axis.at(None) == 280
    assert axis.ticks[:3] == [(120, "free"), (280, "unknown"), (150, "0")]
    assert axis.ticks[-1] == (250, "5")
    assert axis.at(4) == pytest.approx(230)
    assert axis.name == "US dollars per 1,000 judgments"


def test_without_them_the_scale_is_as_wide_as_the_axis() -> None:
    ticks = axis_of(2, 2).ticks
    assert (ticks[0], ticks[-1][0]) == ((110, "0"), 290)
    assert axis_of(0, 0).ticks == [(120, "free")]


def test_costs_ten_times_apart_are_on_a_logarithmic_scale() -> None:
    axis = axis_of(0.02, 0.2)
    assert [text for _, text in axis.ticks] == ["0.01", "0.1", "1"]
    assert axis.at(0.1) == pytest.approx(200)
    assert axis.name == "US dollars per 1,000 judgments, logarithmic"
    assert not axis_of(0.02, 0.19).is_log


def test_rows_of_one_cost_stand_to_the_right_and_to_the_left() -> None:
    assert [side_offset(before, 15) for before in range(5)] == [0, 15, -15, 30, -30]


def test_steps_are_round_and_hold_both_ends() -> None:
    assert nice_steps(0.11, 0.93) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert nice_steps(-3, 7) == [-4, -2, 0, 2, 4, 6, 8]
