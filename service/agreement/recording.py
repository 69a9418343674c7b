"""Stores finished judgments and counts them, each exactly once, many in one round trip.

The increments of the counters are computed here from the items as they are known, and the store applies them if the
items have not changed. Nearly all items are judged once, so the first attempt reads nothing and assumes new items. An
item that turns out to be known already comes back with its fields, and its judgment is computed again.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from service.agreement.contributions import CodedItem
from service.agreement.evidence import Evidence
from service.agreement.item_changes import Judged, with_judgment
from service.agreement.stored_items import FRESH, KnownItem, item_write, known_item, new_revision
from service.contracts.jobs import JobRecord
from service.contracts.judgments import Judgment
from service.contracts.outcomes import Outcome
from service.contracts.quoting import quoted
from service.store import clock, keys, label_queue
from service.store.changes import MAX_WAITING, Change, JobState, apply_changes
from service.store.errors import BusyError, StoreUnavailableError
from service.store.finishing import chunk_of, judgment_metrics, judgment_result
from service.store.items import judgment_ref

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 20  # an attempt fails only if another process changed the same item within about a millisecond
_RETRY_S = 0.5
_MAX_AT_ONCE = 256  # judgments in one script call, which may take some milliseconds

_Known = dict[tuple[str, str], KnownItem]  # by item id and criterion


class Finished(NamedTuple):
    """A judgment, its position in its job, and how long it waited in the queue before it started.

    `kept` has the cache key and the place (`cache.cache_place`) of each vote that may be served again. `evidence` is
    the judgment's part in the counters of agreement, None if it is not counted.
    """

    record: JobRecord
    position: int
    judgment: Judgment
    queue_wait_s: float
    kept: Sequence[tuple[str, str]] = ()
    evidence: Evidence | None = None


class Finisher:
    """Group commit: judgments that finish during a write go into the next one.

    `finish` returns once the judgment is stored, however long Redis is unavailable, so that no paid answer is lost. A
    judgment that is stored already stays as it is, and is not counted again.
    """

    def __init__(self, redis: Redis, *, keep_s: int) -> None:
        self._redis = redis
        self._keep_s = keep_s
        self._waiting: list[tuple[Finished, asyncio.Future[JobState]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def finish(self, finished: Finished) -> JobState:
        """Stores a judgment and returns the state of its job."""
        done: asyncio.Future[JobState] = asyncio.get_running_loop().create_future()
        self._waiting.append((finished, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await done

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MAX_AT_ONCE], self._waiting[_MAX_AT_ONCE:]
            try:
                states = await self._recorded([each for each, _ in batch])
            except Exception as error:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
                continue
            for each, done in batch:
                if not done.done():
                    done.set_result(states[each.record.id])

    async def _recorded(self, batch: list[Finished]) -> dict[str, JobState]:
        while True:
            try:
                return await record_judgments(self._redis, batch, keep_s=self._keep_s)
            except (StoreUnavailableError, BusyError) as error:
                logger.warning("%d judgments wait to be stored: %s", len(batch), error)
                await asyncio.sleep(_RETRY_S)


async def record_judgments(redis: Redis, batch: Sequence[Finished], *, keep_s: int) -> dict[str, JobState]:
    """Stores judgments with all their counts and returns the state of each job, by its id.

    The judgments of items that nobody changes meanwhile are stored in one atomic step. A judgment and its counts are
    always stored together. Raises BusyError if an item changed at each of several attempts; a repeat stores the rest.
    """
    states: dict[str, JobState] = {}
    known: _Known = {}
    left = [(finished, _without_item(finished)) for finished in batch]
    for _ in range(MAX_ATTEMPTS):
        chained = dict(known)
        changes = [_with_item(change, finished, chained, keep_s) for finished, change in left]
        applied = await apply_changes(redis, changes, keep_s=keep_s)
        states |= applied.jobs
        if not applied.moved:
            return states
        for index, stored in applied.moved.items():
            item_id, criterion = _place(left[index][0])
            known[item_id, criterion] = known_item(stored, criterion)
        left = [left[index] for index in sorted(applied.moved)]
    raise BusyError(f"{len(left)} judgments can't be counted: their items change all the time")


def _place(finished: Finished) -> tuple[str, str]:
    return finished.judgment.item_id, finished.judgment.criterion


def _without_item(finished: Finished) -> Change:
    """Returns the part of the change that does not depend on the item."""
    record, position, judgment = finished.record, finished.position, finished.judgment
    result = judgment_result(record, position, judgment, finished.kept)
    return Change(result, None, judgment_metrics(record.judge_at(position), judgment, finished.queue_wait_s))


def _with_item(change: Change, finished: Finished, known: _Known, keep_s: int) -> Change:
    """Returns the whole change, and leaves in `known` the item as it will be: the next judgment of it starts there."""
    evidence, judgment = finished.evidence, finished.judgment
    if evidence is None:
        return change
    at_ms = int(judgment.finished_at.timestamp() * 1000)
    place = _place(finished)
    before = known.get(place, FRESH)
    content = before.content or evidence.content
    judged = with_judgment(before.item, evidence, newest_content=content, at_ms=at_ms, cached=judgment.cached)
    revision = new_revision()
    known[place] = KnownItem(judged.item, content, revision, before.refs)
    write = item_write(judgment.item_id, evidence.criterion, before, judged.item, revision, judged.increments)
    return change._replace(
        item=write._replace(first_content=evidence.content, **_refs(finished, before, at_ms, keep_s)),
        ranked=[*_index_entries(evidence, judged, at_ms), *_queue_entries(judgment, evidence, judged.item)],
    )


def _refs(finished: Finished, before: KnownItem, at_ms: int, keep_s: int) -> dict[str, Any]:
    """Returns the place of the judgment to add to its item, and those to remove as their judgments have expired."""
    record, position = finished.record, finished.position
    oldest_ms = clock.now_ms() - keep_s * 1000
    return {
        "refs": [(judgment_ref(record.id, chunk_of(record, position), position), str(at_ms))],
        "expired_refs": [ref for ref, ended_ms in before.refs.items() if ended_ms < oldest_ms],
    }


def _index_entries(evidence: Evidence, judged: Judged, at_ms: int) -> list[tuple[str, int, str, str]]:
    """Returns the entries of the series, and of the pairs of series that scored the same content."""
    criterion = quoted(evidence.criterion)
    series = dict.fromkeys(name for name, _ in evidence.events)
    return [
        *((keys.SERIES, 0, str(at_ms), f"{criterion}\t{name}") for name in series),
        *(
            (keys.MET, 0, str(met_ms), f"{criterion}\t{first}\t{second}")
            for (first, second), met_ms in judged.met.items()
        ),
    ]


def _queue_entries(judgment: Judgment, evidence: Evidence, item: CodedItem) -> list[tuple[str, int, str, str]]:
    """Returns the entries of the label queue: none for an item that is labelled or was not answered."""
    if item.labels or judgment.outcome not in (Outcome.SCORED, Outcome.UNSCORED):
        return []
    random, targeted = label_queue.places(evidence.criterion, judgment.item_id, evidence.doubt)
    return [
        (keys.label_queue(half, evidence.criterion), MAX_WAITING, repr(place), judgment.item_id)
        for half, place in (("random", random), ("targeted", targeted))
        if place is not None
    ]
