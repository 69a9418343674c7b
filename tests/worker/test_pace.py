"""The pace of calls."""

import pytest

from worker.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_pace_lets_one_call_through_a_second_at_sixty_a_minute() -> None:
    clock = Clock()
    pace = Pace(60, clock)
    assert [pace.take(1) for _ in range(3)] == [1, 2, 3]
    clock.now += 3
    assert pace.take(1) == pytest.approx(1)


def test_a_pace_saves_up_a_second_and_no_more() -> None:
    clock = Clock()
    pace = Pace(600, clock)
    clock.now += 3600
    assert [pace.take(1) for _ in range(12)] == pytest.approx([0] * 10 + [0.1, 0.2])


def test_a_pace_below_one_a_second_still_lets_one_through_that_has_saved_up() -> None:
    clock = Clock()
    pace = Pace(6, clock)
    clock.now += 60
    assert [pace.take(1), pace.take(1)] == pytest.approx([0, 10])


def test_sharers_divide_the_pace() -> None:
    pace = Pace(60, Clock())
    pace.sharers = 4
    assert pace.take(1) == pytest.approx(4)


def test_what_was_estimated_too_high_is_given_back() -> None:
    pace = Pace(60, Clock())
    assert pace.take(10) == 10
    pace.take(-9)
    assert pace.take(0) == 1


def test_no_rate_is_no_limit() -> None:
    assert Pace(None).take(10**9) == 0
