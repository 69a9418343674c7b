"""Serves votes that were paid for before, and lets only one judgment at a time ask for a new one."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
from redis.asyncio import Redis

from service.contracts.items import Item
from service.contracts.judges import ResolvedJudge
from service.contracts.judgments import Ballot, Vote
from service.contracts.outcomes import Outcome
from service.judging.ballots import ballots, question_about
from service.store import cache
from service.store.cache import CacheKey, Lease, cache_place
from worker.limits import ItemGate

_READ_BY = ("method", "criterion", "answer_key", "scale", "choices", "score_from", "output")
_LOOK_S = 0.2  # how often to look whether another worker has the vote by now


class VoteCache:
    """One worker's view of the cache in the store."""

    def __init__(self, redis: Redis, worker_id: str) -> None:
        self._redis = redis
        self._worker_id = worker_id
        self._looking: Counter[CacheKey] = Counter()  # look-ups under way
        self._asking: dict[CacheKey, asyncio.Event] = {}  # votes that this worker asks for; set when that is over

    async def look_up(self, keys: Sequence[CacheKey]) -> list[Vote | Lease]:
        """Returns, for each key, the vote, or who holds the lease to ask for it (MINE is newly taken)."""
        self._looking.update(keys)
        try:
            found = await cache.lease_votes(self._redis, self._worker_id, keys)
            return [self._noted(key, each) for key, each in zip(keys, found, strict=True)]
        finally:
            self._looking -= Counter(keys)

    def _noted(self, key: CacheKey, found: Vote | Lease) -> Vote | Lease:
        # Left behind by a chunk that ended badly, unless another look-up is about to learn that the lease is its own.
        if found is Lease.OURS and key not in self._asking and self._looking[key] == 1:
            found = Lease.MINE
        if found is Lease.MINE:
            self._asking[key] = asyncio.Event()
        return found

    async def wait(self, key: CacheKey) -> Vote | Lease:
        """Waits until the vote may be there, at most 0.2 s, then looks it up again."""
        asking = self._asking.get(key)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asking.wait() if asking else asyncio.sleep(_LOOK_S), _LOOK_S)
        [found] = await self.look_up([key])
        return found

    def settle(self, keys: Iterable[CacheKey]) -> None:
        """Wakes those that wait for these votes, which are stored or given up."""
        for key in keys:
            if asking := self._asking.pop(key, None):
                asking.set()

    async def give_up(self, keys: Iterable[CacheKey]) -> None:
        """Ends this worker's leases on these keys, so that others may ask."""
        keys = list(keys)
        await cache.release_votes(self._redis, self._worker_id, keys)
        self.settle(keys)


class ChunkVotes:
    """The cached votes of one chunk. A key is leased for the first judgment that wants it; the others wait."""

    def __init__(self, votes: VoteCache) -> None:
        self._cache = votes
        self._known: dict[CacheKey, Vote] = {}
        self._free: set[CacheKey] = set()  # leased, and not yet taken up by a judgment
        self._held: set[CacheKey] = set()  # leased, and neither stored nor given up

    async def look_up(self, wanted: Iterable[CacheKey]) -> None:
        """Looks up votes by their keys in one round trip, and leases the keys that have no vote and no holder."""
        keys = list(dict.fromkeys(wanted))
        for key, found in zip(keys, await self._cache.look_up(keys), strict=True):
            self._note(key, found)

    async def recall(self, key: CacheKey, gate: ItemGate) -> Vote | None:
        """Returns the vote, or None if the caller has to ask for it. Raises NotStarted if the item may not start."""
        while key not in self._known:
            if key in self._free:
                self._free.discard(key)
                return None
            gate.check()
            self._note(key, await self._cache.wait(key))
        gate.open()
        return self._known[key]

    def _note(self, key: CacheKey, found: Vote | Lease) -> None:
        if isinstance(found, Vote):
            self._known[key] = found
        elif found is Lease.MINE:
            self._free.add(key)
            self._held.add(key)

    async def settle(self, keys: Iterable[CacheKey], stored: set[CacheKey]) -> None:
        """Ends a judgment's hold on `keys`: those in `stored` are in the cache now, the leases of the others end."""
        held = self._held & set(keys)
        self._held -= held
        self._cache.settle(held & stored)
        await self._cache.give_up(held - stored)

    async def close(self) -> None:
        """Ends the leases that no judgment took up."""
        await self.settle(set(self._held), set())


def cacheable(judge: ResolvedJudge, item: Item, secret: bytes) -> dict[Ballot, CacheKey]:
    """Returns the cache keys of a judgment's votes: of first samples alone, since later ones are asked to differ.

    A key is a digest of the model and of everything that its answer and the reading of it depend on: the messages, the
    schema, the parameters, and the fields of the judge by which an answer is read.
    """
    asked = [ballot for ballot in ballots(judge) if ballot.sample == 0]
    definition = judge.definition
    read_by = [getattr(definition, field) for field in _READ_BY]
    contents = {
        order: msgspec.json.encode(
            [question.messages, question.schema, definition.parameters, order, read_by], order="sorted"
        )
        for order in dict.fromkeys(ballot.order for ballot in asked)
        if (question := question_about(definition, item, order, secret))
    }
    return {ballot: cache.cache_key(ballot.model, contents[ballot.order]) for ballot in asked}


def keepable(votes: list[Vote], keys: dict[Ballot, CacheKey]) -> list[tuple[CacheKey, str]]:
    """Returns the cache key and the place of each vote that was asked for and scored: failures are not kept."""
    return [
        (keys[ballot], cache_place(index, vote))
        for index, vote in enumerate(votes)
        if vote.outcome is Outcome.SCORED
        and not vote.cached
        and (ballot := Ballot(vote.model, vote.sample, vote.order)) in keys
    ]
