"""The order in which the processes of `judged up` start and stop."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from service.launch.children import Child, Kept
from service.launch.preflight import StartError

_POLL_S = 0.05
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Team:
    """Who runs, and how to tell that each of them is there. `store` is None where it runs elsewhere."""

    store: Child | None
    store_is_ready: Callable[[], Awaitable[None]]
    roles: tuple[Child, ...]  # the API and the workers
    is_ready: Callable[[], Awaitable[bool]]
    model: Child | None = None
    model_is_ready: Callable[[], Awaitable[bool]] | None = None
    on_drain: Callable[[], None] = lambda: None  # what to let go of before the first of them is stopped


@dataclass(frozen=True)
class Said:
    """Where news goes: `news` is for who started us, `log` for everything that the processes say."""

    news: Callable[[str], None]
    log: Callable[[str], None]


async def supervise(team: Team, said: Said, began: float) -> bool:
    """Runs the team until a signal; True where all of them ended by themselves when asked to.

    StartError where the store does not start. `began` is the `time.monotonic()` to count readiness from.
    """
    kept = {child: Kept(child, said.log) for child in (team.store, *team.roles, team.model) if child}
    with _signals() as (stopping, hasten):
        announcing: list[asyncio.Task[None]] = []
        try:
            if team.store:
                kept[team.store].start()
                await _store_is_up(team, kept[team.store], stopping)
            if not stopping.is_set():
                announcing = _start_others(team, kept, said, began)
            await stopping.wait()
            said.log("judged: stopping, a second signal hastens")
        finally:
            for task in announcing:
                task.cancel()
            team.on_drain()
            clean = await _drain(team, kept, hasten)
    return clean


def _start_others(team: Team, kept: dict[Child, Kept], said: Said, began: float) -> list[asyncio.Task[None]]:
    for child in (*team.roles, team.model):
        if child:
            kept[child].start()
    announcing = [asyncio.create_task(_announce("ready in", team.is_ready, said.news, began))]
    if team.model_is_ready:
        announcing.append(asyncio.create_task(_announce("local model ready in", team.model_is_ready, said.news, began)))
    return announcing


async def _store_is_up(team: Team, store: Kept, stopping: asyncio.Event) -> None:
    """Returns once the store answers or the stop is asked for. A store that ends before that is given up."""
    ready = asyncio.ensure_future(team.store_is_ready())
    ended, stopped = (asyncio.create_task(event.wait()) for event in (store.has_ended, stopping))
    waiting = (ready, ended, stopped)
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            ready.result()
        elif ended.done():
            raise StartError("the store ended as soon as it was started")
    finally:
        for task in waiting:
            task.cancel()


async def _drain(team: Team, kept: dict[Child, Kept], hasten: asyncio.Event) -> bool:
    """Stops those who ask before those who answer; the store saves, so nothing hastens it."""
    clean = await asyncio.gather(*(kept[child].stop(hasten) for child in team.roles))
    if team.model:
        clean.append(await kept[team.model].stop(hasten))
    if team.store:
        clean.append(await kept[team.store].stop(asyncio.Event()))
    return all(clean)


async def _announce(what: str, is_so: Callable[[], Awaitable[bool]], news: Callable[[str], None], began: float) -> None:
    while True:
        if await is_so():
            break
        await asyncio.sleep(_POLL_S)
    news(f"{what} {time.monotonic() - began:.1f} s")


@contextlib.contextmanager
def _signals() -> Iterator[tuple[asyncio.Event, asyncio.Event]]:
    """Set at the first signal that asks for the end, and at the second."""
    stopping, hasten = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, lambda: (hasten if stopping.is_set() else stopping).set())
    try:
        yield stopping, hasten
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
