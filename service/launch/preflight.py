"""What is needed before a process starts: the lock on the data of `judged up`, and a listening socket."""

import contextlib
import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

_BACKLOG = 2048  # connections that wait while the API starts or restarts
_LAST_PORT = 65_535
_NEXT_PORTS = 20  # tried if a port is taken and another one will do


class StartError(Exception):
    """The service can't start. The message is the reason, in one line."""


class PortTakenError(StartError):
    """Another program listens on the port."""


@contextlib.contextmanager
def claimed(data: Path) -> Iterator[int]:
    """Creates the data folder and locks it for this process and those that inherit the descriptor.

    Raises StartError if the folder can't be created or another process has the lock.
    """
    lock = _open_lock(data)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
            raise StartError(f"{data} is in use by another judged (process {owner})") from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield lock
    finally:
        os.close(lock)


def _open_lock(data: Path) -> int:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(f"can't keep data in {data}: {_message(error)}") from error


def listen(host: str, port: int) -> socket.socket:
    """Returns a listening socket, held as long as the service runs so that clients wait while the API restarts.

    Raises StartError if the address can't be listened on.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise StartError(f"{host} is not an address of this machine: {_message(error)}") from error
    family, kind, protocol, _, address = min(found, key=lambda each: each[0])  # IPv4 first, for localhost
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            taken = (
                f"port {port} on {host} is taken: stop what listens there, or choose another (--port or JUDGED_PORT)"
            )
            raise PortTakenError(taken) from error
        raise StartError(f"can't listen on port {port} of {host}: {_message(error)}") from error
    return listener


def listen_nearby(host: str, port: int) -> socket.socket:
    """Returns a listening socket as `listen` does, on the next port that is free if this one is taken."""
    for each in range(port, min(port + _NEXT_PORTS, _LAST_PORT)):
        with contextlib.suppress(PortTakenError):
            return listen(host, each)
    return listen(host, port)


def free_port(host: str) -> int:
    """Returns a port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _message(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
