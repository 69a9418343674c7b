"""Requests that were sent with an Idempotency-Key. `commit.lua` notes them with their jobs."""

from typing import NamedTuple

from redis.asyncio import Redis

from service.store import keys
from service.store.connection import reply


class Idempotency(NamedTuple):
    """`key_digest` is the digest of the caller's Idempotency-Key, `fingerprint` that of the request."""

    caller: str
    key_digest: str
    fingerprint: str


class KnownRequest(NamedTuple):
    """The fingerprint of a request with an Idempotency-Key, and the job that it made."""

    fingerprint: str
    job_id: str


async def known_request(redis: Redis, caller: str, key_digest: str) -> KnownRequest | None:
    """Returns the request of the caller that made a job with this Idempotency-Key, None if none did."""
    known = await reply(redis.hmget(keys.idempotency(caller, key_digest), ["fingerprint", "job"]))
    return KnownRequest(*(each.decode() for each in known)) if all(known) else None
