"""Wakes up tasks of this process when another process publishes on a channel."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import chain
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.store.connection import cancelled

logger = logging.getLogger(__name__)

_SILENCE_S = 5.0  # how long one read waits
_LEAVE_S = 1.0  # between two times that channels are left which nobody listens to any more
_RETRY_S = 0.5


class Subscription:
    """Whether the store has subscribed this process to a channel yet."""

    def __init__(self) -> None:
        self._confirmed = asyncio.Event()

    @property
    def is_confirmed(self) -> bool:
        """Whether each message from now on is heard."""
        return self._confirmed.is_set()

    def confirm(self) -> None:
        """Notes that the store has subscribed this process."""
        self._confirmed.set()

    async def wait(self) -> None:
        """Returns once it is confirmed, or after five seconds: then the store is away."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SILENCE_S):
                await self._confirmed.wait()


class Signals:
    """One pub/sub connection for the whole process. A single task uses it: it can't be shared while it reconnects.

    A message may be lost (in a restart of Redis, or a reconnect), so waiting tasks must also look for themselves.
    `are_ending` tells them that the process stops: no more signals are worth waiting for.
    """

    are_ending = False

    def __init__(self, redis: Redis) -> None:
        self._pubsub = redis.pubsub(ignore_subscribe_messages=True)
        self._events: dict[str, dict[str | None, set[asyncio.Event]]] = {}  # by the message that sets them; None is any
        self._sent: set[str] = set()  # the channels that were subscribed to
        self._changed = asyncio.Event()  # there are channels that are not among them
        self._waiting: list[Subscription] = []  # for the next subscription
        self._reader: asyncio.Task[None] | None = None
        self._leave_at = 0.0  # on the monotonic clock

    @asynccontextmanager
    async def subscribed(self, channel: str, event: asyncio.Event) -> AsyncIterator[None]:
        """Sets `event` at each message on `channel` while the context is open."""
        with self.subscribing(channel, event) as subscribed:
            await subscribed.wait()
            yield

    @contextmanager
    def subscribing(self, channel: str, event: asyncio.Event, message: str | None = None) -> Iterator[Subscription]:
        """Begins the same without waiting for the store; with a `message`, it alone sets the event."""
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())
        listening = self._events.setdefault(channel, {})
        listening.setdefault(message, set()).add(event)
        subscription = Subscription()
        if channel in self._sent:
            subscription.confirm()
        else:
            self._waiting.append(subscription)
            self._changed.set()
        try:
            yield subscription
        finally:
            listening[message].discard(event)
            if not listening[message]:
                del listening[message]
            if not listening and self._events.get(channel) is listening:
                del self._events[channel]

    def end(self) -> None:
        """Wakes all that wait, since the process is about to stop."""
        self.are_ending = True
        for listening in self._events.values():
            for event in chain.from_iterable(listening.values()):
                event.set()

    async def aclose(self) -> None:
        """Ends the reader and closes the connection."""
        if self._reader is not None:
            await cancelled(self._reader)
        await self._disconnect()

    async def _read(self) -> None:
        while True:
            try:
                await self._subscribe()
                if not self._sent:
                    await self._changed.wait()
                elif (message := await self._message()) is not None:
                    self._wake(message)
                elif time.monotonic() >= self._leave_at:
                    await self._leave()
            except (RedisError, OSError, RuntimeError) as error:
                logger.debug("subscriptions are lost, trying again: %s", error)
                await self._disconnect()
                self._sent = set()
                self._changed.set()
                await asyncio.sleep(_RETRY_S)

    async def _subscribe(self) -> None:
        """Subscribes to the channels that came."""
        if not self._changed.is_set():
            return
        self._changed.clear()
        waiting, wanted = list(self._waiting), set(self._events)
        if new := wanted - self._sent:
            await self._pubsub.subscribe(*new)
            self._sent |= new
        del self._waiting[: len(waiting)]
        for each in waiting:
            each.confirm()

    async def _leave(self) -> None:
        """Leaves channels that nobody listens to any more: not at once, since who did is about to answer a client."""
        self._leave_at = time.monotonic() + _LEAVE_S
        if gone := self._sent.difference(self._events):
            await self._pubsub.unsubscribe(*gone)
            self._sent -= gone

    async def _message(self) -> dict[str, Any] | None:
        """Returns the next message, None if there is none for five seconds or if channels came."""
        reading = asyncio.create_task(self._pubsub.get_message(timeout=_SILENCE_S))
        changing = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait((reading, changing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            changing.cancel()
            if not reading.done():
                await cancelled(reading)
        return None if reading.cancelled() else reading.result()

    def _wake(self, message: dict[str, Any]) -> None:
        listening = self._events.get(message["channel"].decode(), {})
        for said in (None, message["data"].decode()):
            for event in listening.get(said, ()):
                event.set()

    async def _disconnect(self) -> None:
        with contextlib.suppress(RedisError, OSError, RuntimeError):
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]
