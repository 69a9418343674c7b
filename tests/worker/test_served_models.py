"""Which model answers under a name."""

from redis.asyncio import Redis

from service.store import counters, keys
from worker.served_models import ServedModels

MODEL = "openai/m"


async def changes(redis: Redis) -> float:
    family = next(each for each in await counters.metric_families(redis, "") if each.name == "served_model_changes")
    return sum(sample.value for sample in family.samples)


async def test_a_change_is_noted_and_counted_once_for_all_workers(redis: Redis) -> None:
    one, other = ServedModels(redis), ServedModels(redis)
    await one.note(MODEL, "m-1")
    await other.note(MODEL, "m-1")
    assert await changes(redis) == 0
    for each in (one, other, one):
        await each.note(MODEL, "m-2")
    assert await redis.hget(keys.SERVED_MODELS, MODEL) == b"m-2"  # type: ignore[misc]
    assert await changes(redis) == 1
