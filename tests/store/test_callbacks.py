"""The delivery of a callback is noted in its job, and never makes one."""

from redis.asyncio import Redis

from service.contracts.jobs import JobCallback
from service.store import jobs, keys
from service.store.callbacks import note_callback_attempt, note_callback_end
from tests.store.made import committed


async def test_attempts_and_the_newest_error_are_kept(redis: Redis) -> None:
    record = await committed(redis, 1, callback_url="https://hooks.example/")
    assert [await note_callback_attempt(redis, record.id) for _ in range(2)] == [1, 2]
    await note_callback_end(redis, record.id, "pending", "status 500")
    found = await jobs.load_job(redis, record.id)
    assert found is not None
    assert found[1].callback == JobCallback(status="pending", attempts=2, last_error="status 500")
    await note_callback_end(redis, record.id, "delivered", None)
    found = await jobs.load_job(redis, record.id)
    assert found is not None
    assert found[1].callback == JobCallback(status="delivered", attempts=2, last_error=None)


async def test_a_job_that_has_expired_stays_away(redis: Redis) -> None:
    assert await note_callback_attempt(redis, "job_0") == 0
    await note_callback_end(redis, "job_0", "failed", "status 500")
    assert not await redis.exists(keys.job("job_0"))
