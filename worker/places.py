"""Places for calls: of a provider over all workers, and of one worker. Jobs that wait for one take turns."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence


class CancelledTurn(asyncio.CancelledError):
    """One that waited was cancelled although its turn had come: its place has to be given back."""


def _nothing() -> None:
    """The check of those that wait for their turn whatever happens."""


class FairQueue:
    """Those that wait for a place. The groups, which are jobs, take turns; within one, first come, first served."""

    def __init__(self) -> None:
        self._groups: dict[str, deque[asyncio.Future[bool]]] = {}

    def __len__(self) -> int:
        return sum(not turn.done() for waiting in self._groups.values() for turn in waiting)

    def __bool__(self) -> bool:
        return bool(self._groups)

    def join(self, group: str) -> asyncio.Future[bool]:
        """Returns a future that ends when its turn has come, with True, or when its group is woken, with False."""
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._groups.setdefault(group, deque()).append(turn)
        return turn

    def wake(self, group: str) -> None:
        """Ends the waiting of a group, with no turn for any of it."""
        for turn in self._groups.pop(group, ()):
            if not turn.done():
                turn.set_result(False)

    async def turn(self, group: str, check: Callable[[], None]) -> None:
        """Waits for a turn. If the group is woken, calls `check`, and waits again if that raises nothing.

        Raises CancelledTurn if it is cancelled as its turn has come.
        """
        while True:
            turn = self.join(group)
            try:
                if await turn:
                    return
            except asyncio.CancelledError as error:
                if turn.done() and not turn.cancelled() and turn.result():
                    raise CancelledTurn from error
                raise
            check()

    def leave(self) -> asyncio.Future[bool]:
        """Takes the next one out of the queue."""
        group = next(iter(self._groups))
        waiting = self._groups.pop(group)
        turn = waiting.popleft()
        if waiting:
            self._groups[group] = waiting  # behind the others
        return turn


class Slots:
    """A semaphore whose size can change while it is held. Jobs take turns: see FairQueue."""

    def __init__(self, size: int, starved: Callable[[], None] = lambda: None) -> None:
        self.size = size
        self.in_use = 0
        self._starved = starved
        self._waiting = FairQueue()

    @property
    def wanted(self) -> int:
        """The number of slots that are held or waited for."""
        return self.in_use + len(self._waiting)

    @property
    def held(self) -> int:
        """The number of slots that may be in use before the next change of the size."""
        return max(self.size, self.in_use)

    async def acquire(self, group: str = "", check: Callable[[], None] = _nothing) -> None:
        """Waits for a slot. `check` is called if the group is woken, and ends the waiting by what it raises."""
        if self.take():
            return
        self._starved()
        try:
            await self._waiting.turn(group, check)
        except CancelledTurn:
            self.release()
            raise

    def take(self) -> bool:
        """Takes a slot if one is free. Returns whether it did."""
        is_free = self.in_use < self.size and not self._waiting
        self.in_use += is_free
        return is_free

    def wake(self, group: str) -> None:
        """Has those of a group that wait call their checks."""
        self._waiting.wake(group)

    def release(self) -> None:
        self.in_use -= 1
        self._hand_on()

    def resize(self, size: int) -> None:
        self.size = size
        self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting and self.in_use < self.size:
            turn = self._waiting.leave()
            if not turn.done():
                self.in_use += 1
                turn.set_result(True)


class CallPlaces:
    """The places for calls of one worker. Some are kept for each provider, so that one that hangs takes not all."""

    def __init__(self, size: int, providers: Sequence[str]) -> None:
        self._size = size
        self._kept = max(size // (4 * len(providers)), 1) if 1 < len(providers) <= size else 0
        self._in_use = dict.fromkeys(providers, 0)
        self._waiting = {name: FairQueue() for name in providers}
        self.in_use = 0  # of all providers

    @property
    def wanted(self) -> int:
        """The number of places that are held or waited for."""
        return self.in_use + sum(map(len, self._waiting.values()))

    async def acquire(self, provider: str, group: str = "", check: Callable[[], None] = _nothing) -> None:
        """Waits for a place; the jobs among the calls of one provider take turns. `check` is as in Slots."""
        if self.take(provider):
            return
        try:
            await self._waiting[provider].turn(group, check)
        except CancelledTurn:
            self.release(provider)
            raise

    def take(self, provider: str) -> bool:
        """Takes a place if one is free. Returns whether it did."""
        is_free = not self._waiting[provider] and self._is_free(provider)
        if is_free:
            self._in_use[provider] += 1
            self.in_use += 1
        return is_free

    def wake(self, group: str) -> None:
        """Has those of a group that wait call their checks."""
        for waiting in self._waiting.values():
            waiting.wake(group)

    def release(self, provider: str) -> None:
        """Gives back a place, to the calls of the provider that has the fewest."""
        self._in_use[provider] -= 1
        self.in_use -= 1
        if not any(self._waiting.values()):
            return
        for name in sorted(self._waiting, key=self._in_use.__getitem__):
            waiting = self._waiting[name]
            while waiting and self._is_free(name):
                turn = waiting.leave()
                if not turn.done():
                    self._in_use[name] += 1
                    self.in_use += 1
                    turn.set_result(True)

    def _is_free(self, provider: str) -> bool:
        """Returns whether the provider may take one more place, with those left that are kept for the others."""
        if self._kept == 0:
            return self.in_use < self._size
        kept = sum([max(self._kept - used, 0) for name, used in self._in_use.items() if name != provider])
        return self.in_use + kept < self._size
