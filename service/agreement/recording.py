"""Stores finished judgments and counts them, each exactly once, many in one round trip.

The increments of the counters are computed here from the items as they are known, and the store applies them if the
items have not changed. Nearly all items are judged once, so the first attempt reads nothing and assumes new items. An
item that turns out to be known already comes back with its fields, and its judgment is computed again.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from redis.asyncio import Redis

from service.agreement.evidence import Evidence
from service.agreement.item_changes import Judged, with_judgment
from service.agreement.queue_places import queue_moves
from service.agreement.series_names import split_series
from service.agreement.stored_items import FRESH, KnownItem, item_write, known_item
from service.contracts.anchors import AnchorScore
from service.contracts.jobs import JobRecord
from service.contracts.judgments import Judgment
from service.contracts.names import quoted
from service.store import clock, groups, keys
from service.store.anchors import anchor_entry
from service.store.changes import KEPT, ONCE, Change, JobState, apply_changes
from service.store.errors import BusyError, StoreUnavailableError
from service.store.finishing import anchor_metrics, chunk_of, judgment_metrics, judgment_result
from service.store.groups import GroupMember
from service.store.items import judgment_ref, new_revision

logger = logging.getLogger(__name__)

MOST_JUDGMENTS_OF_AN_ITEM = 1000  # the newest: each further judgment of the item reads the places of all of them
MAX_ATTEMPTS = 20  # an attempt fails only if another process changed the same item within about a millisecond
_RETRY_S = 0.5
_APART_S = 0.02  # between the starts of two writes: each costs as much as some twenty judgments in it
_MANY = 8  # judgments in a write: after fewer, the next one comes the sooner,
_REST = 2  # but not before so many times that the last one took: a busy store gets fewer
_MAX_AT_ONCE = 256  # judgments in one script call, which may take some milliseconds

_MAX_CHARACTERS = 8_000_000  # of answers in one script call

_Known = dict[tuple[str, str], KnownItem]  # by item id and criterion


class Finished(NamedTuple):
    """A judgment, its position in its job, and how long it waited in the queue before it started, if it did.

    `kept` has the cache key and the place (`cache.cache_place`) of each vote that may be served again. `evidence` is
    the judgment's part in the counters of agreement, None if it is not counted. `anchor` has the scores of an anchor,
    None for other judgments and without a score.
    """

    record: JobRecord
    position: int
    judgment: Judgment
    queue_wait_s: float = 0.0
    kept: Sequence[tuple[str, str]] = ()
    evidence: Evidence | None = None
    anchor: AnchorScore | None = None


class Finisher:
    """Group commit: judgments that finish during a write, or shortly after its start, go into the next one.

    The more of them a write had, the later the next one starts, after 20 ms at most: where few end, none waits long. If
    no other is to follow, none waits.

    `finish` returns once the judgment is stored, however long Redis is unavailable, so that no paid answer is lost. A
    judgment that is stored already stays as it is, and is not counted again.
    """

    def __init__(self, redis: Redis, *, keep_s: int) -> None:
        self._redis = redis
        self._keep_s = keep_s
        self._waiting: list[tuple[Finished, asyncio.Future[JobState]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._next_at = 0.0  # the earliest start of the next write, on the monotonic clock
        self._is_last = asyncio.Event()  # the judgment that finished now

    async def finish(self, finished: Finished, *, is_last: bool = False) -> JobState:
        """Stores a judgment and returns the state of its job. `is_last` if no other is likely to follow soon."""
        if is_last:
            self._is_last.set()
        done: asyncio.Future[JobState] = asyncio.get_running_loop().create_future()
        self._waiting.append((finished, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await done

    async def _write(self) -> None:
        while self._waiting:
            early_s = self._next_at - time.monotonic()
            if early_s > 0 and len(self._waiting) < _MAX_AT_ONCE:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(early_s):
                        await self._is_last.wait()
            self._is_last.clear()
            began = time.monotonic()
            count = _batch_size([each.judgment for each, _ in self._waiting])
            batch, self._waiting = self._waiting[:count], self._waiting[count:]
            await self._write_batch(batch)
            took_s = time.monotonic() - began
            self._next_at = began + min(max(_APART_S * count / _MANY, _REST * took_s), _APART_S)

    async def _write_batch(self, batch: "list[tuple[Finished, asyncio.Future[JobState]]]") -> None:
        try:
            states = await self._recorded([each for each, _ in batch])
        except Exception as error:
            if len(batch) > 1:  # one bad judgment must not harm the others
                for one in batch:
                    await self._write_batch([one])
                return
            _end(batch[0][1], error)
            return
        for each, done in batch:
            _end(done, states[each.record.id])

    async def _recorded(self, batch: list[Finished]) -> dict[str, JobState]:
        while True:
            try:
                return await record_judgments(self._redis, batch, keep_s=self._keep_s)
            except (StoreUnavailableError, BusyError) as error:
                logger.warning("%d judgments wait to be stored: %s", len(batch), error)
                await asyncio.sleep(_RETRY_S)


def _end(done: "asyncio.Future[JobState]", outcome: JobState | Exception) -> None:
    if done.done():  # cancelled meanwhile
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)


def _batch_size(judgments: Sequence[Judgment]) -> int:
    """Returns how many of the judgments to store in one script call, at least one."""
    size = 0
    for count, judgment in enumerate(judgments[:_MAX_AT_ONCE]):
        size += sum(len(vote.raw_text or "") + len(vote.explanation or "") for vote in judgment.votes)
        if size > _MAX_CHARACTERS and count:
            return count
    return min(len(judgments), _MAX_AT_ONCE)


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
    judge = record.judge_at(position)
    if record.purpose == "battle":  # counted with the vote: metrics would tell which models were drawn
        return Change(result)
    if record.anchors_of is None:
        return Change(result, None, judgment_metrics(judge, judgment, finished.queue_wait_s))
    change = Change(result, None, anchor_metrics(judge, judgment))
    if finished.anchor is None:
        return change
    at_ms = int(judgment.finished_at.timestamp() * 1000)
    return change._replace(ranked=[anchor_entry(record.anchors_of, finished.anchor, at_ms)])


def _with_item(change: Change, finished: Finished, known: _Known, keep_s: int) -> Change:
    """Returns the whole change, and leaves in `known` the item as it will be: the next judgment of it starts there."""
    record, position, evidence, judgment = finished.record, finished.position, finished.evidence, finished.judgment
    if evidence is None:
        return change
    at_ms = int(judgment.finished_at.timestamp() * 1000)
    place = _place(finished)
    before = known.get(place, FRESH)
    content = before.content or evidence.content
    judged = with_judgment(before.item, evidence, newest_content=content, at_ms=at_ms, cached=judgment.cached)
    moves = queue_moves(judgment.item_id, evidence.criterion, before.item, judged.item)
    revision = new_revision()
    known[place] = KnownItem(judged.item, content, revision, before.refs)
    write = item_write(
        judgment.item_id,
        evidence.criterion,
        before,
        judged.item,
        revision,
        judged.increments,
        first_content=evidence.content,
        refs=[(judgment_ref(record.id, chunk_of(record, position), position), str(at_ms))],
        expired_refs=surplus_refs(before.refs, clock.now_ms() - keep_s * 1000) if before.refs else [],
    )
    ranked = [
        *_index_entries(evidence, judged, at_ms),
        *moves.ranked,
        *_group_entries(judgment.item_id, evidence, at_ms),
    ]
    return Change(change.result, write, change.metrics, ranked, unranked=moves.unranked)


def surplus_refs(refs: Mapping[str, int], oldest_ms: int) -> list[str]:
    """Returns the places of judgments to remove from an item that gets another one: those that ended before `oldest_ms`
    (milliseconds since the epoch), and the oldest past the maximum.
    """
    kept = sorted((ended_ms, ref) for ref, ended_ms in refs.items() if ended_ms >= oldest_ms)
    past = max(len(kept) - MOST_JUDGMENTS_OF_AN_ITEM + 1, 0)
    return [*(ref for ref, ended_ms in refs.items() if ended_ms < oldest_ms), *(ref for _, ref in kept[:past])]


def _index_entries(evidence: Evidence, judged: Judged, at_ms: int) -> list[tuple[str, int, str, str]]:
    """Returns the entries of the series, of served models, and of the pairs of series that scored the same content.

    A series that did not answer has no time, so that a call that failed is not the newest of the served models.
    """
    criterion, at = evidence.criterion, str(at_ms)
    entries = [
        (key, most, at, member)
        for name in evidence.answered
        for key, most, member in _entries_of_series(criterion, name)
    ]
    silent = {name for name, _ in evidence.events}.difference(evidence.answered)
    entries += [(keys.SERIES, ONCE, "0", f"{quoted(criterion)}\t{name}") for name in silent]
    for (first, second), met_ms in judged.met.items():
        entries.append((keys.MET, 0, str(met_ms), f"{quoted(criterion)}\t{first}\t{second}"))
    return entries


@lru_cache(maxsize=4096)
def _entries_of_series(criterion: str, series: str) -> tuple[tuple[str, int, str], ...]:
    """Returns the entries of a series that answered, without their time: (zset, maximum or its place, member)."""
    words = split_series(series)
    known = (keys.SERIES, 0, f"{quoted(criterion)}\t{series}")
    if not words.served:
        return (known,)
    return known, (keys.served_by(criterion, words.token, words.model), ONCE, words.served)


def _group_entries(item_id: str, evidence: Evidence, at_ms: int) -> list[tuple[str, int, str, str]]:
    """Returns the entries of the item's group: none for an item without one."""
    if not evidence.group:
        return []
    member = groups.member_of(GroupMember(evidence.case, evidence.content, item_id))
    return [
        (keys.groups(evidence.criterion), KEPT, str(at_ms), evidence.group),
        (keys.group(evidence.criterion, evidence.group), KEPT, str(at_ms), member),
    ]
