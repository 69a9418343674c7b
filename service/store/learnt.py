"""The facts that workers have learnt about each model's server, so that none has to learn them twice."""

from redis.asyncio import Redis

from service.store import keys
from service.store.connection import reply


async def load_learnt(redis: Redis) -> dict[str, bytes]:
    """Returns all facts by the model's name."""
    stored = await reply(redis.hgetall(keys.CAPABILITIES))
    return {model.decode(): known for model, known in stored.items()}


async def save_learnt(redis: Redis, model: str, known: bytes) -> None:
    """Stores the facts about one model."""
    await reply(redis.hset(keys.CAPABILITIES, mapping={model: known}))
