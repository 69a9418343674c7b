"""Starts the processes of `judged up` in order, watches them, and stops them in order."""

import asyncio
import contextlib
import math
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial

from service.launch.children import Child, KeptChild
from service.launch.preflight import StartError

_POLL_S = 0.05
_POLL_SHARE = 0.05  # of the time waited so far: each look is a request, and a line in the log
_LONGEST_POLL_S = 1.0
_ONE_REQUEST_S = 0.5
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_TERMINAL = "/dev/tty"


@dataclass(frozen=True)
class Team:
    """The processes to run, and the checks that tell when they are ready. `store` is None if it runs elsewhere."""

    store: Child | None
    store_is_ready: Callable[[], Awaitable[None]]
    roles: tuple[Child, ...]  # the API and the workers
    is_ready: Callable[[], Awaitable[bool]]
    model: Child | None = None
    model_is_ready: Callable[[], Awaitable[bool]] | None = None
    # Called in a daemon thread once all are ready, with a function that tells whether they are to stop.
    once_ready: Callable[[Callable[[], bool]], None] | None = None
    on_drain: Callable[[], None] = lambda: None  # called before the first process is stopped


@dataclass(frozen=True)
class Outputs:
    """Two functions that print a line: `news` for the person who started us, `log` for the processes' output."""

    news: Callable[[str], None]
    log: Callable[[str], None]


async def supervise(team: Team, outputs: Outputs, began: float) -> bool:
    """Runs the team until a signal arrives. Returns whether every process ended without SIGKILL.

    SIGHUP goes on to the processes that read their configuration again, unless the terminal was closed: that ends all.
    Raises StartError if the store does not start. `began` is the `time.monotonic()` of the start, for the time to
    readiness that is printed.
    """
    kept = {child: KeptChild(child, outputs.log) for child in (team.store, *team.roles, team.model) if child}

    def reread() -> None:
        for each in kept.values():
            each.reread()

    with _signals(reread) as (stopping, hasten):
        announcing: list[asyncio.Task[None]] = []
        try:
            if team.store:
                kept[team.store].start()
                await _store_is_up(team, kept[team.store], stopping)
            if not stopping.is_set():
                announcing = _start_others(team, kept, outputs, began, stopping)
            await stopping.wait()
            outputs.log("judged: stopping, send the signal again to kill")
        finally:
            for task in announcing:
                task.cancel()
            team.on_drain()
            clean = await _drain(team, kept, hasten)
    return clean


def _start_others(
    team: Team, kept: dict[Child, KeptChild], outputs: Outputs, began: float, stopping: asyncio.Event
) -> list[asyncio.Task[None]]:
    for child in (*team.roles, team.model):
        if child:
            kept[child].start()
    announcing = [asyncio.create_task(_announce("ready in", team.is_ready, outputs.news, began))]
    if team.model_is_ready:
        announcing.append(
            asyncio.create_task(_announce("local model ready in", team.model_is_ready, outputs.news, began))
        )
    if team.once_ready is not None:
        announcing.append(
            asyncio.create_task(_call_after(announcing.copy(), partial(team.once_ready, stopping.is_set)))
        )
    return announcing


async def _call_after(announcing: list[asyncio.Task[None]], once_ready: Callable[[], None]) -> None:
    await asyncio.gather(*announcing)
    threading.Thread(target=once_ready, name="once-ready", daemon=True).start()


async def _store_is_up(team: Team, store: KeptChild, stopping: asyncio.Event) -> None:
    """Returns once the store answers or a stop is requested. Raises StartError if the store ends before that."""
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


async def _drain(team: Team, kept: dict[Child, KeptChild], hasten: asyncio.Event) -> bool:
    """Stops the API and the workers, then the model, then the store, which is never killed early."""
    clean = await asyncio.gather(*(kept[child].stop(hasten) for child in team.roles))
    if team.model:
        clean.append(await kept[team.model].stop(hasten))
    if team.store:
        clean.append(await kept[team.store].stop(asyncio.Event()))
    return all(clean)


async def _announce(
    text: str, is_ready: Callable[[], Awaitable[bool]], news: Callable[[str], None], began: float
) -> None:
    """Prints the text and the seconds since `began` once `is_ready` returns True."""
    while True:
        if await is_ready():
            break
        await asyncio.sleep(_pause_s(time.monotonic() - began))
    news(f"{text} {time.monotonic() - began:.1f} s")


def _pause_s(waited_s: float) -> float:
    return min(max(_POLL_S, _POLL_SHARE * waited_s), _LONGEST_POLL_S)


@contextlib.contextmanager
def _signals(reread: Callable[[], None]) -> Iterator[tuple[asyncio.Event, asyncio.Event]]:
    """Yields two events: the first signal sets the first one, a later signal the second. SIGHUP calls `reread`.

    A wrapper such as `timeout` or `uv run` forwards a signal that the terminal has sent to all of them: one that comes
    within `_ONE_REQUEST_S` of the first is the same request.
    """
    stopping, hasten = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    had_terminal = _has_terminal()

    first_at = math.inf

    def stop() -> None:
        nonlocal first_at
        first_at = min(first_at, loop.time())
        (hasten if loop.time() - first_at > _ONE_REQUEST_S else stopping).set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, lambda: stop() if had_terminal and not _has_terminal() else reread())
    try:
        yield stopping, hasten
    finally:
        for number in (*_SIGNALS, signal.SIGHUP):
            loop.remove_signal_handler(number)


def _has_terminal() -> bool:
    """Whether the process has a terminal that is open."""
    try:
        os.close(os.open(_TERMINAL, os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
