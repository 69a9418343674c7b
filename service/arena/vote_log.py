"""The votes one by one, as far as intervals and ranks need them: which ones share a battle or a voter.

The counters do not tell, but the rows of the votes do, and they are kept for ever. Each process reads them once and
then only the new ones, and keeps 38 bytes of each.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from redis.asyncio import Redis

from service.contracts.arena import VoteRow, Winner
from service.stats.vote_clusters import ClusteredVotes
from service.store import arena

_ENTRY = np.dtype(
    [
        ("at", np.int64),
        ("criterion", np.int32),
        ("first", np.int32),
        ("second", np.int32),
        ("halves", np.int16),  # half-wins of the model that was shown as A
        ("battle", np.int64),
        ("voter", np.int64),
    ]
)
_HALVES = {Winner.A: 2, Winner.B: 0}
_A_MILLISECOND = 1 << 12  # votes in one at most, else they share a place

_Entries = NDArray[Any]


class VoteLog:
    """The votes that have been read, in their order. Battles and voters are known by the hashes of their names."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._newest = ""
        self._pages: list[_Entries] = []
        self._models: dict[str, int] = {}
        self._criteria: dict[str, int] = {}

    async def read_on(self, redis: Redis) -> None:
        """Reads the votes that are not here yet; all of them again if the store has lost the newest one that is."""
        if self._newest and not await arena.has_vote(redis, self._newest):
            self._clear()
        while True:
            newest = self._newest
            page = await arena.votes_after(redis, newest)
            if not page:
                return
            if self._newest == newest:  # no other request has read them meanwhile
                self._add(page)

    @property
    def criteria(self) -> list[str]:
        """The criteria of the votes, by name."""
        return sorted(self._criteria)

    def clustered(self, criterion: str | None, version: str, models: Sequence[str]) -> ClusteredVotes:
        """Returns the votes on a criterion, or on all of them, up to that with the id `version`.

        Positions are those in `models`. Votes on other models are left out.
        """
        pages, known = list(self._pages), dict(self._models)
        entries = np.concatenate(pages) if pages else np.zeros(0, dtype=_ENTRY)
        chosen = entries["at"] <= (_place(version) if version else -1)
        if criterion is not None:
            chosen &= entries["criterion"] == self._criteria.get(criterion, -1)
        entries = entries[chosen]
        positions = np.full(len(known) + 1, -1, dtype=np.intp)
        for at, model in enumerate(models):
            positions[known.get(model, -1)] = at
        positions[-1] = -1
        first, second = positions[entries["first"]], positions[entries["second"]]
        there = (first >= 0) & (second >= 0)
        return ClusteredVotes(
            first[there],
            second[there],
            entries["halves"][there] / 2,
            entries["battle"][there].astype(np.intp),
            entries["voter"][there].astype(np.intp),
        )

    def _add(self, page: Sequence[tuple[str, VoteRow]]) -> None:
        self._pages.append(np.array([self._entry(vote_id, row) for vote_id, row in page], dtype=_ENTRY))
        self._newest = page[-1][0]

    def _entry(self, vote_id: str, row: VoteRow) -> tuple[int, ...]:
        criterion = self._criteria.setdefault(row.criterion, len(self._criteria))
        first, second = (self._models.setdefault(model, len(self._models)) for model in (row.A, row.B))
        return _place(vote_id), criterion, first, second, _HALVES.get(row.winner, 1), hash(row.battle), hash(row.voter)


def _place(vote_id: str) -> int:
    """The id of an entry of a stream, `<milliseconds>-<number>`, as one number."""
    milliseconds, _, number = vote_id.partition("-")
    return int(milliseconds) * _A_MILLISECOND + min(int(number), _A_MILLISECOND - 1)


VOTE_LOG = VoteLog()
"""That of this process."""
