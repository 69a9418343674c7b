"""Requests that are repeated with their Idempotency-Key after what they were made from has changed."""

from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from service.contracts.jobs import JobRecord
from service.jobs.intake import Caller
from service.store import jobs
from service.store.idempotency import known_request


async def job_of_repeat(
    redis: Redis, caller: Caller, fingerprint: str | Callable[[], Awaitable[str]]
) -> JobRecord | None:
    """Returns the job that the same request made before, None if there is none, or the key was for another request.

    For a request that is refused by now, for instance since its judge was retired: its first answer stays the answer.
    A `fingerprint` that takes the rest of an upload to know is a function, called only if the key is known.
    """
    if caller.idempotency_key is None:
        return None
    known = await known_request(redis, caller.owner, caller.idempotency_key)
    if known is None:
        return None
    if known.fingerprint != (fingerprint if isinstance(fingerprint, str) else await fingerprint()):
        return None
    found = await jobs.load_job(redis, known.job_id)
    return None if found is None else found[0]
