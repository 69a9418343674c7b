"""Requests of API keys: their rate is limited over all API processes, and they are counted by status."""

import asyncio
import contextlib
import logging
import math
from http import HTTPStatus
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope, Send
from redis.asyncio import Redis

from service.api.problems import ProblemError
from service.api.responses import on_start
from service.config.settings import KeySettings
from service.store import counters
from service.store.counters import WaitingCounts, increment
from service.store.errors import StoreError, StoreUnavailableError
from service.store.request_rates import take_request

_log = logging.getLogger(__name__)

_EVERY_S = 1.0
UNKNOWN_KEY = ""  # the label of requests that need a key and were refused with 401


async def check_rate(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Guards each handler, after the check of keys: raises ProblemError (429) if a key has sent too many requests.

    While the store is away nothing is limited: whatever needs the store is refused anyway.
    """
    key: KeySettings | None = connection.state.key
    if key is None or key.requests_per_minute is None:
        return
    with contextlib.suppress(StoreUnavailableError):
        wait_ms = await take_request(connection.app.state.redis, key.name, key.requests_per_minute)
        if wait_ms:
            raise ProblemError(
                429,
                "too-many-requests",
                f"the key {key.name} has sent {key.requests_per_minute} requests within a minute, the most it may",
                headers={"Retry-After": str(math.ceil(wait_ms / 1000))},
            )


class KeyRequests:
    """Counts requests by key and status, and adds them to the store's counters within a second.

    Up to a second of them is lost if the process is killed.
    """

    def __init__(self, redis: Redis) -> None:
        self._waiting = WaitingCounts(redis)
        self._flushing: asyncio.Task[None] | None = None

    def counting(self, scope: Scope, send: Send) -> Send:
        """Returns a `send` that counts the response if the request needed a key."""
        return on_start(send, lambda message: self._note(scope, message["status"]))

    def _note(self, scope: Scope, status: int) -> None:
        name: str | None = scope["state"].get("key_name")
        if name is None and status != HTTPStatus.UNAUTHORIZED:
            return
        self._waiting.add([increment(counters.KEY_REQUESTS, UNKNOWN_KEY if name is None else name, str(status))])
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush_soon())

    async def _flush_soon(self) -> None:
        while self._waiting.are_there:
            await asyncio.sleep(_EVERY_S)
            await self._flush()

    async def _flush(self) -> None:
        try:
            await self._waiting.flush()
        except StoreError as error:
            _log.warning("counts of requests wait to be stored: %s", error)

    async def aclose(self) -> None:
        """Adds the counts that are left, if the store takes them."""
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)
        if self._waiting.are_there:
            await self._flush()
