"""`judged backup` and `judged restore`: the whole store as one file, and such a file as a store."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Set
from functools import partial
from pathlib import Path

from service.config.settings import Settings
from service.launch.children import die_with
from service.launch.embedded_store import (
    Store,
    find_binary,
    has_data,
    is_listening,
    last_words,
    log_lines,
    socket_for,
    socket_in,
    store_command,
    wait_until_ready,
)
from service.launch.preflight import StartError, claimed
from service.store.errors import StoreError
from service.store.snapshots import (
    SNAPSHOT_START,
    copy_keys,
    databases_in_use,
    keep_database,
    save_snapshot,
    turn_on_append_only,
    what_is_in_the_way,
)

_INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_POLL_S = 0.05
_SHORTEST = 18  # bytes: the start, the end and the checksum
_SNAPSHOT_NAME = "dump.rdb"
_APPEND_ONLY_FOLDER = "appendonlydir"
_REASONS = re.compile(r"RDB format version|checksum|signature|[Ss]hort read|[Uu]nexpected EOF|[Ii]nternal error")
_TOO_NEW = "DUMP payload version"


class BackupError(Exception):
    """A backup can't be made or restored. The message is the reason, in one line."""


def backup(settings: Settings, data: str | None, file: Path, note_bytes: Callable[[int], None]) -> int:
    """Writes the whole store as it is at one moment to a new file, and returns its size in bytes.

    The store is the one at `store.redis_url`; or, if `data` is given or no URL is set, that of `judged up` in this
    folder, whether it runs or not. Raises BackupError, StartError, StoreError and OSError.
    """
    if file.exists():
        raise BackupError(f"{file} is there already: name a new file")
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        descriptor = _created(part, file)
        with os.fdopen(descriptor, "wb") as opened, _store_to_save(settings, data) as url:
            save_snapshot(url, opened, note_bytes)
            opened.flush()
            os.fsync(opened.fileno())
        _check_start(part)
        size = part.stat().st_size
        part.rename(file)
        return size
    finally:
        part.unlink(missing_ok=True)


def _created(part: Path, file: Path) -> int:
    """Creates the file that a backup is written to, for its owner alone: it has texts and the secret in it."""
    try:
        return os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BackupError(f"can't write {file}: {(error.strerror or str(error)).lower()}") from error


@contextlib.contextmanager
def _store_to_save(settings: Settings, data: str | None) -> Iterator[str]:
    """Yields the URL of the store; starts that of a folder for as long, if nobody runs it."""
    if data is None and settings.store.redis_url:
        yield settings.store.redis_url
        return
    folder = Path(data or settings.store.data).expanduser().absolute()
    if not has_data(folder):
        raise BackupError(f"there is no store in {folder}: name its folder with --data, or set JUDGED_REDIS_URL")
    if is_listening(socket_in(folder)):
        yield f"unix://{socket_in(folder)}"
        return
    with contextlib.ExitStack() as held:
        lock = held.enter_context(claimed(folder))
        store = Store(find_binary(settings.store.binary), folder, held.enter_context(socket_for(folder)))
        held.enter_context(running_store(store, store_command(store), lock))
        yield store.url


def restore(
    settings: Settings, data: str | None, file: Path, number: int | None, note_keys: Callable[[int, int], None]
) -> str:
    """Fills an empty store from the file of a backup, and returns its name for people: a folder or "the store".

    The store is chosen as for `backup`; that of a folder must not run. The store may have keys of others, and those of
    this installation alone (`store.prefix`) are taken from the backup. `number` is the database to take from it, None
    the only one with keys of this installation. Raises BackupError, StartError, StoreError and OSError.
    """
    _check_start(file)
    binary = find_binary(settings.store.binary)
    if data is None and settings.store.redis_url:
        _into_running_store(settings.store.redis_url, settings.store.prefix, file, number, binary, note_keys)
        return "the store at JUDGED_REDIS_URL"
    folder = Path(data or settings.store.data).expanduser().absolute()
    with claimed(folder):
        _into_folder(folder, settings.store.prefix, file, number, binary)
    return str(folder)


