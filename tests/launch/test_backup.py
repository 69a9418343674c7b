"""Backups of each server that is here, restored into each other one that can read them."""

import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from service.config.settings import Settings, load_settings
from service.launch.backup import BackupError, backup, restore, running_store
from service.launch.embedded_store import Store, find_binary, socket_for, store_command
from service.launch.preflight import StartError, claimed, free_port
from service.store.errors import StoreError, StoreUnavailableError
from tests.launch.processes import all_end, children_of, watched
from tests.launch.test_embedded_store import BINARIES
from tests.polling import LIMIT_S
from tests.stubs.authority import Authority

URL = "JUDGED_REDIS_URL"


@contextmanager
def served(data: Path, binary: Path, *options: str) -> Iterator[Store]:
    """A running store that sends its snapshots without delay."""
    data.mkdir(exist_ok=True)
    with socket_for(data) as socket:
        store = Store(binary, data, socket)
        command = (*store_command(store), "--repl-diskless-sync-delay", "0", *options)
        with running_store(store, command):
            yield store


def settings_of(url: str | None = None, binary: Path | None = None) -> Settings:
    environ = {**({URL: url} if url else {}), **({"JUDGED_STORE_BINARY": str(binary)} if binary else {})}
    return load_settings(None, environ)


def client_of(store: Store, **options: Any) -> Any:
    return Redis.from_url(store.url, **options)


def protect(store: Store, password: str) -> None:
    client_of(store).config_set("requirepass", password)


def nothing(*_: int) -> None:
    pass


def filled(store: Store, database: int = 0) -> None:
    client = client_of(store, db=database)
    client.set("judged:text", "é" * 1000)
    client.set("judged:short", "1", px=600_000)
    client.hset("judged:hash", mapping={str(n): n for n in range(1000)})
    client.zadd("judged:ordered", {str(n): n for n in range(500)})
    client.set(b"judged:\xff\x00", b"\xff\x00")


def assert_is_filled(store: Store) -> None:
    client = client_of(store)
    assert client.dbsize() == 5
    assert client.get("judged:text").decode() == "é" * 1000
    assert 0 < client.pttl("judged:short") <= 600_000
    assert client.ttl("judged:text") == -1
    assert client.hgetall("judged:hash") == {str(n).encode(): str(n).encode() for n in range(1000)}
    assert client.zscore("judged:ordered", "7") == 7
    assert client.get(b"judged:\xff\x00") == b"\xff\x00"


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """A backup of a filled store."""
    file = tmp_path / "all.rdb"
    with served(tmp_path / "saved", find_binary(None)) as store:
        filled(store)
        backup(settings_of(store.url), None, file, nothing)
    return file


@pytest.mark.parametrize("binary", BINARIES)
def test_a_folder_is_restored_from_a_running_store(binary: Path, tmp_path: Path) -> None:
    file, noted = tmp_path / "all.rdb", list[int]()
    with served(tmp_path / "from", binary) as store:
        filled(store)
        size = backup(settings_of(store.url), None, file, noted.append)
    assert noted[-1] == size == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert restore(settings_of(binary=binary), str(tmp_path / "to"), file, None, nothing) == str(tmp_path / "to")
    assert sorted(each.name for each in (tmp_path / "to").iterdir()) == ["appendonlydir", "lock"]
    with served(tmp_path / "to", binary) as store:
        assert_is_filled(store)
    with served(tmp_path / "to", binary) as store:
        assert_is_filled(store)


@pytest.mark.parametrize("binary", BINARIES)
def test_another_running_store_is_filled_with_its_own_database_and_password(binary: Path, tmp_path: Path) -> None:
    file = tmp_path / "all.rdb"
    with served(tmp_path / "from", binary) as store:
        protect(store, "secret")
        client = client_of(store, password="secret", db=3)
        client.set("judged:a", "1")
        backup(settings_of(f"{store.url}?password=secret&db=3"), None, file, nothing)
    with served(tmp_path / "to", binary) as store:
        protect(store, "other")
        target = settings_of(f"{store.url}?password=other&db=5", binary)
        assert restore(target, None, file, None, nothing) == f"the store at {URL}"
        assert client_of(store, password="other", db=5).get("judged:a") == b"1"
        with pytest.raises(BackupError, match="the store is not empty \\(it has the key judged:a\\)"):
            restore(target, None, file, None, nothing)


