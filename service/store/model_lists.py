"""The lists of models that workers read from the providers, with the dates on which models will be shut down."""

import msgspec
from redis.asyncio import Redis

from service.contracts.model_lists import ModelList
from service.store import keys
from service.store.connection import reply
from service.store.records import from_msgpack, readable


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
