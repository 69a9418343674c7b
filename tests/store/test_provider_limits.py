"""The limits of providers, as all workers share them."""

import asyncio

import msgspec
import pytest
from redis.asyncio import Redis

from service.contracts.outcomes import Reason
from service.store import keys, provider_limits
from service.store.provider_limits import (
    ProviderLimit,
    ProviderStop,
    Refusal,
    load_limits,
    note_refusal,
    paused_providers,
)

NAME = "openai"


def refusal(
    wait_s: float | None = 5.0,
    *,
    answers: int = 0,
    span_s: float = 0.0,
    began_ago_s: float = 0.0,
    is_single: bool = False,
) -> Refusal:
    return Refusal(began_ago_s, wait_s, answers, span_s, 0.5, 60.0, is_single)


async def test_a_wait_asked_for_is_kept_by_all(redis: Redis) -> None:
    limit = await note_refusal(redis, NAME, refusal(5.0))
    state = (await load_limits(redis, [NAME, "other"]))[NAME]
    assert limit.pause_s == 5.0
    assert state.limit is not None
    assert 4.5 < state.limit.pause_s <= 5.0
    assert (await load_limits(redis, ["other"]))["other"] == (None, None, 0.0)


async def test_the_longest_wait_counts_and_none_is_shortened(redis: Redis) -> None:
    await note_refusal(redis, NAME, refusal(5.0, began_ago_s=1.0))
    assert (await note_refusal(redis, NAME, refusal(1.0, began_ago_s=1.0))).pause_s > 4.5
    assert (await note_refusal(redis, NAME, refusal(9.0, began_ago_s=1.0))).pause_s == 9.0


async def test_the_rate_is_what_the_answers_show_and_begins_below_it_at_first(redis: Redis) -> None:
    limit = await note_refusal(redis, NAME, refusal(9.0, answers=20, span_s=1.0, began_ago_s=1.0))
    assert limit.goal == pytest.approx(0.9 * 20 / 10)
    assert limit.rate == pytest.approx(limit.goal / 4, abs=1e-5)
    later = await note_refusal(redis, NAME, refusal(9.0, answers=10, span_s=1.0))
    assert later.goal >= later.rate == pytest.approx(0.9 * 10 / 10, rel=0.01)


async def test_calls_that_were_under_way_tell_nothing_new(redis: Redis) -> None:
    first = await note_refusal(redis, NAME, refusal(None, answers=20, span_s=1.0, began_ago_s=1.0))
    for _ in range(50):
        again = await note_refusal(redis, NAME, refusal(None, began_ago_s=1.0))
    assert again.pause_s <= first.pause_s == 0.5
    assert (again.rate, again.goal) == (first.rate, first.goal)


async def test_without_a_wait_asked_for_all_back_off_together_and_longer_each_time(redis: Redis) -> None:
    waits, rates = [], []
    for _ in range(9):
        limit = await note_refusal(redis, NAME, refusal(None))
        waits.append(limit.pause_s)
        rates.append(limit.rate)
        await asyncio.sleep(0.002)
    assert waits == pytest.approx([0.5, 1, 2, 4, 8, 16, 32, 60, 60], abs=0.1)
    assert rates == sorted(rates, reverse=True)
    assert (await note_refusal(redis, NAME, refusal(None, answers=3, span_s=1.0))).pause_s <= 60


async def test_a_wait_asked_for_keeps_the_rate_that_is_known(redis: Redis) -> None:
    known = await note_refusal(redis, NAME, refusal(1.0, answers=20, span_s=1.0, began_ago_s=1.0))
    await asyncio.sleep(0.002)
    limit = await note_refusal(redis, NAME, refusal(2.0))
    assert (limit.rate, limit.goal, limit.pause_s) == (known.rate, known.goal, 2.0)


async def test_single_refusals_make_all_wait_and_slow_nobody_down(redis: Redis) -> None:
    for _ in range(20):
        limit = await note_refusal(redis, NAME, refusal(0.001, answers=20, span_s=1.0, is_single=True))
        assert limit.rate >= 1_000_000  # no limit
        await asyncio.sleep(0.002)
    assert limit.pause_s == 0.001
    known = await note_refusal(redis, NAME, refusal(0.001, answers=20, span_s=1.0))
    for _ in range(20):
        await asyncio.sleep(0.002)
        limit = await note_refusal(redis, NAME, refusal(0.001, answers=5, span_s=1.0, is_single=True))
        assert limit.rate >= known.rate
        assert limit.goal >= known.goal