def test_a_store_that_can_not_read_a_backup_says_so_and_nothing_is_left(snapshot: Path, tmp_path: Path) -> None:
    older = shutil.which("redis-server")
    if older is None or b"v=7.0" not in subprocess.run([older, "--version"], capture_output=True).stdout:
        pytest.skip("no Redis 7.0, which can't read snapshots of the bundled store")
    with pytest.raises(BackupError, match=r"of a newer store than the one here: .*Can't handle RDB format version"):
        restore(settings_of(binary=Path(older)), str(tmp_path / "to"), snapshot, None, nothing)
    assert [each.name for each in (tmp_path / "to").iterdir()] == ["lock"]


def test_a_running_store_that_is_older_than_the_reader_of_the_file_is_told(snapshot: Path, tmp_path: Path) -> None:
    older = shutil.which("redis-server")
    if older is None or b"v=7.0" not in subprocess.run([older, "--version"], capture_output=True).stdout:
        pytest.skip("no Redis 7.0, which can't take the keys of the bundled store")
    with served(tmp_path / "to", Path(older)) as store:
        with pytest.raises(BackupError, match="name a server of the store's version"):
            restore(settings_of(store.url), None, snapshot, None, nothing)
        assert client_of(store).dbsize() == 0


def test_an_older_server_runs_a_folder_that_the_bundled_one_restored(snapshot: Path, tmp_path: Path) -> None:
    restore(settings_of(), str(tmp_path / "to"), snapshot, None, nothing)
    for binary in BINARIES:
        with served(tmp_path / "to", Path(str(binary.values[0]))) as store:
            assert_is_filled(store)


def cut(content: bytes) -> bytes:
    return content[:-100]


def changed(content: bytes) -> bytes:
    return content[:-12] + bytes([content[-12] ^ 1]) + content[-11:]


@pytest.mark.parametrize("damage", [cut, changed])
def test_a_damaged_backup_is_refused(damage: Any, snapshot: Path, tmp_path: Path) -> None:
    snapshot.write_bytes(damage(snapshot.read_bytes()))
    with pytest.raises(BackupError, match=r"all\.rdb is damaged, or of a newer store"):
        restore(settings_of(), str(tmp_path / "to"), snapshot, None, nothing)
    restored = tmp_path / "to"
    assert [each.name for each in restored.iterdir()] == ["lock"]


@pytest.mark.parametrize("content", [b"", b"REDIS", b"a table,of\nnumbers,1\n" * 10])
def test_a_file_that_is_no_backup_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)
    with pytest.raises(BackupError, match="is not a backup"):
        restore(settings_of(), str(tmp_path / "to"), file, None, nothing)


def test_a_snapshot_of_another_service_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.rdb"
    with served(tmp_path / "from", find_binary(None)) as store:
        client_of(store).set("theirs", "1")
        backup(settings_of(store.url), None, file, nothing)
    with pytest.raises(BackupError, match="no data of judged"):
        restore(settings_of(), str(tmp_path / "to"), file, None, nothing)


def test_of_several_installations_in_one_store_one_is_chosen(tmp_path: Path) -> None:
    file = tmp_path / "all.rdb"
    with served(tmp_path / "from", find_binary(None)) as store:
        client_of(store, db=0).set("judged:another", "1")
        client_of(store, db=1).set("theirs", "1")
        filled(store, 2)
        backup(settings_of(store.url), None, file, nothing)
    with pytest.raises(BackupError, match="in the databases 0, 2: choose one with --database"):
        restore(settings_of(), str(tmp_path / "to"), file, None, nothing)
    restore(settings_of(), str(tmp_path / "to"), file, 2, nothing)
    with served(tmp_path / "to", find_binary(None)) as store:
        assert_is_filled(store)
        assert list(client_of(store).info("keyspace")) == ["db0"]


def test_a_folder_is_saved_whether_its_store_runs_or_not(tmp_path: Path) -> None:
    with served(tmp_path / "a folder", find_binary(None)) as store:  # a name that no URL takes: the socket is elsewhere
        assert store.socket.parent != tmp_path / "a folder"
        filled(store)
        backup(settings_of(), str(tmp_path / "a folder"), tmp_path / "running.rdb", nothing)
    backup(settings_of(), str(tmp_path / "a folder"), tmp_path / "stopped.rdb", nothing)
    for name in ("running", "stopped"):
        restore(settings_of(), str(tmp_path / name), tmp_path / f"{name}.rdb", None, nothing)
        with served(tmp_path / name, find_binary(None)) as store:
            assert_is_filled(store)


