"""Votes that were paid for once: the same prompt is not put to the same model again.

A cached vote is a pointer to the judgment that has it. While a worker asks for a vote it holds a lease on its key.
The lease is short and renewed, so that it ends if its holder forgets it or the store loses the end of it; the lease of
a worker that died counts for nothing.
"""

import logging
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.contracts.judgments import Vote
from service.store import keys
from service.store.connection import Script
from service.store.errors import UnreadableRecordError
from service.store.packing import Packing
from service.store.records import from_json

_log = logging.getLogger(__name__)

VOTE_LEASE_S = 30
RENEW_VOTES_S = 10.0

_DIGEST_BYTES = 20  # so that nobody finds two questions with the same one

_begin = Script("outages", "cache_begin")
_renew = Script("cache_renew")
_release = Script("cache_release")


class _Votes(msgspec.Struct):
    votes: list[Vote]


class CacheKey(NamedTuple):
    """The key of a vote in the store, and the model that is asked for it."""

    key: str
    model: str


def cache_key(model: str, content: bytes, packing: Packing) -> CacheKey:
    """Returns the key of a vote of a model; `content` is everything else that the vote depends on."""
    digest = sha256(model.encode() + b"\n" + content).digest()[:_DIGEST_BYTES]
    short = urlsafe_b64encode(digest).rstrip(b"=").decode()
    return CacheKey(keys.cached_vote(short if packing >= Packing.VOTES else digest.hex()), model)


def cache_place(index: int, vote: Vote) -> str:
    """Returns the place of a vote in its judgment: its index, and its served model."""
    return f"{index}|{vote.served_model or ''}"


def stored_place(job_id: str, chunk: int, position: int, packing: Packing) -> str:
    """Returns the place of a judgment, with which the cache's entries of its votes begin; `cache_place` follows."""
    is_short = packing >= Packing.STATES
    return f"@{job_id}|{chunk}|{position}|" if is_short else f"={keys.chunk_results(job_id, chunk)}|{position}|"


class WantedVote(NamedTuple):
    """A vote that a judgment wants. If `freely`, it is asked for without a lease, and whoever else asks for it."""

    key: CacheKey
    freely: bool = False


async def lease_votes(
    redis: Redis, worker_id: str, judgments: Sequence[Sequence[WantedVote]]
) -> list[list[Vote | None] | None]:
    """Returns, for each judgment, its votes: None in place of a vote that the caller has to ask for.

    None in place of a judgment means that it has to wait, since another worker asks for one of its votes: no lease was
    taken for it. A lease that this worker holds already is given again.
    """
    if not any(judgments):
        return [[] for _ in judgments]
    wanted = [[(*each.key, each.freely) for each in votes] for votes in judgments]
    answer = await _begin(
        redis,
        [keys.WORKERS, keys.OUTAGE, keys.SERVED_MODELS],
        [worker_id, VOTE_LEASE_S, msgspec.msgpack.encode(wanted), keys.job_results("%s")],
    )
    return [
        None if states is None else [_known_vote(state[1], int(state[2])) if state else None for state in states]
        for states in answer
    ]


def _known_vote(judgment: bytes, index: int) -> Vote | None:
    """Returns the vote as it is served again, None if the stored judgment can't be read by this version."""
    try:
        return as_cached(from_json(judgment, _Votes, "it").votes[index])
    except (UnreadableRecordError, IndexError) as error:
        _log.warning("a cached vote can't be read, asking again: %s", error)
        return None


async def renew_votes(redis: Redis, worker_id: str, held: Iterable[CacheKey]) -> None:
    """Renews this worker's leases on `held`."""
    names = [each.key for each in held]
    if names:
        await _renew(redis, names, [worker_id, VOTE_LEASE_S])


async def release_votes(redis: Redis, worker_id: str, held: Iterable[CacheKey]) -> None:
    """Gives up this worker's leases among `held`."""
    names = [each.key for each in held]
    if names:
        await _release(redis, names, [worker_id])


def as_cached(vote: Vote) -> Vote:
    """Returns a vote as it is served again: it took no call and cost nothing."""
    return msgspec.structs.replace(
        vote, cached=True, asks=0, attempts=0, latency_seconds=0.0, input_tokens=0, output_tokens=0, cost_usd=0.0
    )
