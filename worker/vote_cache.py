"""Serves votes that were paid for before, and has each new one asked for once at a time."""

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
from service.store.cache import Lease
from worker.asking import Gate

_READ_BY = ("method", "criterion", "answer_key", "scale", "choices", "score_from", "output")
_LOOK_S = 0.2  # how often to look whether another worker has the vote by now


class Memory:
    """One worker's view of the cache."""

    def __init__(self, redis: Redis, worker_id: str) -> None:
        self._redis = redis
        self._worker_id = worker_id
        self._looking: Counter[str] = Counter()  # look-ups under way
        self._asking: dict[str, asyncio.Event] = {}  # what this worker asks for; set when that is over

    async def look_up(self, keys: Sequence[str]) -> list[Vote | Lease]:
        """For each key the vote, or whose it is to ask for it: MINE now, or another's (in this worker or not)."""
        self._looking.update(keys)
        try:
            found = await cache.lease_votes(self._redis, self._worker_id, keys)
            return [self._noted(key, each) for key, each in zip(keys, found, strict=True)]
        finally:
            self._looking -= Counter(keys)

    def _noted(self, key: str, found: Vote | Lease) -> Vote | Lease:
        # Left behind by a chunk that ended badly, unless another look-up is about to learn that the lease is its own.
        if found is Lease.OURS and key not in self._asking and self._looking[key] == 1:
            found = Lease.MINE
        if found is Lease.MINE:
            self._asking[key] = asyncio.Event()
        return found

    async def wait(self, key: str) -> Vote | Lease:
        """Waits a moment, then looks whether the vote is there by now."""
        asking = self._asking.get(key)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asking.wait() if asking else asyncio.sleep(_LOOK_S), _LOOK_S)
        [found] = await self.look_up([key])
        return found

    def settle(self, keys: Iterable[str]) -> None:
        """These votes are stored, or given up: whoever waits for one looks again."""
        for key in keys:
            if asking := self._asking.pop(key, None):
                asking.set()

    async def give_up(self, keys: Iterable[str]) -> None:
        """Ends this worker's leases: somebody else may ask."""
        keys = list(keys)
        await cache.release_votes(self._redis, self._worker_id, keys)
        self.settle(keys)


class Recollection:
    """What is known of a chunk's votes. A key is leased for the first judgment that wants it; others wait."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._known: dict[str, Vote] = {}
        self._free: set[str] = set()  # leased, and not yet taken up by a judgment
        self._held: set[str] = set()  # leased, and neither stored nor given up

    async def look_up(self, wanted: Iterable[str]) -> None:
        """Looks up votes by their keys, in one round trip, and leases those that nobody has."""
        keys = list(dict.fromkeys(wanted))
        for key, found in zip(keys, await self._memory.look_up(keys), strict=True):
            self._note(key, found)

    async def recall(self, key: str, gate: Gate) -> Vote | None:
        """The vote, None where the caller is to ask for it. Raises NotStarted."""
        while key not in self._known:
            if key in self._free:
                self._free.discard(key)
                return None
            gate.check()
            self._note(key, await self._memory.wait(key))
        gate.open()
        return self._known[key]

    def _note(self, key: str, found: Vote | Lease) -> None:
        if isinstance(found, Vote):
            self._known[key] = found
        elif found is Lease.MINE:
            self._free.add(key)
            self._held.add(key)

    async def settle(self, keys: Iterable[str], stored: set[str]) -> None:
        """A judgment is over: of its votes' keys those in `stored` are in the cache, the others came to nothing."""
        held = self._held & set(keys)
        self._held -= held
        self._memory.settle(held & stored)
        await self._memory.give_up(held - stored)

    async def close(self) -> None:
        """Gives up what was leased and never asked for."""
        await self.settle(set(self._held), set())


def cacheable(judge: ResolvedJudge, item: Item, secret: bytes) -> dict[Ballot, str]:
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


def keepable(votes: list[Vote], keys: dict[Ballot, str]) -> list[tuple[str, int]]:
    """The cache key and the place of each vote that was asked for and scored: failures are not kept."""
    return [
        (keys[ballot], index)
        for index, vote in enumerate(votes)
        if vote.outcome is Outcome.SCORED
        and not vote.cached
        and (ballot := Ballot(vote.model, vote.sample, vote.order)) in keys
    ]