def test_what_is_there_is_never_overwritten(snapshot: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="is there already"):
        backup(settings_of(), str(tmp_path / "saved"), snapshot, nothing)
    with pytest.raises(BackupError, match=r"there is a store in .*saved already"):
        restore(settings_of(), str(tmp_path / "saved"), snapshot, None, nothing)
    with claimed(tmp_path / "busy"), pytest.raises(StartError, match="in use by another judged"):
        restore(settings_of(), str(tmp_path / "busy"), snapshot, None, nothing)


def _command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel ends no orphans")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("action", ["backup", "restore"])
def test_no_store_outlives_a_command_that_is_ended(tmp_path: Path, action: str, number: signal.Signals) -> None:
    """It went on in its folder without the lock, and `judged up` began a second one there."""
    binary, data, file = tmp_path / "store", tmp_path / "data", tmp_path / "all.rdb"
    binary.write_text("#!/bin/sh\nexec sleep 60\n")  # a store that is loading its data
    binary.chmod(0o700)
    (data / "appendonlydir").mkdir(parents=True)
    if action == "restore":
        data = tmp_path / "other"
        file.write_bytes(b"REDIS0010" + b"0" * 30)
    argv = [sys.executable, "-m", "service.cli", action, str(file), "--data", str(data)]
    with watched(argv, tmp_path, {"JUDGED_STORE_BINARY": str(binary)}) as command:
        ends = time.monotonic() + LIMIT_S
        while not (children := children_of(command.process.pid)) or b"sleep" not in _command_line(children[0]):
            assert time.monotonic() < ends, command.printed
            time.sleep(0.01)
        if action == "backup":
            opened = [each.readlink() for each in Path(f"/proc/{children[0]}/fd").iterdir()]
            assert data / "lock" in opened
        command.send(number)
        command.ends_with()
        assert all_end(children)
        assert "Traceback" not in command.printed
    if number != signal.SIGKILL:
        assert not [*tmp_path.glob(".*.part"), *data.glob("restoring-*")]


def test_without_a_store_there_is_no_file(tmp_path: Path) -> None:
    file = tmp_path / "all.rdb"
    with pytest.raises(BackupError, match="there is no store in"):
        backup(settings_of(), str(tmp_path / "absent"), file, nothing)
    with pytest.raises(StoreUnavailableError):
        backup(settings_of("redis://:secret@127.0.0.1:1"), None, file, nothing)
    with served(tmp_path / "from", find_binary(None)) as store:
        protect(store, "secret")
        with pytest.raises(StoreError, match="Authentication required"):
            backup(settings_of(store.url), None, file, nothing)
    assert [each.name for each in tmp_path.glob("*all*")] == []


def test_a_store_is_saved_over_tls(tmp_path: Path) -> None:
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server")
    authority, port = Authority(tmp_path), free_port("127.0.0.1")
    certificate, key = authority.issued("server")
    tls = ("--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no", "--tls-port", str(port))
    try:
        with served(tmp_path / "from", Path(binary), *tls) as store:
            filled(store)
            secure = settings_of(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={authority.file}")
            backup(secure, None, tmp_path / "all.rdb", nothing)
            with pytest.raises(StoreUnavailableError, match="certificate verify failed"):
                backup(settings_of(f"rediss://127.0.0.1:{port}/0"), None, tmp_path / "other.rdb", nothing)
    except StartError as error:
        pytest.skip(f"this redis-server has no TLS: {error}")
    restore(settings_of(), str(tmp_path / "to"), tmp_path / "all.rdb", None, nothing)
    with served(tmp_path / "to", find_binary(None)) as store:
        assert_is_filled(store)


def test_a_store_without_permission_to_replicate_is_named(tmp_path: Path) -> None:
    with served(tmp_path / "from", find_binary(None)) as store:
        client_of(store).execute_command("ACL", "SETUSER", "limited", "on", ">pw", "~*", "+@all", "-sync", "-psync")
        limited = settings_of(f"{store.url}?username=limited&password=pw")
        with pytest.raises(StoreError, match="no permissions"):
            backup(limited, None, tmp_path / "all.rdb", nothing)
