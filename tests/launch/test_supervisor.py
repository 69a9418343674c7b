"""The supervisor, with a real store and stand-ins for the API and the worker."""

import asyncio
import fcntl
import os
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.launch import supervisor
from service.launch.children import Child, KeptChild
from service.launch.interpreter import python_environ
from service.launch.preflight import StartError, claimed, listen, listen_nearby
from tests.launch.processes import Watched, all_end, children_of, watched


@contextmanager
def supervised(folder: Path, worker: str = "worker", environ: dict[str, str] | None = None) -> Iterator[Watched]:
    argv = (sys.executable, "-m", "tests.launch.standin", "supervisor", str(folder / "data"), worker)
    with watched(argv, folder, environ) as running:
        yield running


def everyone(running: Watched) -> list[int]:
    """Returns the process ids of the store, the API and the worker once they are ready."""
    running.until(r"ready in")
    running.until(r"worker works (\d+)")
    pids = children_of(running.process.pid)
    assert len(pids) == 3
    return pids


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_everyone_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with supervised(tmp_path) as running:
        pids = everyone(running)
        running.send(number)
        assert running.ends_with() == 0
        assert all_end(pids, limit_s=0)
    assert "worker-1 | worker ends, the store says +PONG" in running.printed
    assert "bye bye" in (tmp_path / "data" / "store.log").read_text()


def test_a_signal_that_a_wrapper_sends_twice_ends_everyone_in_order(tmp_path: Path) -> None:
    with supervised(tmp_path) as running:
        everyone(running)
        running.send(signal.SIGTERM)
        running.send(signal.SIGINT)
        assert running.ends_with() == 0
    assert "worker-1 | worker ends, the store says +PONG" in running.printed


def test_hangup_goes_on_to_those_that_read_their_configuration_again(tmp_path: Path) -> None:
    with supervised(tmp_path) as running:
        pids = everyone(running)
        running.send(signal.SIGHUP)
        running.until(r"worker-1 \| worker rereads")
        assert children_of(running.process.pid) == pids
        running.send(signal.SIGTERM)
        assert running.ends_with() == 0


def test_a_closed_terminal_ends_everyone(tmp_path: Path) -> None:
    master, terminal = os.openpty()

    def take_terminal() -> None:
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

    argv = (sys.executable, "-m", "tests.launch.standin", "supervisor", str(tmp_path / "data"), "worker")
    with subprocess.Popen(argv, stdin=terminal, stdout=subprocess.PIPE, preexec_fn=take_terminal, text=True) as running:
        os.close(terminal)
        assert running.stdout is not None
        assert any("ready in" in line for line in running.stdout)
        os.close(master)
        assert running.wait(20) == 0


def test_team_is_ready_soon(tmp_path: Path) -> None:
    with supervised(tmp_path) as running:
        assert float(running.until(r"ready in (\d+\.\d) s")) < 3


def test_crashed_child_is_started_again(tmp_path: Path) -> None:
    with supervised(tmp_path) as running:
        everyone(running)
        os.kill(int(running.until(r"worker works (\d+)")), signal.SIGKILL)
        running.until(r"worker-1: killed by SIGKILL\nworker-1: restarts after 0\.2 s")
        running.until(r"worker works (\d+)", times=2)
        running.send(signal.SIGTERM)
        assert running.ends_with() == 0


def test_clients_wait_while_the_api_is_started_again(tmp_path: Path) -> None:
    with supervised(tmp_path) as running:
        everyone(running)
        api = int(running.until(r"api serves (\d+)"))
        port = _port_of(api)
        os.kill(api, signal.SIGKILL)
        assert all_end([api])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert client.recv(64).startswith(b"HTTP/1.1 200")


def _port_of(pid: int) -> int:
    """Returns the port that a process listens on, from the kernel's table."""
    own = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()}
    rows = [row.split() for row in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return next(int(row[1].rpartition(":")[2], 16) for row in rows if f"socket:[{row[9]}]" in own)


def test_crashed_store_comes_back_with_its_data(tmp_path: Path) -> None:
    with supervised(tmp_path) as running:
        store = next(pid for pid in everyone(running) if "server" in _name_of(pid))
        _ask_store(tmp_path, b"SET kept 1\r\n")
        os.kill(store, signal.SIGKILL)
        running.until(r"store: killed by SIGKILL")
        answer = b""
        while not answer.startswith(b"$"):
            answer = _ask_store(tmp_path, b"GET kept\r\n")
        assert answer == b"$1\r\n1\r\n"
        running.send(signal.SIGTERM)
        assert running.ends_with() == 0


def _name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def _ask_store(folder: Path, request: bytes) -> bytes:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(folder / "data" / "store.sock"))
            client.sendall(request)
            return client.recv(1024)
    except OSError:
        return b""


