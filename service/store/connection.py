"""Opens connections to Redis, runs its scripts, and translates redis-py's errors. The only place that does."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from importlib.resources import files
from traceback import clear_frames
from typing import Any, TypeVar, cast

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,
    InvalidResponse,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from service.store.addresses import connection_options
from service.store.batching import BatchingRedis
from service.store.errors import StoreError, StoreUnavailableError, UnfitStoreError
from service.store.replies import ReplyParser

T = TypeVar("T")

_CANCEL_AGAIN_S = 1.0
_SCANNED_AT_ONCE = 500

# InvalidResponse: another kind of server has the store's address.
_AWAY = (ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError, OutOfMemoryError, InvalidResponse, OSError)
# The codes of refusals that pass, at the start of an answer, or after a hyphen if a script passes it on.
_PASSING = re.compile(
    r"(?:^|-)(?:BUSY|UNKILLABLE|LOADING|OOM|MISCONF|NOREPLICAS|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)\b"
    r"|^EXECABORT\b|Script killed by user"
)
_FORBIDDEN = re.compile(
    r"\bNOPERM\b|no permissions to|ACL failure in script|user executing the script can't", re.IGNORECASE
)
# redis-py puts a pipeline's command in front, with the texts that it stores, and the server's words into parentheses.
_IN_PIPELINE = re.compile(r"Command # \d+ \(.*\) of pipeline caused error: (?:\(['\"](.*)['\"],\)|(.*))", re.DOTALL)


class _Retry(Retry):
    """Tries a command again, for about as many seconds as it may be tried times.

    redis-py tries each step of a connection again in the same way, within each try of the command: a store that takes
    connections and answers nothing would hold a command for minutes. So only the command as a whole is tried again.
    """

    _is_trying = False  # of its connection: each has an object of its own, and one command at a time

    async def call_with_retry(self, do: Callable[[], Awaitable[T]], fail: Callable[[RedisError], Any]) -> T:
        if self._is_trying:
            return await do()
        ends = time.monotonic() + self._retries

        async def failed(error: RedisError) -> None:
            await fail(error)
            if time.monotonic() >= ends:
                raise error

        self._is_trying = True
        try:
            return await super().call_with_retry(do, failed)
        finally:
            self._is_trying = False


def connect(
    url: str, *, retries: int, max_connections: int, timeout_s: float = 5.0, turn_s: float | None = None
) -> Redis:
    """Returns a client for an address: see `addresses`. It connects with the first command.

    An answer may take `timeout_s`; a command may wait as long for one of the connections, or `turn_s` if that is given.

    While Redis is unreachable, a command is tried `retries` more times over about `retries` seconds, and not again once
    these have passed, as they do with a store that does not answer: every write of the service may safely run twice.
    """
    pool = BlockingConnectionPool(
        **connection_options(url) | {"timeout": turn_s or timeout_s},  # whose type is that of whole seconds
        max_connections=max_connections,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=_Retry(ExponentialBackoff(cap=1.0, base=0.05), retries),
        # A server that only reads now was the primary before: a new connection leads to its successor.
        retry_on_error=[ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError],
        health_check_interval=30,
        parser_class=ReplyParser,
    )
    return BatchingRedis.from_pool(pool)


def is_passing(error: ResponseError) -> bool:
    """Returns whether a refused command may succeed later: the store is busy, full, loading, or may not write."""
    return isinstance(error, _AWAY) or _PASSING.search(_servers_words(error)) is not None


def _servers_words(error: Exception) -> str:
    """Returns the message of an error without the command of a pipeline, which may have a judged text in it."""
    found = _IN_PIPELINE.fullmatch(str(error))
    return str(error) if found is None else found[1] or found[2]


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raises StoreUnavailableError or StoreError in place of redis-py's errors.

    redis-py keeps a refusal in the frame that raises it: a cycle, in which the command's arguments would stay until the
    garbage collector comes. So the frames are cleared.
    """
    try:
        yield
    except _AWAY as error:
        _leave_texts_out(error)
        clear_frames(error.__traceback__)
        raise StoreUnavailableError(f"Redis is unavailable: {error}") from error
    except ResponseError as error:
        _leave_texts_out(error)
        clear_frames(error.__traceback__)
        if is_passing(error):
            raise StoreUnavailableError(f"Redis is unavailable: {error}") from error
        if _FORBIDDEN.search(str(error)):
            raise UnfitStoreError(f"the store's user lacks a right: {error}") from error
        raise StoreError(f"Redis refused a command: {error}") from error
    except RedisError as error:
        raise StoreError(f"Redis: {type(error).__name__}: {error}") from error


def _leave_texts_out(error: Exception) -> None:
    """Changes the message of an error to the server's words, for logs must have no judged text."""
    if isinstance(error, ResponseError):
        error.args = (_servers_words(error),)


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


async def scanned_names(redis: Redis, pattern: str) -> AsyncIterator[list[str]]:
    """Yields the names of the keys of a pattern in lists. A scan may return some of them twice."""
    cursor = 0
    while True:
        cursor, found = await reply(redis.scan(cursor, match=pattern, count=_SCANNED_AT_ONCE))
        if found:
            yield [each.decode() for each in found]
        if cursor == 0:
            return


async def scanned_hashes(redis: Redis, pattern: str) -> AsyncIterator[tuple[str, dict[bytes, bytes]]]:
    """Yields each hash of a pattern once, with its key and its fields."""
    seen = set[str]()
    async for found in scanned_names(redis, pattern):
        new = [key for key in found if key not in seen]
        seen.update(new)
        async with pipeline(redis) as pipe:
            for key in new:
                pipe.hgetall(key)
            stored = await pipe.execute()
        for key, fields in zip(new, stored, strict=True):
            yield key, fields


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
