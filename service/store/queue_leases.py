"""A worker's leases on the arq jobs that it has at work.

A lease is renewed while the work goes on. It ends if its worker dies, is frozen, or can't reach the store; another
worker then takes the arq job over, and the first one learns of it: it begins nothing more and changes nothing.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from redis.asyncio import Redis

from service.store import keys
from service.store.connection import Script

_log = logging.getLogger(__name__)

LEASE_S = 10.0  # after which a dead worker's chunks are taken over
RENEW_S = 2.0
RENEW_AGAIN_S = 0.5  # after the store refused it: well within the grace that outages.lua gives
_UNREADABLE_S = 30.0  # an arq job of a newer version is left to a newer worker, and looked at again so much later

_renew = Script("queue_renew")
_end = Script("queue_end")


Hold = Literal["sure", "doubtful", "lost"]


class QueueLeases:
    """The leases of one worker, whose id is `holder`."""

    def __init__(self, redis: Redis, holder: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.holder = holder
        self._redis = redis
        self._clock = clock
        self._renewed: dict[str, float] = {}  # when the lease was surely still ours, by arq job id

    def note(self, arq_ids: Iterable[str], at: float) -> None:
        """Notes leases that were taken by a command sent at this time."""
        self._renewed.update(dict.fromkeys(arq_ids, at))

    def hold_on(self, arq_id: str) -> Hold:
        """Returns whether this worker has the arq job.

        It is doubtful if another one may have taken it over by now, since the lease could not be renewed in time.
        """
        renewed = self._renewed.get(arq_id)
        if renewed is None:
            return "lost"
        return "sure" if self._clock() - renewed < LEASE_S else "doubtful"

    async def renew(self, arq_ids: Sequence[str]) -> None:
        """Renews the leases on these arq jobs. Raises StoreError."""
        if not arq_ids:
            return
        at = self._clock()
        names = [keys.ARQ_LEASE + each for each in arq_ids]
        answer = await _renew(self._redis, [keys.QUEUE, *names], [self.holder, int(LEASE_S * 1000), *arq_ids])
        for arq_id, is_held in zip(arq_ids, answer, strict=True):
            if is_held:
                self._renewed[arq_id] = at
            elif self._renewed.pop(arq_id, None) is not None:
                _log.warning("%s was taken over by another worker: nothing more of it is begun here", arq_id)

    async def end(self, arq_id: str, ending: str, delay: int = 0) -> None:
        """Ends the work on an arq job, unless another worker has it. `ending` is done, again or unreadable.

        `delay` is added to its place in the queue if it is to be run again. Raises StoreError.
        """
        self._renewed.pop(arq_id, None)
        names = [prefix + arq_id for prefix in (keys.ARQ_LEASE, keys.ARQ_TRIES, keys.ARQ_JOB)]
        await _end(
            self._redis,
            [*names, keys.QUEUE],
            [self.holder, arq_id, ending, delay, int(_UNREADABLE_S * 1000)],
        )