async def test_a_refusal_that_others_follow_was_no_single_one(redis: Redis) -> None:
    single = await note_refusal(redis, NAME, refusal(9.0, answers=20, span_s=1.0, began_ago_s=1.0, is_single=True))
    assert single.rate >= 1_000_000
    limit = await note_refusal(redis, NAME, refusal(9.0, answers=25, span_s=1.1, began_ago_s=1.0))
    assert limit.goal == pytest.approx(0.9 * 20 / 10)
    assert limit.rate == pytest.approx(limit.goal / 4, abs=1e-5)
    again = await note_refusal(redis, NAME, refusal(9.0, answers=30, span_s=1.2, began_ago_s=1.0))
    assert (again.rate, again.goal) == (limit.rate, limit.goal)


async def test_each_single_refusal_lets_an_unknown_rate_grow_half_as_fast(redis: Redis) -> None:
    await note_refusal(redis, NAME, refusal(0.001, answers=3, span_s=1.0))  # too few to know a rate by
    doubles = []
    for _ in range(6):
        await asyncio.sleep(0.002)
        limit = await note_refusal(redis, NAME, refusal(0.001, answers=6, span_s=1.0, is_single=True))
        doubles.append(limit.double_s)
    assert doubles == [10, 20, 40, 60, 60, 60]


def test_the_rate_climbs_to_the_goal_and_slowly_beyond() -> None:
    limit = ProviderLimit(pause_s=0.0, rate=1.0, goal=4.0, double_s=2.0)
    assert [limit.rate_after(seconds) for seconds in (0, 2, 4, 64, 124)] == pytest.approx([1, 2, 4, 8, 16])
    unknown = ProviderLimit(pause_s=0.0, rate=1.0, goal=0.0, double_s=2.0)
    assert [unknown.rate_after(seconds) for seconds in (0, 2, 20)] == pytest.approx([1, 2, 1024])


async def test_a_stop_is_shared_with_its_words_and_ends(redis: Redis) -> None:
    stop = ProviderStop(Reason.AUTH, "openai answered 401: no")
    await provider_limits.stop_calls(redis, NAME, stop, 30)
    state = (await load_limits(redis, [NAME]))[NAME]
    assert state.stop == stop
    assert 29 < state.stop_s <= 30
    await provider_limits.allow_calls(redis, NAME)
    assert (await load_limits(redis, [NAME]))[NAME].stop is None


async def test_a_stop_for_a_reason_of_a_newer_version_stops_calls_too(redis: Redis) -> None:
    stored = msgspec.msgpack.encode(["weather", "closed today", "a new field"])
    await redis.set(keys.provider_stop(NAME), stored, px=30_000)
    found = (await load_limits(redis, [NAME]))[NAME]
    assert found.stop == ProviderStop(Reason.PROVIDER_ERROR, "closed today")
    assert found.stop_s > 20


async def test_few_answers_are_no_goal(redis: Redis) -> None:
    limit = await note_refusal(redis, NAME, refusal(1.0, answers=2, span_s=1.0, began_ago_s=1.0))
    assert limit.rate == pytest.approx(0.9)
    assert (limit.goal, limit.double_s) == (0.0, 5.0)


@pytest.mark.parametrize("goal", [0.0, 4.0, 1.0])
def test_the_span_of_calls_is_that_in_which_the_rate_lets_them_begin(goal: float) -> None:
    limit = ProviderLimit(pause_s=0.0, rate=1.0, goal=goal, double_s=2.0)
    step = 0.001
    begun = sum(limit.rate_after(step * each) * step for each in range(6000))
    assert limit.span_of(begun, 0.0) == pytest.approx(6.0, abs=0.05)


async def test_only_pauses_that_one_would_notice_are_told(redis: Redis) -> None:
    await note_refusal(redis, "long", refusal(50.0))
    await note_refusal(redis, "short", refusal(0.5))
    [paused] = await paused_providers(redis, ["long", "other", "short"])
    assert paused.provider == "long"
    assert 45 < paused.retry_in_seconds <= 50
