"""A server on loopback that speaks HTTP/2 over TLS to clients that can, and takes as many calls at once as told."""

import asyncio
import ssl
from typing import Self, cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes, Settings

_NEVER_S = 3600.0


class Http2Server:
    """`async with Http2Server(context) as server:` answers every call with `{}` after `delay` seconds.

    With `together`, none is answered before so many are there at once, and then all are. `streams` is the number of
    calls at once that a connection may have. `peak` counts the calls at once over all
    connections; `called` is set at the first. A server that is `deaf` reads nothing more and keeps its
    connections open.
    """

    def __init__(self, context: ssl.SSLContext, *, delay: float = 0.0, together: int = 0, streams: int = 100) -> None:
        context.set_alpn_protocols(["h2"])
        self._context = context
        self.delay = delay
        self.together = together
        self.streams = streams
        self.deaf = False
        self.running = self.peak = 0
        self.called = asyncio.Event()
        self.connections: list[Http2Connection] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Http2Connection(self), "127.0.0.1", 0, ssl=self._context)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.sleep(0.1)  # connections that came too late are still shaking hands
        for connection in self.connections:
            connection.abort()
        await self._server.wait_closed()


class Http2Connection(asyncio.Protocol):
    """One connection with its streams."""

    def __init__(self, server: Http2Server) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._open: dict[int, asyncio.TimerHandle] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server.connections.append(self)
        self._http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        limit = {SettingCodes.MAX_CONCURRENT_STREAMS: self._server.streams}
        self._http.local_settings = Settings(client=False, initial_values=limit)
        self._http.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        if self._server.deaf:
            return
        for event in self._http.receive_data(data):
            if isinstance(event, DataReceived):
                self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                self._begin(event.stream_id)
            elif isinstance(event, StreamReset):
                self._end(event.stream_id)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        for stream in list(self._open):
            self._end(stream)

    def abort(self) -> None:
        """Cuts the connection without a word."""
        self._transport.abort()

    def answer_all(self) -> None:
        """Answers the calls that are under way."""
        for stream in list(self._open):
            self._answer(stream)

    def _begin(self, stream: int) -> None:
        self._server.called.set()
        self._server.running += 1
        self._server.peak = max(self._server.peak, self._server.running)
        delay = _NEVER_S if self._server.together else self._server.delay
        self._open[stream] = self._loop.call_later(delay, self._answer, stream)
        if self._server.running == self._server.together:
            for connection in self._server.connections:
                connection.answer_all()

    def _end(self, stream: int) -> None:
        timer = self._open.pop(stream, None)
        if timer is not None:
            timer.cancel()
            self._server.running -= 1

    def _answer(self, stream: int) -> None:
        self._end(stream)
        self._http.send_headers(stream, [(":status", "200"), ("content-type", "application/json")])
        self._http.send_data(stream, b"{}", end_stream=True)
        self._flush()

    def _flush(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._http.data_to_send())