def _into_folder(folder: Path, prefix: str, file: Path, number: int | None, binary: Path) -> None:
    """Turns the backup into an append-only file, which the embedded store reads, and moves that to its place."""
    if has_data(folder):
        raise BackupError(f"there is a store in {folder} already: name another folder with --data")
    with _loaded(file, binary, parent=folder) as store:
        keep_database(store.url, _chosen_database(store.url, number, prefix), prefix)
        turn_on_append_only(store.url)
        (store.data / _APPEND_ONLY_FOLDER).rename(folder / _APPEND_ONLY_FOLDER)


def _into_running_store(
    url: str, prefix: str, file: Path, number: int | None, binary: Path, note_keys: Callable[[int, int], None]
) -> None:
    if (reason := what_is_in_the_way(url, prefix)) is not None:
        raise BackupError(reason)
    with _loaded(file, binary, parent=None) as store:
        try:
            copy_keys(store.url, _chosen_database(store.url, number, prefix), url, prefix, note_keys)
        except StoreError as error:
            if _TOO_NEW not in str(error):
                raise
            hint = "name a server of the store's version in store.binary, such as redis-server"
            raise BackupError(f"the store is older than the {binary.name} that reads the file: {hint}") from error


def _chosen_database(url: str, number: int | None, prefix: str) -> int:
    found = databases_in_use(url, prefix)
    if not found:
        raise BackupError(f"the backup has no data of judged{f' with the prefix {prefix}' if prefix else ''} in it")
    if number is None and len(found) == 1:
        return found[0]
    if number not in found:
        listed = ", ".join(map(str, found))
        raise BackupError(f"the backup has data of judged in the databases {listed}: choose one with --database")
    return number


@contextlib.contextmanager
def _loaded(file: Path, binary: Path, parent: Path | None) -> Iterator[Store]:
    """Runs a store with the content of a backup, in a temporary folder within `parent`."""
    with tempfile.TemporaryDirectory(prefix="restoring-", dir=parent) as name, socket_for(Path(name)) as socket:
        store = Store(binary, Path(name), socket)
        shutil.copyfile(file, store.data / _SNAPSHOT_NAME)
        command = (*store_command(store), "--appendonly", "no", "--dbfilename", _SNAPSHOT_NAME)
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(running_store(store, command))
            except StartError as error:
                reason = f"{binary.name} can't read it: {error}"
                raise BackupError(f"{file} is damaged, or of a newer store than the one here: {reason}") from error
            yield store


@contextlib.contextmanager
def running_store(store: Store, command: tuple[str, ...], lock: int | None = None) -> Iterator[None]:
    """Runs a store until the end of the block. Raises StartError with the store's words if it does not start.

    The store inherits the lock of its folder, and ends with this process however that ends. An interruption waits while
    the store is started: Python would lose one that comes in its own hooks of a fork.
    """
    null = subprocess.DEVNULL
    with asyncio.Runner() as runner, contextlib.ExitStack() as held:
        runner.get_loop()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTIONS)
        let_in = held.callback(signal.pthread_sigmask, signal.SIG_SETMASK, mask)
        with subprocess.Popen(  # noqa: S603
            command,
            stdin=null,
            stdout=null,
            stderr=null,
            process_group=0,
            pass_fds=() if lock is None else (lock,),
            preexec_fn=partial(_begin_child, os.getpid(), mask),
        ) as process:
            try:
                let_in(signal.SIG_SETMASK, mask)
                runner.run(_answers(process, store))
                yield
            finally:
                process.terminate()


def _begin_child(parent: int, mask: Set[int]) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    die_with(parent)


async def _answers(process: "subprocess.Popen[bytes]", store: Store) -> None:
    ready = asyncio.create_task(wait_until_ready(store.socket))
    while not ready.done():
        if process.poll() is not None:
            ready.cancel()
            raise StartError(_reason(store) or f"it ended with code {process.returncode}")
        await asyncio.wait((ready,), timeout=_POLL_S)
    await ready


def _reason(store: Store) -> str:
    """Returns the line of the store's log that says what is wrong with a snapshot, else the last one."""
    return next(filter(_REASONS.search, reversed(log_lines(store.log))), last_words(store.log))


def _check_start(file: Path) -> None:
    with file.open("rb") as opened:
        start = opened.read(_SHORTEST)
    if len(start) < _SHORTEST or SNAPSHOT_START.match(start) is None:
        raise BackupError(f"{file} is not a backup: it does not begin as one")


__all__ = ["BackupError", "StartError", "StoreError", "backup", "restore"]
