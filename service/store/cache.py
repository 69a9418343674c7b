"""Votes that were paid for once: the same prompt is not put to the same model again.

A cached vote is a pointer to the judgment that has it. While a worker asks for a vote it holds a lease on its key;
the lease of a worker that died counts for nothing.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from hashlib import sha256
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.contracts.judgments import Vote
from service.store import keys
from service.store.connection import Script

_LEASE_S = 24 * 3600  # far longer than any call: a lease ends by its worker's death

_begin = Script("cache_begin")
_release = Script("cache_release")


class Lease(Enum):
    """The worker that asks for a vote which is not stored yet: this one from now on, this one already, another."""

    MINE = "mine"
    OURS = "ours"
    THEIRS = "theirs"


class _Votes(msgspec.Struct):
    votes: list[Vote]


_decoder = msgspec.json.Decoder(_Votes)


class CacheKey(NamedTuple):
    """The key of a vote in the store, and the model that is asked for it."""

    key: str
    model: str


def cache_key(model: str, content: bytes) -> CacheKey:
    """Returns the key of a vote of a model; `content` is everything else that the vote depends on."""
    return CacheKey(keys.cached_vote(sha256(model.encode() + b"\n" + content).hexdigest()[:40]), model)


def cache_place(index: int, vote: Vote) -> str:
    """Returns the place of a vote for its entry in the cache: its index in the judgment, and its served model."""
    return f"{index}|{vote.served_model or ''}"


async def lease_votes(redis: Redis, worker_id: str, wanted: Sequence[CacheKey]) -> list[Vote | Lease]:
    """Returns, for each key, the stored vote, or who holds the lease to ask for it."""
    if not wanted:
        return []
    answer = await _begin(
        redis,
        [keys.WORKERS, keys.SERVED_MODELS, *(each.key for each in wanted)],
        [worker_id, _LEASE_S, *(each.model for each in wanted)],
    )
    return [_found(*each) for each in answer]


async def release_votes(redis: Redis, worker_id: str, held: Iterable[CacheKey]) -> None:
    """Gives up this worker's leases among `held`."""
    names = [each.key for each in held]
    if names:
        await _release(redis, names, [worker_id])


def _found(state: bytes, judgment: bytes = b"", index: bytes = b"0") -> Vote | Lease:
    if state != b"known":
        return Lease(state.decode())
    return as_cached(_decoder.decode(judgment).votes[int(index)])


def as_cached(vote: Vote) -> Vote:
    """Returns a vote as it is served again: it took no call and cost nothing."""
    return msgspec.structs.replace(
        vote, cached=True, asks=0, attempts=0, latency_seconds=0.0, input_tokens=0, output_tokens=0, cost_usd=0.0
    )
