"""Serves votes that were paid for before, and lets only one judgment at a time ask for a new one.

A judgment takes the leases on all of its votes at once, or none of them. While another judgment has one of them it
waits and holds nothing: no lease, no call, and after a moment no place of the worker either.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Collection, Iterable, Sequence

import msgspec
from redis.asyncio import Redis

from service.contracts.judges import Judge, ResolvedJudge
from service.contracts.judgments import Ballot, Vote
from service.contracts.outcomes import Outcome
from service.judging.ballots import Questions, ballots
from service.judging.questions import Question
from service.judging.templates import TemplateError
from service.store import cache
from service.store.cache import RENEW_VOTES_S, CacheKey, WantedVote, cache_place
from service.store.errors import StoreError
from service.store.packing import Packing
from service.store.queue_leases import RENEW_AGAIN_S
from worker.asking import NotStarted
from worker.limits import ItemGate

_log = logging.getLogger(__name__)

_READ_BY = ("method", "criterion", "answer_key", "scale", "choices", "score_from", "output")
_FAILED_S = 60.0  # how long equal items do not wait for each other after one of them got no score
_MOST_NOTED = 10_000
_LOOK_S = 0.2  # how often to look whether another worker has the vote by now
_PATIENCE_S = 0.5  # a judgment that waits longer goes back to the queue, unless its chunk is at work anyway
_LEAST_ABSENCE_S = 1.0
_LONGEST_ABSENCE_S = 10.0
_AT_ONCE = 1_000  # leases in one round trip


class HeldVotes:
    """The votes of one judgment: those that are `known`, and the leases that it has on others."""

    def __init__(self, known: dict[CacheKey, Vote], leased: Collection[CacheKey] = ()) -> None:
        self.known = known
        self.leased = frozenset(leased)


class VoteCache:
    """One worker's view of the cache in the store."""

    def __init__(self, redis: Redis, worker_id: str) -> None:
        self._redis = redis
        self._worker_id = worker_id
        self._asking: dict[CacheKey, asyncio.Event] = {}  # votes that this worker asks for; set when that is over
        self._left: set[CacheKey] = set()  # leases that could not be given up, because the store was away
        self._failed: dict[CacheKey, float] = {}  # when a vote was asked for in vain, on the monotonic clock
        self._waited: dict[CacheKey, float] = {}  # since when judgments wait for a vote, on the monotonic clock

    async def take(self, judgments: Sequence[Sequence[CacheKey]]) -> list[HeldVotes | None]:
        """Returns, for each judgment, its known votes with leases on all others; None if it has to wait.

        Takes one round trip for all of them.
        """
        taken: dict[int, list[WantedVote]] = {}
        for number, wanted in enumerate(judgments):
            votes = [WantedVote(key, self._has_failed(key)) for key in wanted]
            if not any(each.key in self._asking for each in votes if not each.freely):
                taken[number] = votes
                self._asking.update((each.key, asyncio.Event()) for each in votes if not each.freely)
        reserved = {each.key for votes in taken.values() for each in votes if not each.freely}
        try:
            found = await cache.lease_votes(self._redis, self._worker_id, list(taken.values()))
        except BaseException:
            self._left |= reserved  # the store may have given some of them
            self._forget(reserved)
            raise
        held: list[HeldVotes | None] = [None] * len(judgments)
        for (number, votes), answer in zip(taken.items(), found, strict=True):
            held[number] = self._held(votes, answer)
        return held

    def _held(self, votes: Sequence[WantedVote], answer: Sequence[Vote | None] | None) -> HeldVotes | None:
        reserved = {each.key for each in votes if not each.freely}
        if answer is None:
            self._forget(reserved)
            return None
        known = {each.key: vote for each, vote in zip(votes, answer, strict=True) if vote is not None}
        self._forget(reserved & known.keys())
        return HeldVotes(known, reserved - known.keys())

    async def wait(self, wanted: Sequence[CacheKey]) -> None:
        """Waits until the votes may be there, at most 0.2 s."""
        asking = next((self._asking[key] for key in wanted if key in self._asking), None)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await (asking.wait() if asking else asyncio.sleep(_LOOK_S))

    def absence_s(self, wanted: Sequence[CacheKey]) -> float:
        """Returns for how long a judgment that waits should go away: the longer others have waited, the longer."""
        if len(self._waited) > _MOST_NOTED:
            self._waited.clear()
        now = time.monotonic()
        since = min(self._waited.setdefault(key, now) for key in wanted)
        longest = min(max((now - since) / 2, _LEAST_ABSENCE_S), _LONGEST_ABSENCE_S)
        return longest * (1 + random.random()) / 2

    async def end(self, leased: Collection[CacheKey], stored: Collection[CacheKey] = (), *, failed: bool) -> None:
        """Ends a judgment's leases; `stored` are those whose votes are in the cache now. Raises no StoreError.

        `failed` says that the others were asked for in vain: equal judgments then ask side by side, not one after the
        other.
        """
        others = set(leased).difference(stored)
        if not others:
            self._forget(leased)
            return
        if failed:
            self._note_failures(others)
        self._forget(set(leased) - others)
        await self._give_up(others)

    async def keep_leasing(self) -> None:
        """Runs for ever: renews the leases on the votes that are asked for, and gives up those that were left."""
        wait_s = RENEW_VOTES_S
        while True:
            await asyncio.sleep(wait_s)
            asked = list(self._asking)
            try:
                for start in range(0, len(asked), _AT_ONCE):
                    still = [key for key in asked[start : start + _AT_ONCE] if key in self._asking]
                    await cache.renew_votes(self._redis, self._worker_id, still)
            except StoreError as error:
                wait_s = RENEW_AGAIN_S
                _log.warning("leases on votes can't be renewed: %s", error)
            else:
                wait_s = RENEW_VOTES_S
                await self._give_up_left()

    async def _give_up_left(self) -> None:
        left, self._left = self._left.difference(self._asking), set()
        self._asking.update((key, asyncio.Event()) for key in left)  # nobody takes one of them meanwhile
        await self._give_up(left)

    async def _give_up(self, leased: Collection[CacheKey]) -> None:
        """Ends leases in the store, later if it is away, and in any case in this worker."""
        try:
            await cache.release_votes(self._redis, self._worker_id, leased)
        except StoreError as error:
            self._left.update(leased)
            _log.warning("leases on votes can't be given up yet: %s", error)
        except BaseException:
            self._left.update(leased)
            raise
        finally:
            self._forget(leased)

    def _forget(self, keys: Iterable[CacheKey]) -> None:
        for key in keys:
            self._waited.pop(key, None)
            if asking := self._asking.pop(key, None):
                asking.set()

    def _note_failures(self, keys: Iterable[CacheKey]) -> None:
        if len(self._failed) > _MOST_NOTED:
            self._failed.clear()
        self._failed.update(dict.fromkeys(keys, time.monotonic()))

    def _has_failed(self, key: CacheKey) -> bool:
        return time.monotonic() - self._failed.get(key, -_FAILED_S) < _FAILED_S


