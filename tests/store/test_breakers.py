"""The breakers of calls to models, as all workers share them."""

import asyncio

import msgspec
from redis.asyncio import Redis

from service.contracts.outcomes import Reason
from service.store import keys
from service.store.breakers import BreakerWaits, Move, failing_models, load_breakers, move_breaker
from service.store.provider_limits import ProviderStop

MODEL = "openai/m"
DOWN = ProviderStop(Reason.PROVIDER_ERROR, "openai answered 503: down")
SLOW = ProviderStop(Reason.TIMEOUT, "no answer within 60 s")
WAITS = BreakerWaits(first_s=0.05, longest_s=0.15, trial_s=5.0)


async def moved(redis: Redis, move: Move, failure: ProviderStop | None = None) -> tuple[float | None, bool]:
    """The seconds until a call may try, None if the breaker is closed; and whether the caller may."""
    state, may_try = await move_breaker(redis, MODEL, move, WAITS, failure)
    return (None if state is None else state.wait_s), may_try


async def test_one_call_at_a_time_tries_after_waits_that_double(redis: Redis) -> None:
    assert await moved(redis, "probe") == (None, False)
    assert await moved(redis, "open", DOWN) == (0.05, False)
    for longest in (0.1, 0.15, 0.15):
        assert (await moved(redis, "probe"))[1] is False
        await asyncio.sleep(0.16)
        assert (await moved(redis, "probe"))[1] is True
        wait_s, second = await moved(redis, "probe")
        assert second is False
        assert wait_s is not None
        assert 4 < wait_s <= 5
        assert await moved(redis, "failed", SLOW) == (longest, False)
    [model] = await failing_models(redis)
    assert (model.model, model.reason, model.error) == (MODEL, "timeout", SLOW.message)


async def test_an_answer_closes_it_for_all_and_it_stays_known(redis: Redis) -> None:
    await moved(redis, "open", DOWN)
    assert await moved(redis, "answered") == (None, False)
    assert await load_breakers(redis) == {MODEL: None}
    assert await failing_models(redis) == []
    assert await moved(redis, "open", DOWN) == (0.05, False)


async def test_a_trial_that_is_not_made_is_anothers(redis: Redis) -> None:
    await moved(redis, "open", DOWN)
    await asyncio.sleep(0.06)
    assert (await moved(redis, "probe"))[1] is True
    await moved(redis, "dropped")
    assert (await moved(redis, "probe"))[1] is True


async def test_failures_of_calls_that_were_under_way_change_nothing(redis: Redis) -> None:
    await moved(redis, "open", DOWN)
    before = (await load_breakers(redis))[MODEL]
    await moved(redis, "open", SLOW)
    after = (await load_breakers(redis))[MODEL]
    assert before is not None
    assert after is not None
    assert (after.since, after.words) == (before.since, DOWN.message)


async def test_one_that_a_newer_version_opened_is_open_and_one_of_another_form_is_left_alone(redis: Redis) -> None:
    newer = [1_000, 2**45, 1_000, 0, "weather", "closed today", "a new field"]
    stored = {MODEL: msgspec.msgpack.encode(newer), "openai/other": b"\xc1"}
    await redis.hset(keys.BREAKERS, mapping=stored)  # type: ignore[misc]
    [model] = await failing_models(redis)
    assert (model.model, model.reason, model.error) == (MODEL, "provider_error", "closed today")
