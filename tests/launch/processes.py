"""Real processes for tests: started, watched by their output, and never left behind."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.polling import LIMIT_S, until

ROOT = Path(__file__).parents[2]


class Watched:
    """A process whose output is kept."""

    def __init__(self, process: "subprocess.Popen[bytes]", printed: Path) -> None:
        self.process = process
        self._printed = printed

    @property
    def printed(self) -> str:
        return self._printed.read_text()

    def until(self, pattern: str, times: int = 1, limit_s: float = LIMIT_S) -> str:
        """Waits until the pattern was printed so often. Returns the last match's first group, else the match."""
        ends = time.monotonic() + limit_s
        while time.monotonic() < ends:
            found = list(re.finditer(pattern, self.printed))
            if len(found) >= times:
                return found[-1][1] if found[-1].groups() else found[-1][0]
            time.sleep(0.01)
        raise AssertionError(f"{pattern!r} was not printed {times} times:\n{self.printed}")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ends_with(self, limit_s: float = LIMIT_S) -> int:
        """Waits for the end, and returns the exit code."""
        return self.process.wait(limit_s)


@contextmanager
def watched(
    argv: Sequence[str],
    folder: Path,
    environ: Mapping[str, str] | None = None,
    *,
    fds: Sequence[int] = (),
    restore_signals: bool = True,
) -> Iterator[Watched]:
    """Runs a command in the folder, with only the given configuration, and kills it at the end if it still runs.

    `fds` are open files that it inherits under the same numbers. Without `restore_signals` it ignores those that Python
    does, and so outlives a limit of its files' sizes.
    """
    printed = folder / f"printed-{time.monotonic_ns()}.txt"
    own = {name: value for name, value in os.environ.items() if not name.startswith("JUDGED_")}
    env = {**own, "PYTHONPATH": str(ROOT), **(environ or {})}
    with (
        printed.open("wb") as output,
        subprocess.Popen(
            argv,
            cwd=folder,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=fds,
            restore_signals=restore_signals,
        ) as process,
    ):
        try:
            yield Watched(process, printed)
        finally:
            process.kill()


async def until_answers(client: httpx.AsyncClient, path: str, *running: Watched) -> None:
    """Waits until a path is answered with 200, as long as these processes run."""

    async def answers() -> bool:
        for each in running:
            assert each.process.poll() is None, each.printed
        with suppress(httpx.TransportError):
            return (await client.get(path)).status_code == 200
        return False

    await until(answers, f"an answer to {path}")


def is_alive(pid: int) -> bool:
    """Returns whether the process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def all_end(pids: Sequence[int], limit_s: float = LIMIT_S) -> bool:
    """Returns whether all of them end within the limit."""
    ends = time.monotonic() + limit_s
    while any(is_alive(pid) for pid in pids):
        if time.monotonic() > ends:
            return False
        time.sleep(0.01)
    return True