def test_second_signal_kills_what_does_not_stop(tmp_path: Path) -> None:
    with supervised(tmp_path, "stubborn") as running:
        pids = everyone(running)
        running.send(signal.SIGINT)
        running.until("stopping")
        while "is killed" not in running.printed:  # those that come at once with the first are not counted
            running.send(signal.SIGINT)
            time.sleep(0.05)
        assert running.ends_with() == 1
        assert all_end(pids, limit_s=0)
    assert "worker-1: did not stop in time and is killed" in running.printed


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends orphans on Linux alone")
@pytest.mark.parametrize("worker", ["worker", "stubborn"])
def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path, worker: str) -> None:
    with supervised(tmp_path, worker) as running:
        pids = everyone(running)
        running.send(signal.SIGKILL)
        running.ends_with()
        assert all_end(pids, limit_s=2)


def test_each_child_has_a_process_group_of_its_own(tmp_path: Path) -> None:
    with supervised(tmp_path) as running:
        assert all(os.getpgid(pid) == pid for pid in everyone(running))


def test_store_that_ends_at_once_ends_the_start(tmp_path: Path) -> None:
    with supervised(tmp_path, environ={"JUDGED_TEST_STORE": "false"}) as running:
        assert running.ends_with() == 2
    assert "the store ended as soon as it was started" in running.printed


async def kept_for(code: str, until: str, count: int = 1) -> list[str]:
    """Keeps a Python with this code running until a text was printed `count` times. Returns the printed lines."""
    said: list[str] = []
    enough = asyncio.Event()

    def say(line: str) -> None:
        said.append(line)
        if sum(until in each for each in said) >= count:
            enough.set()

    kept = KeptChild(Child("it", (sys.executable, "-c", code), python_environ(os.environ)), say)
    kept.start()
    await asyncio.wait_for(enough.wait(), 10)
    await kept.stop(asyncio.Event())
    return said


async def test_wait_between_starts_doubles() -> None:
    said = await kept_for("raise SystemExit(3)", "restarts", count=3)
    assert said[0:6:2] == ["it: ended with code 3"] * 3
    assert said[1:6:2] == [f"it: restarts after {delay} s" for delay in ("0.2", "0.4", "0.8")]


async def test_output_is_said_line_by_line_under_the_childs_name() -> None:
    code = "import sys; print('one'); print('two', file=sys.stderr); print('x' * 200_000); print('end', end='')"
    said = await kept_for(code, "it: ended")
    assert said[:2] == ["it | one", "it | two"]
    assert sum(line.count("x") for line in said) == 200_000
    assert "it | end" in said


async def test_what_a_child_left_behind_ends_with_it() -> None:
    code = "import subprocess, sys\nprint(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid)"
    said = await kept_for(code, "it: ended")
    assert all_end([int(line.removeprefix("it | ")) for line in said if line.startswith("it | ")])


async def test_program_that_is_not_there_is_said_and_tried_again() -> None:
    said: list[str] = []
    kept = KeptChild(Child("it", ("/nowhere/program",), {}), said.append)
    kept.start()
    await kept.has_ended.wait()
    assert await kept.stop(asyncio.Event())
    assert "can't be run" in said[0]


def test_data_is_claimed_once(tmp_path: Path) -> None:
    with (
        claimed(tmp_path / "data"),
        pytest.raises(StartError, match=rf"in use by .* \(process {os.getpid()}\)"),
    ):
        claimed(tmp_path / "data").__enter__()
    with claimed(tmp_path / "data"):
        pass


def test_data_is_for_its_owner_alone(tmp_path: Path) -> None:
    with claimed(tmp_path / "data"):
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_taken_port_is_refused() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(StartError, match=f"port {port} on 127.0.0.1 is taken"):
            listen("127.0.0.1", port)


def test_next_port_is_listened_on_if_the_port_is_taken() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with listen_nearby("127.0.0.1", port) as second:
            assert second.getsockname()[1] > port


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.1"])
def test_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(StartError, match=host):
        listen(host, 0)


def test_readiness_is_asked_for_the_seldomer_the_longer_it_takes() -> None:
    assert [supervisor._pause_s(waited) for waited in (0.0, 1.0, 10.0, 3600.0)] == [0.05, 0.05, 0.5, 1.0]
