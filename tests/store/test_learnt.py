"""The facts about models' servers are kept by the model's name, the newest in place of the one before."""

from redis.asyncio import Redis

from service.store import keys
from service.store.learnt import load_learnt, save_learnt


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
