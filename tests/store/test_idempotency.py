"""A request with an Idempotency-Key is known with its job."""

from redis.asyncio import Redis

from service.store import jobs
from service.store.idempotency import Idempotency, KnownRequest, known_request
from tests.store.made import record_of, staged


async def test_a_request_that_made_a_job_is_known_to_its_caller_alone(redis: Redis) -> None:
    record = record_of(1)
    await staged(redis, record)
    assert await known_request(redis, "me", "k") is None
    await jobs.commit_job(redis, record, Idempotency("me", "k", "fingerprint"), 1)
    assert await known_request(redis, "me", "k") == KnownRequest("fingerprint", record.id)
    assert await known_request(redis, "you", "k") is None