class ChunkVotes:
    """The cached votes of the judgments of one chunk, each with the keys of its votes."""

    def __init__(self, votes: VoteCache, judgments: Sequence[Collection[CacheKey]]) -> None:
        self._cache = votes
        self._wanted = [list(dict.fromkeys(each)) for each in judgments]
        self._held: dict[int, HeldVotes] = {}  # taken, and not yet handed to their judgments
        self._known: dict[CacheKey, Vote] = {}
        self._at_work = 0

    async def look_up(self) -> None:
        """Takes the votes of all judgments, as far as nobody else asks for them."""
        for number, held in enumerate(await self._cache.take(self._wanted)):
            if held is not None:
                self._note(number, held)

    def _note(self, number: int, held: HeldVotes) -> None:
        self._held[number] = held
        self._known.update(held.known)

    async def hold(self, number: int, gate: ItemGate) -> HeldVotes:
        """Returns the votes of a judgment and the leases on others, which `end` takes back.

        Waits while somebody else asks for one of them. Raises NotStarted if the item has to come back later, also if
        that takes long and nothing else of the chunk is at work. An item that ends unasked gets no votes.
        """
        if number not in self._held:
            try:
                await self._wait_for(number, gate)
            except NotStarted as order:
                if order.outcome is None:
                    raise
        self._at_work += 1
        return self._held.pop(number, HeldVotes({}))

    async def _wait_for(self, number: int, gate: ItemGate) -> None:
        wanted, began = self._wanted[number], time.monotonic()
        while number not in self._held:
            if all(key in self._known for key in wanted):
                self._note(number, HeldVotes({key: self._known[key] for key in wanted}))
                return
            gate.check()
            absence_s = self._cache.absence_s(wanted)
            if not self._at_work and not self._held and time.monotonic() - began > _PATIENCE_S:
                raise NotStarted(None, not_before=time.monotonic() + absence_s)
            await self._cache.wait(wanted)
            [held] = await self._cache.take([wanted])
            if held is not None:
                self._note(number, held)

    async def end(self, held: HeldVotes, stored: Collection[CacheKey] = (), *, failed: bool) -> None:
        """Ends what `hold` has returned. See VoteCache.end."""
        self._at_work -= 1
        await self._cache.end(held.leased, stored, failed=failed)

    async def close(self) -> None:
        """Ends the leases of judgments that did not come to hold them."""
        left = [key for held in self._held.values() for key in held.leased]
        self._held.clear()
        await self._cache.end(left, failed=False)


def cacheable(judge: ResolvedJudge, questions: Questions, packing: Packing) -> dict[Ballot, CacheKey]:
    """Returns the cache keys of a judgment's votes: of first samples alone, since later ones are asked to differ.

    A key is a digest of the model and of everything that its answer and the reading of it depend on: the messages, the
    schema, the parameters, and the fields of the judge by which an answer is read. A vote whose prompt can't be filled
    has none.
    """
    keys, definition = {}, judge.definition
    for ballot in ballots(judge):
        if ballot.sample == 0:
            try:
                question = questions.about(ballot.order)
            except TemplateError:  # the vote fails with it
                continue
            content = msgspec.json.encode([question.messages, ballot.order])
            keys[ballot] = cache.cache_key(ballot.model, content + _same_for_all_items(definition, question), packing)
    return keys


def _same_for_all_items(judge: Judge, question: Question) -> bytes:
    """Returns what a judge's answers depend on besides the messages and the order, made once and kept beside it."""
    made: dict[int, tuple[object, bytes]] = judge.__dict__.setdefault("cache_contents", {})
    schema = question.schema
    if id(schema) not in made:
        read_by = [getattr(judge, field) for field in _READ_BY]
        made[id(schema)] = schema, msgspec.json.encode([schema, judge.parameters, read_by], order="sorted")
    return made[id(schema)][1]


def keepable(votes: list[Vote], keys: dict[Ballot, CacheKey]) -> list[tuple[CacheKey, str]]:
    """Returns the cache key and the place of each vote that was asked for and scored: failures are not kept."""
    return [
        (keys[ballot], cache_place(index, vote))
        for index, vote in enumerate(votes)
        if vote.outcome is Outcome.SCORED
        and not vote.cached
        and (ballot := Ballot(vote.model, vote.sample, vote.order)) in keys
    ]
