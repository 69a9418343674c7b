"""Hosts of their own for real processes: network namespaces that are joined by a bridge, and can be cut off.

Each host is a namespace with one address of a private network, which exists in these namespaces alone. The bridge is in
a namespace, too, so that the machine's own network is left as it is. All of it is removed in the end; what a test that
was killed has left is removed by the next one.
"""

import asyncio
import contextlib
import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launch.processes import is_alive

LIMIT_S = 60.0
_PREFIX = "judgedtest"
_NETWORK = "10.213.7"
_CLONE_NEWNET = 0x40000000


class Hosts:
    """Hosts by their names; `address_of` gives their addresses. A bridge joins them."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def address_of(self, name: str) -> str:
        return f"{_NETWORK}.{self.names.index(name) + 1}"

    def cut_off(self, name: str) -> None:
        """Takes the cable out: what is sent to the host and by it is lost, and nobody is told."""
        _ip("-n", _space("bridge"), "link", "set", _port(self.names.index(name)), "down")

    def join_again(self, name: str) -> None:
        _ip("-n", _space("bridge"), "link", "set", _port(self.names.index(name)), "up")

    async def listener(self, name: str, port: int = 0) -> socket.socket:
        """A socket of this process that listens on a host."""
        return await asyncio.to_thread(self._listener, name, port)  # a thread has a namespace of its own

    async def takes_connections(self, name: str, port: int) -> bool:
        """Whether something listens on a port of a host, asked from there."""
        return await asyncio.to_thread(self._takes_connections, name, port)

    def _takes_connections(self, name: str, port: int) -> bool:
        with _own_thread_in(name), socket.socket() as tried:
            tried.settimeout(LIMIT_S)
            return tried.connect_ex((self.address_of(name), port)) == 0

    def _listener(self, name: str, port: int) -> socket.socket:
        with _own_thread_in(name):
            return socket.create_server((self.address_of(name), port), backlog=512)


def on_host(name: str, *argv: str) -> tuple[str, ...]:
    """The command line that runs a command on a host."""
    return ("ip", "netns", "exec", _space(name), *argv)


@contextlib.contextmanager
def hosts(*names: str) -> Iterator[Hosts]:
    """Makes the hosts, and skips the test if this process may not."""
    _remove_leftovers()
    try:
        try:
            _build(list(names))
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no network namespaces here: {getattr(error, 'stderr', None) or error}")
        yield Hosts(list(names))
    finally:
        for name in ("bridge", *names):
            _remove(_space(name))


def _build(names: list[str]) -> None:
    bridge = _space("bridge")
    _ip("netns", "add", bridge)
    _ip("-n", bridge, "link", "add", "bridge", "type", "bridge")
    _ip("-n", bridge, "link", "set", "bridge", "up")
    for place, name in enumerate(names):
        own, port = _space(name), _port(place)
        _ip("netns", "add", own)
        _ip("-n", bridge, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", own)
        _ip("-n", bridge, "link", "set", port, "master", "bridge", "up")
        _ip("-n", own, "address", "add", f"{_NETWORK}.{place + 1}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", own, "link", "set", device, "up")


def _space(name: str) -> str:
    return f"{_PREFIX}-{os.getpid()}-{name}"


def _port(place: int) -> str:
    return f"port{place}"


def _remove_leftovers() -> None:
    """Removes the namespaces of processes that are gone."""
    for path in Path("/run/netns").glob(f"{_PREFIX}-*"):
        if not is_alive(int(path.name.split("-")[1])):
            _remove(path.name)


def _remove(space: str) -> None:
    """Removes a namespace if it is there; its links go with it."""
    if (Path("/run/netns") / space).exists():
        _ip("netns", "delete", space)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=LIMIT_S)


@contextlib.contextmanager
def _own_thread_in(name: str) -> Iterator[None]:
    """The calling thread is on a host while the block lasts."""
    libc = ctypes.CDLL(None, use_errno=True)
    with (
        open(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/ns/net") as before,
        open(f"/run/netns/{_space(name)}") as there,
    ):
        _enter(libc, there.fileno())
        try:
            yield
        finally:
            _enter(libc, before.fileno())


def _enter(libc: ctypes.CDLL, space: int) -> None:
    if libc.setns(space, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
