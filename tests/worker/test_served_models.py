"""A worker notes a served model at once if it is another one, else now and then, and never fails for it."""

from time import monotonic as now

import pytest
from redis.asyncio import Redis

from service.store import keys
from service.store.connection import connect
from service.store.metric_families import metric_families
from worker import served_models
from worker.served_models import ServedModels

MODEL = "openai/gpt-x"


async def stored(redis: Redis) -> bytes | None:
    found: bytes | None = await redis.hget(keys.SERVED_MODELS, MODEL)  # type: ignore[misc]
    return found


async def changes_of(redis: Redis) -> list[float]:
    families = await metric_families(redis, "")
    changes = next(each for each in families if each.name == "served_model_changes")
    return [sample.value for sample in changes.samples]


async def test_the_first_answer_and_another_models_are_noted_at_once(redis: Redis) -> None:
    served = ServedModels(redis)
    for each in ("one", "two", "one"):
        await served.note(MODEL, each, now())
        assert await stored(redis) == each.encode()


async def test_a_change_that_two_workers_see_counts_once(redis: Redis) -> None:
    one, other = ServedModels(redis), ServedModels(redis)
    for served, name in ((one, "m-1"), (other, "m-1"), (one, "m-2"), (other, "m-2"), (one, "m-2")):
        await served.note(MODEL, name, now())
    assert await changes_of(redis) == [1]


async def test_late_answers_to_calls_from_before_a_change_are_no_change_back(redis: Redis) -> None:
    served = ServedModels(redis)
    for name, began in (("m-1", 1.0), ("m-2", 3.0), ("m-1", 2.0), ("m-2", 4.0), ("m-1", 2.5), ("m-2", 3.5)):
        await served.note(MODEL, name, began)
    assert served.last[MODEL] == "m-2"
    assert await changes_of(redis) == [1]
    await served.note(MODEL, "m-1", 5.0)  # the provider goes back to it
    assert await changes_of(redis) == [2]


async def test_the_same_model_is_not_noted_again_for_a_while(redis: Redis) -> None:
    served = ServedModels(redis)
    await served.note(MODEL, "one", now())
    await redis.delete(keys.SERVED_MODELS)
    await served.note(MODEL, "one", now())
    assert await stored(redis) is None


async def test_the_same_model_is_noted_again_after_a_while(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another worker may have noted another one meanwhile."""
    served = ServedModels(redis)
    await served.note(MODEL, "one", now())
    await ServedModels(redis).note(MODEL, "two", now())
    monkeypatch.setattr(served_models, "_AGAIN_S", 0.0)
    await served.note(MODEL, "one", now())
    assert await stored(redis) == b"one"


async def test_an_answer_while_the_store_is_away_is_noted_by_the_next(
    redis: Redis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = connect("redis://127.0.0.1:1", retries=0, max_connections=1)
    served = ServedModels(away)
    await served.note(MODEL, "one", now())
    assert f"the model that answers for {MODEL} was not noted" in caplog.text
    monkeypatch.setattr(served, "_redis", redis)
    await served.note(MODEL, "one", now())
    assert await stored(redis) == b"one"
    await away.aclose()


async def test_a_new_process_knows_the_models_that_answered_before(redis: Redis) -> None:
    await ServedModels(redis).note(MODEL, "one", now())
    served = ServedModels(redis)
    last = served.last
    await served.load()
    assert last == {MODEL: "one"}
    await served.note(MODEL, "two", now())
    assert last == {MODEL: "two"}
