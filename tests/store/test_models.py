"""What is known of a model is kept by its name, and a change of the model that answers is noted and counted once."""

import asyncio

import pytest
from redis.asyncio import Redis

from service.store import counters, keys
from service.store.connection import connect
from service.store.errors import StoreUnavailableError
from service.store.metric_families import metric_families
from service.store.models import load_learnt, note_served_model, save_learnt
from tests.store.outages import frozen


async def test_nothing_is_known_at_first(redis: Redis) -> None:
    assert await load_learnt(redis) == {}


async def test_facts_come_back_byte_for_byte_by_the_models_name(redis: Redis) -> None:
    await save_learnt(redis, "openai/gpt-4.1-mini", b'{"mode":"text"}')
    await save_learnt(redis, "local/modèle:7b", b"\x00\xff")
    assert await load_learnt(redis) == {"openai/gpt-4.1-mini": b'{"mode":"text"}', "local/modèle:7b": b"\x00\xff"}


async def test_newer_facts_replace_those_of_the_same_model_alone(redis: Redis) -> None:
    for model, known in (("a/x", b"1"), ("a/y", b"2"), ("a/x", b"3")):
        await save_learnt(redis, model, known)
    assert await load_learnt(redis) == {"a/x": b"3", "a/y": b"2"}


async def test_facts_do_not_expire(redis: Redis) -> None:
    await save_learnt(redis, "a/x", b"1")
    assert await redis.ttl(keys.CAPABILITIES) == -1


MODEL = "openai/gpt-x"


async def served(redis: Redis) -> dict[bytes, bytes]:
    return dict(await redis.hgetall(keys.SERVED_MODELS))  # type: ignore[misc]


async def changes(redis: Redis) -> dict[str, float]:
    """The counted changes by model."""
    families = await metric_families(redis, "")
    family = next(each for each in families if each.name + "_total" == counters.SERVED_MODEL_CHANGES.name)
    return {each.labels["model"]: each.value for each in family.samples}


async def test_the_first_answer_is_noted_and_is_no_change(redis: Redis) -> None:
    await note_served_model(redis, MODEL, "gpt-x-2026-01-01")
    assert await served(redis) == {MODEL.encode(): b"gpt-x-2026-01-01"}
    assert await changes(redis) == {}


async def test_each_change_counts_once_and_the_newest_stays(redis: Redis) -> None:
    for each in ("one", "one", "two", "two", "one"):
        await note_served_model(redis, MODEL, each)
    assert await served(redis) == {MODEL.encode(): b"one"}
    assert await changes(redis) == {MODEL: 2}


async def test_models_change_apart_from_each_other(redis: Redis) -> None:
    for model, each in (("a/x", "one"), ("a/y", "two"), ("a/y", "three")):
        await note_served_model(redis, model, each)
    assert await served(redis) == {b"a/x": b"one", b"a/y": b"three"}
    assert await changes(redis) == {"a/y": 1}


async def test_a_change_that_many_see_at_once_counts_once(redis: Redis) -> None:
    await note_served_model(redis, MODEL, "one")
    await asyncio.gather(*(note_served_model(redis, MODEL, "two") for _ in range(20)))
    assert await changes(redis) == {MODEL: 1}


async def test_a_change_whose_answer_was_lost_counts_once(store_url: str, redis: Redis) -> None:
    client = connect(store_url, retries=0, max_connections=2, timeout_s=0.1)
    await note_served_model(client, MODEL, "one")
    async with frozen(redis):
        with pytest.raises(StoreUnavailableError):
            await note_served_model(client, MODEL, "two")
    await note_served_model(client, MODEL, "two")
    await client.aclose()
    assert await changes(redis) == {MODEL: 1}
