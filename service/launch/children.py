"""Processes that are kept running: started again when they end, stopped in good order, never left behind."""

import asyncio
import contextlib
import ctypes
import functools
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 10.0
STEADY_S = 30.0  # a child that lived this long starts again without the wait that earlier crashes earned

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded before any fork
_CHUNK_BYTES = 65_536
_LAST_OUTPUT_S = 1.0  # for what a child that has ended still has in its pipe


@dataclass(frozen=True, eq=False)
class Child:
    """What to run, and under which name it speaks."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    grace_s: float = 30.0  # between SIGTERM and SIGKILL
    pass_fds: tuple[int, ...] = ()


class Kept:
    """One child, kept running from `start` to `stop`."""

    def __init__(self, child: Child, say: Callable[[str], None]) -> None:
        self.child = child
        self.has_ended = asyncio.Event()  # at least once
        self._say = say
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts it and keeps it running."""
        self._task = asyncio.create_task(self._keep_running(), name=self.child.name)

    async def stop(self, hasten: asyncio.Event) -> bool:
        """Asks it to end; kills it after its grace, or once `hasten` is set. True where asking was enough."""
        self._stopping.set()
        if self._task is None:
            return True
        if self._process is not None:
            _signal(self._process, signal.SIGTERM)
        hastened = asyncio.create_task(hasten.wait())
        await asyncio.wait((self._task, hastened), timeout=self.child.grace_s, return_when=asyncio.FIRST_COMPLETED)
        hastened.cancel()
        in_time = self._task.done()
        if not in_time and self._process is not None:
            self._say(f"{self.child.name}: did not stop in time and is killed")
            _kill_group(self._process.pid)
        await self._task
        return in_time

    async def _keep_running(self) -> None:
        delay = FIRST_DELAY_S
        while not self._stopping.is_set():
            began = asyncio.get_running_loop().time()
            how = await self._run_once()
            self.has_ended.set()
            if self._stopping.is_set():
                return
            self._say(f"{self.child.name}: {how}")
            if asyncio.get_running_loop().time() - began >= STEADY_S:
                delay = FIRST_DELAY_S
            try:
                await asyncio.wait_for(self._stopping.wait(), delay)
            except TimeoutError:
                self._say(f"{self.child.name}: starts again after {delay:g} s")
            delay = min(2 * delay, LONGEST_DELAY_S)

    async def _run_once(self) -> str:
        """Runs it to its end, and says how it ended."""
        read, write = os.pipe()
        async with _forwarded(read, self.child.name, self._say):
            try:
                self._process = process = await _spawn(self.child, write)
            except OSError as error:
                return f"can't be run ({error})"
            finally:
                os.close(write)
            if self._stopping.is_set():  # asked to stop while it was being started
                _signal(process, signal.SIGTERM)
            code = await process.wait()
            _kill_group(process.pid)  # what it may have started and left
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


async def _spawn(child: Child, output: int) -> asyncio.subprocess.Process:
    """In a process group of its own, so that a terminal's Ctrl-C reaches the supervisor alone."""
    return await asyncio.create_subprocess_exec(
        *child.argv,
        env=child.env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=child.pass_fds,
        process_group=0,
        preexec_fn=functools.partial(_die_with, os.getpid()),
    )


def _die_with(parent: int) -> None:
    """Has the kernel kill this process when the supervisor dies, however it dies. Linux alone has that."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we could ask
        os._exit(1)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


@contextlib.asynccontextmanager
async def _forwarded(read: int, name: str, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Says each line that comes out of the pipe, after the child's name."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", buffering=0)
    )
    saying = asyncio.create_task(_say_lines(reader, name, say))
    try:
        yield
    finally:
        await asyncio.wait((saying,), timeout=_LAST_OUTPUT_S)
        saying.cancel()
        transport.close()


async def _say_lines(reader: asyncio.StreamReader, name: str, say: Callable[[str], None]) -> None:
    rest = b""
    while chunk := await reader.read(_CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _CHUNK_BYTES:  # a line without an end is not gathered for ever
            lines, rest = [*lines, rest], b""
        for line in lines:
            say(f"{name} | {line.decode(errors='replace')}")
    if rest:
        say(f"{name} | {rest.decode(errors='replace')}")
