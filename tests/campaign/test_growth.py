"""Growth of memory as the soak tells it: a leak, and what is no leak."""

from tests.benchmarks.soak import MOST_GROWTH, growth_of

SAMPLES = 120


def test_a_leak_raises_the_floor() -> None:
    leak = [100 + 15 * place / SAMPLES for place in range(SAMPLES)]
    assert growth_of(leak).share > MOST_GROWTH


def test_a_leak_under_steps_that_come_and_go_raises_the_floor() -> None:
    leak = [100 + 15 * place / SAMPLES + 10 * (place % 7 < 3) for place in range(SAMPLES)]
    assert growth_of(leak).share > MOST_GROWTH


def test_memory_that_is_taken_for_a_while_is_no_growth() -> None:
    steps = [100.0 + 13 * (90 <= place < 110) for place in range(SAMPLES)]
    found = growth_of(steps)
    assert found.share == 0
    assert (found.middle_peak, found.last_peak) == (100, 113)


def test_a_saw_of_garbage_and_the_warming_up_are_no_growth() -> None:
    saw = [80.0] * 20 + [100 + 0.2 * (place % 35) for place in range(SAMPLES - 20)]
    assert growth_of(saw).share < MOST_GROWTH
