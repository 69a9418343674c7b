"""Stand-ins for the processes of the service, and a supervisor of them: `python -m tests.launch.standin`."""

import asyncio
import os
import signal
import socket
import sys
import time
from functools import partial
from pathlib import Path

from service.launch import embedded_store
from service.launch.children import Child
from service.launch.interpreter import python_environ, python_module
from service.launch.preflight import StartError, claimed, listen
from service.launch.supervisor import Outputs, Team, supervise
from service.launch.up import http_ok


def api(descriptor: str) -> None:
    """Answers every connection with 200."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("api serves", os.getpid(), flush=True)
    with socket.socket(fileno=int(descriptor)) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def worker(store: str) -> None:
    """Works until SIGTERM, then prints whether the store still answers."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, lambda *_: print("worker rereads", flush=True))
    print("worker works", os.getpid(), flush=True)
    try:
        while True:
            signal.pause()
    finally:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(store)
            client.sendall(b"PING\r\n")
            print("worker ends, the store says", client.recv(64).decode().strip(), flush=True)


def stubborn(_: str) -> None:
    """Ignores SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("worker works", os.getpid(), flush=True)
    while True:
        time.sleep(60)


def supervisor(folder: str, worker_role: str) -> None:
    """Supervises a real store, an API and one worker with the given role."""
    data, began = Path(folder), time.monotonic()
    with claimed(data) as lock, embedded_store.socket_for(data) as path, listen("127.0.0.1", 0) as listener:
        store = embedded_store.Store(embedded_store.find_binary(os.environ.get("JUDGED_TEST_STORE")), data, path)
        env = python_environ(os.environ)
        descriptor = listener.fileno()
        team = Team(
            store=Child("store", embedded_store.store_command(store), env, pass_fds=(lock,)),
            store_is_ready=partial(embedded_store.wait_until_ready, store.socket),
            roles=(
                Child("api", _role("api", str(descriptor)), env, pass_fds=(descriptor,)),
                Child("worker-1", _role(worker_role, str(path)), env, rereads=True),
            ),
            is_ready=partial(http_ok, "127.0.0.1", listener.getsockname()[1], "/readyz"),
            on_drain=listener.close,
        )
        try:
            clean = asyncio.run(supervise(team, Outputs(_say, _say), began))
        except StartError as error:
            _say(str(error))
            sys.exit(2)
    sys.exit(0 if clean else 1)


def _role(name: str, argument: str) -> tuple[str, ...]:
    return python_module("tests.launch.standin", name, argument)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["supervisor", folder, role]:
            supervisor(folder, role)
        case [role, argument]:
            {"api": api, "worker": worker, "stubborn": stubborn}[role](argument)
