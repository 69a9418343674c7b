"""Finished judgments in the order of items, as the JSON that is stored."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.contracts.jobs import JobRecord
from service.contracts.outcomes import Outcome
from service.store import keys
from service.store.connection import pipeline, reply
from service.store.items import load_item, refs_in


class PlacedJudgment(NamedTuple):
    """A judgment's JSON and its position in the job."""

    position: int
    judgment: msgspec.Raw


class _OutcomeOnly(msgspec.Struct):
    outcome: Outcome


async def judgments_in_order(
    redis: Redis, record: JobRecord, *, start: int = 0, outcome: Outcome | None = None
) -> AsyncIterator[PlacedJudgment]:
    """Yields the judgments that are done, from position `start` on, of one outcome if it is given."""
    in_chunk = record.chunk_items * len(record.judges)
    for chunk in range(start // in_chunk, record.chunks):
        stored = await reply(redis.hgetall(keys.chunk_results(record.id, chunk)))
        for position, judgment in sorted((int(field), value) for field, value in stored.items()):
            if position >= start and (outcome is None or _outcome(judgment) is outcome):
                yield PlacedJudgment(position, msgspec.Raw(judgment))


async def page_of_judgments(
    redis: Redis, record: JobRecord, *, start: int, limit: int, outcome: Outcome | None
) -> tuple[list[msgspec.Raw], int | None]:
    """Returns at most `limit` judgments, and the position that the next page starts at, None at the end."""
    shown: list[msgspec.Raw] = []
    async for placed in judgments_in_order(redis, record, start=start, outcome=outcome):
        if len(shown) == limit:
            return shown, placed.position
        shown.append(placed.judgment)
    return shown, None


async def judgments_of_item(redis: Redis, item_id: str) -> list[msgspec.Raw]:
    """Returns all judgments of an item that have not expired, the newest last."""
    places = refs_in(await load_item(redis, item_id))
    async with pipeline(redis) as pipe:
        for job_id, chunk, position in places:
            pipe.hget(keys.chunk_results(job_id, chunk), position)
        found = await pipe.execute()
    return [msgspec.Raw(judgment) for judgment in found if judgment is not None]


def _outcome(judgment: bytes) -> Outcome:
    return msgspec.json.decode(judgment, type=_OutcomeOnly).outcome
