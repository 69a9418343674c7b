"""A model provider on loopback that answers, fails and misbehaves as told, in one of the three wire formats.

`python -m tests.stubs.model_server --kind openai --delay 0.05 --port 0` prints its port and then serves.
"""

import argparse
import asyncio
import socket
from collections.abc import Callable
from typing import Any, Self, cast

import httptools
import msgspec

from tests.stubs.wire_formats import Kind, Reply, render

VERDICT = '{"explanation": "The stub says so.", "score": 4}'

Answer = Callable[[dict[str, Any]], str | Reply]

_LISTS = {"openai": "/v1/models", "anthropic": "/v1/models", "gemini": "/v1beta/models"}
_PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "gemini": "/v1beta/models/"}


class Recorded(msgspec.Struct):
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class ModelServer:
    """`async with ModelServer("openai", reply) as server:` serves at `server.base_url` until the block ends.

    `reply` maps a request's body to a text or a `Reply`, and may be replaced at any time. What came is in
    `requests` unless `record` is off; `calls` and `peak` count requests, in all and at once. A GET, of the list of
    models, is answered with `models` (404 if it is None) and counted in `lists` alone. `listener` is a socket to serve
    on, in place of a port of loopback.
    """

    def __init__(
        self,
        kind: Kind,
        reply: Answer = lambda body: VERDICT,
        *,
        port: int = 0,
        record: bool = True,
        listener: socket.socket | None = None,
    ) -> None:
        self.kind: Kind = kind
        self.reply = reply
        self.record = record
        self.requests: list[Recorded] = []
        self.calls = self.running = self.peak = self.lists = 0
        self.models: Any = None
        self.connections: set[_Connection] = set()
        self.host, self.port = "127.0.0.1", port
        self._listener = listener
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        listener = self._listener or socket.create_server((self.host, self.port), backlog=2048)
        self._server = await loop.create_server(lambda: _Connection(self), sock=listener, backlog=2048)
        self.host, self.port = listener.getsockname()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self.connections):
            connection.abort()
        await self._server.wait_closed()

    @property
    def base_url(self) -> str:
        """As a user would write it in the settings: with /v1 for OpenAI, without a version for the others."""
        return f"http://{self.host}:{self.port}" + ("/v1" if self.kind == "openai" else "")

    def listed(self, path: str) -> tuple[Reply, bytes]:
        """Counts the request for the list of models, and gives it."""
        self.lists += 1
        reply = Reply(status=404 if self.models is None or path.partition("?")[0] != _LISTS[self.kind] else 200)
        return reply, msgspec.json.encode(self.models)

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[Reply, bytes]:
        """Counts and records the request, and gives the reply with its body on the wire."""
        self.calls += 1
        self.running += 1
        self.peak = max(self.peak, self.running)
        request = msgspec.json.decode(body)
        if self.record:
            self.requests.append(Recorded(path, headers, request))
        if not path.startswith(_PATHS[self.kind]):
            reply: str | Reply = Reply(status=404, body={"error": {"message": f"no such path: {path}"}})
        else:
            reply = self.reply(request)
        reply = Reply(text=reply) if isinstance(reply, str) else reply
        return reply, render(self.kind, reply, request)


class _Connection(asyncio.Protocol):
    """One keep-alive connection; requests on it come one after the other."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._waiting = False
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        self._server.connections.add(self)
        self._parser = httptools.HttpRequestParser(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._done()
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def abort(self) -> None:
        self._transport.abort()

    def on_message_begin(self) -> None:
        self._path, self._body = b"", b""
        self._headers: dict[str, str] = {}

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._parser.get_method() == b"GET":
            self._send(*self._server.listed(self._path.decode()))
            return
        self._waiting = True
        reply, body = self._server.answer(self._path.decode(), self._headers, self._body)
        if reply.hang:
            return
        if reply.delay:
            self._loop.call_later(reply.delay, self._send, reply, body)
        else:
            self._send(reply, body)

    def _send(self, reply: Reply, body: bytes) -> None:
        if self._transport.is_closing():
            return
        headers = {"content-type": "application/json", "content-length": str(len(body)), **reply.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {reply.status} Stub\r\n{lines}\r\n".encode()
        if reply.reset:
            self._transport.write(head + body[: len(body) // 2])
            self._loop.call_soon(self._transport.abort)
        elif reply.drip is not None:
            self._task = asyncio.create_task(self._drip(head, body, reply.drip))
            return
        else:
            self._transport.write(head + body)
        self._done()

    async def _drip(self, head: bytes, body: bytes, pause: float) -> None:
        self._transport.write(head)
        for byte in body:
            self._transport.write(bytes([byte]))
            await asyncio.sleep(pause)
        self._done()

    def _done(self) -> None:
        if self._waiting:
            self._waiting = False
            self._server.running -= 1


async def _serve(kind: Kind, delay: float, port: int, text: str) -> None:
    reply = Reply(text=text, delay=delay)
    async with ModelServer(kind, lambda body: reply, port=port, record=False) as server:
        print(server.port, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=list(_PATHS), default="openai")
    parser.add_argument("--delay", type=float, default=0.05, help="seconds before an answer")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--text", default=VERDICT, help="of each answer")
    options = parser.parse_args()
    asyncio.run(_serve(options.kind, options.delay, options.port, options.text))


if __name__ == "__main__":
    main()
