"""Outages of a store: as it tells of them, and made for real."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

from redis.asyncio import Redis

from service.store import clock, keys

OUTAGE_S = 5  # as in service/store/lua/outages.lua
GRACE_S = 6


@contextlib.asynccontextmanager
async def refused_writes(redis: Redis) -> AsyncIterator[None]:
    """NOREPLICAS."""
    await redis.config_set("min-replicas-to-write", "1")
    try:
        yield
    finally:
        await redis.config_set("min-replicas-to-write", "0")


@contextlib.asynccontextmanager
async def frozen(redis: Redis) -> AsyncIterator[None]:
    """The store stands still: it takes commands, and carries them out afterwards, also of clients that gave up."""
    process = int((await redis.info("server"))["process_id"])
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


async def note_outage(redis: Redis, seconds: int) -> None:
    """Has the store believe that no worker wrote to it for so long, until now."""
    await redis.hset(keys.OUTAGE, "seen", str(int(clock.seconds()) - seconds))  # type: ignore[misc]


async def end_grace(redis: Redis) -> None:
    """Has the store believe that the time is over in which workers renew their leases."""
    await redis.hset(keys.OUTAGE, "ended", str(int(clock.seconds()) - GRACE_S))  # type: ignore[misc]


@contextlib.asynccontextmanager
async def silent_store() -> AsyncIterator[tuple[str, list[asyncio.StreamWriter]]]:
    """A store that takes connections and answers nothing, as one that is frozen; its address and the connections."""
    taken: list[asyncio.StreamWriter] = []

    async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(writer)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", taken
    for writer in taken:
        writer.close()
    server.close()
    await server.wait_closed()
