"""Facts about providers' models: ones that workers learnt of their servers, their lists, and the models that answer."""

import msgspec
from redis.asyncio import Redis

from service.contracts.model_lists import ModelList
from service.store import counters, keys
from service.store.connection import Script, reply
from service.store.records import from_msgpack, readable


async def load_learnt(redis: Redis) -> dict[str, bytes]:
    """Returns all facts by the model's name."""
    stored = await reply(redis.hgetall(keys.CAPABILITIES))
    return {model.decode(): known for model, known in stored.items()}


async def save_learnt(redis: Redis, model: str, known: bytes) -> None:
    """Stores the facts about one model."""
    await reply(redis.hset(keys.CAPABILITIES, mapping={model: known}))


async def load_model_lists(redis: Redis) -> dict[str, ModelList]:
    """Returns the lists by the provider's name."""
    stored = await reply(redis.hgetall(keys.MODEL_LISTS))
    found = readable(
        stored, lambda name: from_msgpack(stored[name], ModelList, f"the list of models of {name.decode()}")
    )
    return {provider.decode(): each for provider, each in found}


async def save_model_list(redis: Redis, provider: str, found: ModelList) -> None:
    """Replaces the list of one provider."""
    await reply(redis.hset(keys.MODEL_LISTS, mapping={provider: msgspec.msgpack.encode(found)}))


_note_served_model = Script("counting", "note_served_model")


async def load_served_models(redis: Redis) -> dict[str, str]:
    """Returns the model that answered last under each name."""
    found = await reply(redis.hgetall(keys.SERVED_MODELS))
    return {model.decode(): served.decode() for model, served in found.items()}


async def note_served_model(redis: Redis, model: str, served_model: str) -> None:
    """Notes the model that answered under the name `model`, and counts the change if another one answered before."""
    changed = msgspec.msgpack.encode([counters.increment(counters.SERVED_MODEL_CHANGES, model)])
    await _note_served_model(
        redis, [keys.SERVED_MODELS, keys.COUNTERS], [model, served_model, counters.MAX_SERIES, changed]
    )
