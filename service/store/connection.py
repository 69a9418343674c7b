"""Opens connections to Redis, runs its scripts, and translates redis-py's errors. The only place that does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar, cast

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from service.store.errors import StoreError, StoreUnavailableError

T = TypeVar("T")

_CANCEL_AGAIN_S = 1.0
_SCANNED_AT_ONCE = 500

_AWAY = (ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError, OutOfMemoryError, OSError)
_PASSING = ("OOM", "MASTERDOWN", "CLUSTERDOWN", "MISCONF", "TRYAGAIN")


def connect(url: str, *, retries: int, max_connections: int, timeout_s: float = 5.0) -> Redis:
    """Returns a client for a `redis://`, `rediss://` or `unix://` URL. It connects with the first command.

    While Redis is unreachable, a command is tried `retries` more times over about `retries` seconds: every write of the
    service may safely run twice.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=max_connections,
        timeout=timeout_s,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), retries),
        retry_on_error=[ConnectionError, TimeoutError, BusyLoadingError],
        health_check_interval=30,
    )
    return Redis.from_pool(pool)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raises StoreUnavailableError or StoreError in place of redis-py's errors."""
    try:
        yield
    except _AWAY as error:
        raise StoreUnavailableError(f"Redis is unavailable: {error}") from error
    except ResponseError as error:
        if str(error).startswith(_PASSING):
            raise StoreUnavailableError(f"Redis is unavailable: {error}") from error
        raise StoreError(f"Redis refused a command: {error}") from error
    except RedisError as error:
        raise StoreError(f"Redis: {type(error).__name__}: {error}") from error


async def reply(command: Awaitable[T] | T) -> T:
    """Returns a command's reply, with redis-py's errors translated. (Its type stubs cover blocking clients too.)"""
    with translated_errors():
        return await cast("Awaitable[T]", command)


@asynccontextmanager
async def pipeline(redis: Redis, *, atomic: bool = False) -> AsyncIterator[Pipeline]:
    """Opens a pipeline: commands for one round trip, with redis-py's errors translated."""
    with translated_errors():
        async with redis.pipeline(transaction=atomic) as pipe:
            yield pipe


async def cancelled(*tasks: "asyncio.Task[Any]") -> None:
    """Cancels tasks that use Redis, and returns once they have ended in any way.

    They are cancelled repeatedly: redis-py sends with `asyncio.wait_for`, which in Python 3.11 loses a cancellation
    that arrives as it finishes.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)


async def scanned_hashes(redis: Redis, pattern: str) -> AsyncIterator[tuple[str, dict[bytes, bytes]]]:
    """Yields each hash of a pattern once, with its key and its fields."""
    cursor, seen = 0, set[bytes]()
    while True:
        cursor, found = await reply(redis.scan(cursor, match=pattern, count=_SCANNED_AT_ONCE))
        new = [key for key in found if key not in seen]  # a scan may return a key twice
        seen.update(new)
        async with pipeline(redis) as pipe:
            for key in new:
                pipe.hgetall(key)
            stored = await pipe.execute()
        for key, fields in zip(new, stored, strict=True):
            yield key.decode(), fields
        if cursor == 0:
            return


class Script:
    """A script made of Lua files of this package, joined in order. It is sent once, and called by its digest then."""

    def __init__(self, *names: str) -> None:
        self._source = "\n".join(map(_source, names))
        self._sha: str | None = None

    async def __call__(self, redis: Redis, keys: list[str], args: list[Any]) -> Any:
        """Runs the script atomically. Sends it again if Redis has lost it in a restart."""
        with translated_errors():
            if self._sha is None:
                self._sha = str(await redis.script_load(self._source))
            try:
                return await cast("Awaitable[Any]", redis.evalsha(self._sha, len(keys), *keys, *args))
            except NoScriptError:
                return await cast("Awaitable[Any]", redis.eval(self._source, len(keys), *keys, *args))


@cache
def _source(name: str) -> str:
    return files("service.store").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
