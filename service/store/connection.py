"""Opens connections to Redis and translates what redis-py raises, at this one seam."""

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
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from service.store.errors import StoreError, StoreUnavailableError

T = TypeVar("T")

_CANCEL_AGAIN_S = 1.0

_AWAY = (ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError, OSError)
_PASSING = ("MASTERDOWN", "CLUSTERDOWN", "MISCONF", "TRYAGAIN")


def connect(url: str, *, retries: int, max_connections: int, timeout_s: float = 5.0) -> Redis:
    """A client of `redis://`, `rediss://` or `unix://`. Opens nothing until the first command.

    A command is tried `retries` times more, over about `retries` seconds, while Redis is away: every write of
    ours may safely run twice.
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
def translated() -> Iterator[None]:
    """Raises StoreUnavailableError or StoreError in place of redis-py's own errors."""
    try:
        yield
    except _AWAY as error:
        raise StoreUnavailableError(f"Redis is away: {error}") from error
    except ResponseError as error:
        if str(error).startswith(_PASSING):
            raise StoreUnavailableError(f"Redis is away: {error}") from error
        raise StoreError(f"Redis refused a command: {error}") from error
    except RedisError as error:
        raise StoreError(f"Redis: {type(error).__name__}: {error}") from error


async def reply(command: Awaitable[T] | T) -> T:
    """What a command answers, with redis-py's errors translated. (It types its commands as blocking ones too.)"""
    with translated():
        return await cast("Awaitable[T]", command)


@asynccontextmanager
async def pipeline(redis: Redis, *, atomic: bool = False) -> AsyncIterator[Pipeline]:
    """Commands sent in one round trip, with redis-py's errors translated."""
    with translated():
        async with redis.pipeline(transaction=atomic) as pipe:
            yield pipe


async def cancelled(*tasks: "asyncio.Task[Any]") -> None:
    """Cancels tasks that speak to Redis, and returns when they have ended, however they did.

    They are told more than once: redis-py sends with `asyncio.wait_for`, which in Python 3.11 swallows a
    cancellation that comes in the moment when it is done.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)


class Script:
    """Lua files of this package, one after the other: sent whole once and by their digest from then on."""

    def __init__(self, *names: str) -> None:
        self._source = "\n".join(map(_source, names))
        self._sha: str | None = None

    async def __call__(self, redis: Redis, keys: list[str], args: list[Any]) -> Any:
        """Runs it atomically; also after a restart of Redis has made it forget its scripts."""
        with translated():
            if self._sha is None:
                self._sha = str(await redis.script_load(self._source))
            try:
                return await cast("Awaitable[Any]", redis.evalsha(self._sha, len(keys), *keys, *args))
            except NoScriptError:
                return await cast("Awaitable[Any]", redis.eval(self._source, len(keys), *keys, *args))


@cache
def _source(name: str) -> str:
    return files("service.store").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
