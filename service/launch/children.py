"""Child processes that are restarted when they end, and that never outlive the supervisor."""

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
STEADY_S = 30.0  # after running this long, a child restarts with the shortest delay again

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded before any fork
_CHUNK_BYTES = 65_536
_LAST_OUTPUT_S = 1.0  # for reading the rest of the pipe of a child that has ended


@dataclass(frozen=True, eq=False)
class Child:
    """A command to run, and the name that its output is printed under."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    grace_s: float = 30.0  # between SIGTERM and SIGKILL
    pass_fds: tuple[int, ...] = ()
    rereads: bool = False  # its configuration on SIGHUP


class KeptChild:
    """Keeps one child running from `start` to `stop`."""

    def __init__(self, child: Child, print_line: Callable[[str], None]) -> None:
        self.child = child
        self.has_ended = asyncio.Event()  # at least once
        self._print_line = print_line
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts the child and keeps it running."""
        self._task = asyncio.create_task(self._keep_running(), name=self.child.name)

    async def stop(self, hasten: asyncio.Event) -> bool:
        """Sends SIGTERM, then SIGKILL after the child's grace time or once `hasten` is set.

        Returns whether the child ended without SIGKILL.
        """
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
            self._print_line(f"{self.child.name}: did not stop in time and is killed")
            _kill_group(self._process.pid)
        await self._task
        return in_time

    def reread(self) -> None:
        """Sends SIGHUP to a child that reads its configuration again then."""
        if self.child.rereads and self._process is not None:
            _signal(self._process, signal.SIGHUP)

    async def _keep_running(self) -> None:
        delay = FIRST_DELAY_S
        while not self._stopping.is_set():
            began = asyncio.get_running_loop().time()
            how = await self._run_once()
            self.has_ended.set()
            if self._stopping.is_set():
                return
            self._print_line(f"{self.child.name}: {how}")
            if asyncio.get_running_loop().time() - began >= STEADY_S:
                delay = FIRST_DELAY_S
            try:
                await asyncio.wait_for(self._stopping.wait(), delay)
            except TimeoutError:
                self._print_line(f"{self.child.name}: restarts after {delay:g} s")
            delay = min(2 * delay, LONGEST_DELAY_S)

    async def _run_once(self) -> str:
        """Runs the child until it ends, and returns how it ended."""
        read, write = os.pipe()
        async with _forwarded(read, self.child.name, self._print_line):
            try:
                self._process = process = await _spawn(self.child, write)
            except OSError as error:
                return f"can't be run ({error})"
            finally:
                os.close(write)
            if self._stopping.is_set():  # stop() was called during the start
                _signal(process, signal.SIGTERM)
            code = await process.wait()
            _kill_group(process.pid)  # processes that it started and left behind
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


async def _spawn(child: Child, output: int) -> asyncio.subprocess.Process:
    """Starts the child in its own process group, so that Ctrl-C in a terminal reaches the supervisor alone."""
    return await asyncio.create_subprocess_exec(
        *child.argv,
        env=child.env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=child.pass_fds,
        process_group=0,
        preexec_fn=functools.partial(die_with, os.getpid()),
    )


def die_with(parent: int) -> None:
    """Asks the kernel to kill this process when its parent dies (Linux only): for `preexec_fn`."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # which died before prctl
        os._exit(1)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


@contextlib.asynccontextmanager
async def _forwarded(read: int, name: str, print_line: Callable[[str], None]) -> AsyncIterator[None]:
    """Prints each line from the pipe after the child's name."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", buffering=0)
    )
    forwarding = asyncio.create_task(_forward_lines(reader, name, print_line))
    try:
        yield
    finally:
        await asyncio.wait((forwarding,), timeout=_LAST_OUTPUT_S)
        forwarding.cancel()
        transport.close()


async def _forward_lines(reader: asyncio.StreamReader, name: str, print_line: Callable[[str], None]) -> None:
    rest = b""
    while chunk := await reader.read(_CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _CHUNK_BYTES:  # a line without an end must not fill the memory
            lines, rest = [*lines, rest], b""
        for line in lines:
            print_line(f"{name} | {line.decode(errors='replace')}")
    if rest:
        print_line(f"{name} | {rest.decode(errors='replace')}")
