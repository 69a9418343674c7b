"""Wakes up tasks of this process when another process publishes on a channel."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.store.connection import cancelled

logger = logging.getLogger(__name__)

_SILENCE_S = 5.0  # how long one read waits
_RETRY_S = 0.5


class Signals:
    """One pub/sub connection for the whole process. A single task uses it: it can't be shared while it reconnects.

    A message may be lost (in a restart of Redis, or a reconnect), so waiting tasks must also look for themselves.
    `are_ending` tells them that the process stops: no more signals are worth waiting for.
    """

    are_ending = False

    def __init__(self, redis: Redis) -> None:
        self._pubsub = redis.pubsub(ignore_subscribe_messages=True)
        self._events: dict[str, set[asyncio.Event]] = {}
        self._sent: set[str] = set()  # the channels that were subscribed to
        self._changed = asyncio.Event()  # they are others than those in `_events`
        self._waiting: list[asyncio.Future[None]] = []  # for the next subscription
        self._reader: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def subscribed(self, channel: str, event: asyncio.Event) -> AsyncIterator[None]:
        """Sets `event` at each message on `channel` while the context is open."""
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())
        events = self._events.setdefault(channel, set())
        events.add(event)
        try:
            if channel not in self._sent:
                await self._has_subscribed()
            yield
        finally:
            events.discard(event)
            if not events and self._events.get(channel) is events:
                del self._events[channel]
                self._changed.set()

    def end(self) -> None:
        """Wakes all that wait, since the process is about to stop."""
        self.are_ending = True
        for waiting in self._events.values():
            for event in waiting:
                event.set()

    async def aclose(self) -> None:
        """Ends the reader and closes the connection."""
        if self._reader is not None:
            await cancelled(self._reader)
        await self._disconnect()

    async def _has_subscribed(self) -> None:
        """Returns once the channels are subscribed to, or after a second: then the store is away."""
        self._waiting.append(waiting := asyncio.get_running_loop().create_future())
        self._changed.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(waiting, _SILENCE_S)

    async def _read(self) -> None:
        while True:
            try:
                await self._subscribe()
                if self._sent:
                    self._wake(await self._message())
                else:
                    await self._changed.wait()
            except (RedisError, OSError, RuntimeError) as error:
                logger.debug("subscriptions are lost, trying again: %s", error)
                await self._disconnect()
                self._sent = set()
                self._changed.set()
                await asyncio.sleep(_RETRY_S)

    async def _subscribe(self) -> None:
        """Subscribes to the channels that came, and no longer to those that went."""
        if not self._changed.is_set():
            return
        self._changed.clear()
        waiting, self._waiting, wanted = self._waiting, [], set(self._events)
        if new := wanted - self._sent:
            await self._pubsub.subscribe(*new)
        if old := self._sent - wanted:
            await self._pubsub.unsubscribe(*old)
        self._sent = wanted
        for each in waiting:
            if not each.done():
                each.set_result(None)

    async def _message(self) -> dict[str, Any] | None:
        """Returns the next message, None if there is none for a second or if channels came or went."""
        reading = asyncio.create_task(self._pubsub.get_message(timeout=_SILENCE_S))
        changing = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait((reading, changing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancelled(*(each for each in (reading, changing) if not each.done()))
        return None if reading.cancelled() else reading.result()

    def _wake(self, message: dict[str, Any] | None) -> None:
        if message is not None:
            for event in self._events.get(message["channel"].decode(), ()):
                event.set()

    async def _disconnect(self) -> None:
        with contextlib.suppress(RedisError, OSError, RuntimeError):
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]
