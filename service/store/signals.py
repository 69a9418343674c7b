"""Wakes up tasks of this process when another process publishes on a channel."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.store.connection import cancelled

logger = logging.getLogger(__name__)

_SILENCE_S = 1.0  # how long one read waits
_RETRY_S = 0.5


class Signals:
    """One pub/sub connection for the whole process.

    A message may be lost (in a restart of Redis, or a reconnect), so waiting tasks must also look for themselves.
    """

    def __init__(self, redis: Redis) -> None:
        self._pubsub = redis.pubsub(ignore_subscribe_messages=True)
        self._events: dict[str, set[asyncio.Event]] = {}
        self._wanted = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def subscribed(self, channel: str, event: asyncio.Event) -> AsyncIterator[None]:
        """Sets `event` at each message on `channel` while the context is open."""
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())
        waiting = self._events.setdefault(channel, set())
        waiting.add(event)
        if len(waiting) == 1:
            await _quietly(self._pubsub.subscribe(channel))
            self._wanted.set()
        try:
            yield
        finally:
            waiting.discard(event)
            if not waiting and self._events.get(channel) is waiting:
                del self._events[channel]
                await _quietly(self._pubsub.unsubscribe(channel))

    async def aclose(self) -> None:
        """Ends the reader and closes the connection."""
        if self._reader is not None:
            await cancelled(self._reader)
        await _quietly(self._pubsub.aclose())  # type: ignore[no-untyped-call]

    async def _read(self) -> None:
        while True:
            if not self._pubsub.subscribed:
                self._wanted.clear()
                await self._wanted.wait()
            try:
                message = await self._pubsub.get_message(timeout=_SILENCE_S)
            except (RedisError, OSError, RuntimeError) as error:
                logger.debug("subscriptions are lost, trying again: %s", error)
                await asyncio.sleep(_RETRY_S)
                if self._events:
                    await _quietly(self._pubsub.subscribe(*self._events))
                continue
            self._wake(message)

    def _wake(self, message: dict[str, Any] | None) -> None:
        if message is not None:
            for event in self._events.get(message["channel"].decode(), ()):
                event.set()


async def _quietly(command: Awaitable[Any]) -> None:
    """Runs a subscription command. If it fails, the reader subscribes again."""
    with contextlib.suppress(RedisError, OSError):
        await command
