"""Scales: their levels and their problems."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contracts.judges import Scale
from service.judging.scales import MAX_LEVELS, level_count, levels, problems


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        (Scale(), [1, 2, 3, 4, 5]),
        (Scale(min=0, max=1, step=0.25), [0, 0.25, 0.5, 0.75, 1]),
        (Scale(min=0, max=0.3, step=0.1), [0, 0.1, 0.2, 0.3]),
        (Scale(min=-1, max=1), [-1, 0, 1]),
    ],
)
def test_levels_are_written_without_the_noise_of_floating_point(scale: Scale, expected: list[float]) -> None:
    assert levels(scale) == expected
    assert [type(each) for each in levels(scale)] == [type(each) for each in expected]


@pytest.mark.parametrize(
    ("scale", "pointer"),
    [
        (Scale(min=1, max=1), "/max"),
        (Scale(min=2, max=1), "/max"),
        (Scale(min=1, max=1e300), "/max"),
        (Scale(min=1, max=5, step=3), "/step"),
        (Scale(min=1, max=5, step=5e-324), "/step"),
        (Scale(min=0, max=1, step=0.0001), "/step"),
        (Scale(min=1, max=2, step=1.5), "/step"),
        (Scale(descriptors={"0": "x"}), "/descriptors/0"),
        (Scale(descriptors={"good": "x"}), "/descriptors/good"),
    ],
)
def test_an_unusable_scale_is_refused_at_its_place(scale: Scale, pointer: str) -> None:
    assert [each for each, _ in problems(scale)] == [pointer]


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
    st.one_of(st.none(), st.floats(min_value=0, exclude_min=True, allow_nan=False, allow_infinity=False)),
)
def test_any_numbers_make_a_scale_or_are_refused(low: float, high: float, step: float | None) -> None:
    scale = Scale(min=low, max=high, step=step)
    if not problems(scale) and step is not None:
        count = level_count(scale)
        assert count is not None
        assert 2 <= count <= MAX_LEVELS
        assert len(set(levels(scale))) == count
        assert levels(scale)[0] == pytest.approx(low, abs=1e-8)
        assert levels(scale)[-1] == pytest.approx(high, abs=scale.max * 1e-5 + 1e-5)
