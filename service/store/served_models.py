"""The models that providers run under the names that judges ask for, which may change from one day to the next."""

import msgspec
from redis.asyncio import Redis

from service.store import counters, keys
from service.store.connection import Script, reply

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
