"""The periodic task that submits anchors to be judged again, each judge's evenly over the day by the store's clock."""

import hashlib
import logging

from redis.asyncio import Redis

from service.config.settings import Settings
from service.contracts.anchors import AnchorSet
from service.contracts.refusals import Refused
from service.jobs import submit_anchor
from service.store import anchors, clock, jobs

_log = logging.getLogger(__name__)

JUDGE_ANCHORS = "judge_anchors"
PERIOD_S = 10.0  # between two looks: a small part of the shortest slot

_DAY_S = 86_400.0


class AnchorTurns:
    """Submits one anchor of each judge in each slot of time: the day divided by the judgments a day.

    In the first half of its slot an anchor lets all other judgments go first; in the second half it takes its turn.
    """

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._settings = settings
        self._slot_s = _DAY_S / max(settings.anchors.judgments_per_day, 1)

    async def submit_due(self) -> None:
        """Submits the anchors whose turn it is. Raises StoreError if the store is away."""
        found = await anchors.every_anchor_set(self._redis)
        if not found or not self._settings.anchors.judgments_per_day:
            return
        now_s = await clock.store_seconds(self._redis)
        places = [self.place(each.judge, now_s) for each in found]
        taken = await anchors.slots_taken(
            self._redis, [(each.judge, int(place)) for each, place in zip(found, places, strict=True)]
        )
        is_busy = await jobs.count_pending(self._redis) > 0
        for each, place, is_taken in zip(found, places, taken, strict=True):
            if is_taken or (is_busy and place % 1 < 0.5):
                continue
            if await anchors.take_slot(self._redis, each.judge, int(place), self._slot_s):
                await self._submit(each)

    def place(self, judge: str, now_s: float) -> float:
        """Returns the number of a judge's present slot, and how far it has passed.

        The slots of different judges begin at different times, so that not all anchors come at once.
        """
        shift = int.from_bytes(hashlib.sha256(judge.encode()).digest()[:4]) / 2**32
        return now_s / self._slot_s + shift

    async def _submit(self, found: AnchorSet) -> None:
        problem = None
        try:
            await submit_anchor(self._redis, self._settings, found)
        except Refused as error:
            problem = error.detail
            if problem != found.problem:
                _log.warning("the anchors of %s can't be judged: %s", found.judge, problem)
        if problem != found.problem:
            await anchors.note_problem(self._redis, found.judge, problem)
