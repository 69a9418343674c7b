"""What workers learnt of each model's server, so that one learns for all and none learns twice."""

from redis.asyncio import Redis

from service.store import keys
from service.store.connection import reply


async def load_learnt(redis: Redis) -> dict[str, bytes]:
    """All that is known, by the model's name."""
    stored = await reply(redis.hgetall(keys.CAPABILITIES))
    return {model.decode(): known for model, known in stored.items()}


async def save_learnt(redis: Redis, model: str, known: bytes) -> None:
    """Keeps what is known of one model."""
    await reply(redis.hset(keys.CAPABILITIES, mapping={model: known}))
