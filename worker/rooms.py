"""The room of one worker for chunks, so that a provider that hangs takes none of the others' places."""

import time
from collections import Counter
from collections.abc import Callable

from service.store.jobs import CALL_BACK, CHUNK_JUDGMENTS
from service.store.queue import FreeRooms, Rooms
from worker.limits import CallLimits

LARGEST_SMALL = 10  # judgments in a chunk that counts as small: it has its own room, beside the chunks of large jobs
MOST_CALLBACKS = 32  # at once; one may take ten seconds
_LARGE_OF_BASELINES = 2 * CHUNK_JUDGMENTS  # they wait for nothing, and more at once would only hold others up
_BLOCKED_EVERY_S = 0.1  # how often a chunk is taken whose items will probably be put off again


class WorkerRooms(Rooms):
    """Counts the judgments at work for each provider: at most twice as many as calls, in chunks of large jobs, and as
    many as calls in small ones."""

    def __init__(self, most_calls: int, limits: CallLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = (2 * most_calls, most_calls)
        self._limits = limits
        self._clock = clock
        self._at_work: Counter[tuple[str, bool]] = Counter()  # judgments by provider, and whether in small chunks
        self._lanes: dict[str, str] = {}  # by arq job id
        self._blocked_at = -_BLOCKED_EVERY_S

    def free(self) -> FreeRooms:
        """See `Rooms.free`."""
        large, small = self._most
        providers = {
            name: (
                (large if name in self._limits.providers else _LARGE_OF_BASELINES) - self._at_work[name, False],
                small - self._at_work[name, True],
            )
            for name in {name for name, _ in self._at_work} | self._limits.providers.keys()
        }
        callbacks = sum(arq_id.startswith(CALL_BACK) for arq_id in self._lanes)
        blocked = dict.fromkeys(self._limits.blocked_models(), True)
        may_look = self._clock() - self._blocked_at >= _BLOCKED_EVERY_S
        if blocked and may_look:
            self._blocked_at = self._clock()
        return FreeRooms(
            providers,
            (_LARGE_OF_BASELINES, small),
            {CALL_BACK: MOST_CALLBACKS - callbacks},
            blocked,
            int(may_look),
            LARGEST_SMALL,
        )

    def taken(self, arq_id: str, lane: str) -> None:
        """See `Rooms.taken`."""
        self._lanes[arq_id] = lane
        self._at_work.update(_shares(lane))

    def ended(self, arq_id: str) -> None:
        """See `Rooms.ended`."""
        self._at_work.subtract(_shares(self._lanes.pop(arq_id, "")))


def _shares(lane: str) -> dict[tuple[str, bool], int]:
    """Returns the judgments of a chunk, for each provider that it asks."""
    size, *models = lane.split("\t")
    return {(model.partition("/")[0], int(size) <= LARGEST_SMALL): int(size) for model in models}
