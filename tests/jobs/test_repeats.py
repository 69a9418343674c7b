"""A request that is refused by now finds the job that it made before."""

from redis.asyncio import Redis

from service.jobs import Caller, job_of_repeat
from service.store import jobs, keys
from service.store.idempotency import Idempotency
from tests.store.made import record_of, staged

ME = Caller("me", "k")


async def test_the_same_request_finds_its_job_and_no_other_does(redis: Redis) -> None:
    record = record_of(1)
    await staged(redis, record)
    await jobs.commit_job(redis, record, Idempotency("me", "k", "fingerprint"), 1)
    assert await job_of_repeat(redis, ME, "fingerprint") == record
    assert await job_of_repeat(redis, ME, "another") is None
    assert await job_of_repeat(redis, Caller("you", "k"), "fingerprint") is None
    assert await job_of_repeat(redis, Caller("me", None), "fingerprint") is None
    await redis.delete(keys.job(record.id))
    assert await job_of_repeat(redis, ME, "fingerprint") is None


async def test_the_rest_of_an_upload_is_read_only_if_the_key_is_known(redis: Redis) -> None:
    reads = []

    async def fingerprint() -> str:
        reads.append("read")
        return "fingerprint"

    assert (await job_of_repeat(redis, ME, fingerprint), reads) == (None, [])
    record = record_of(1)
    await staged(redis, record)
    await jobs.commit_job(redis, record, Idempotency("me", "k", "fingerprint"), 1)
    assert (await job_of_repeat(redis, ME, fingerprint), reads) == (record, ["read"])
