"""HTTP connections with a limit on the size of a request's head, and on the time in which it must arrive.

Without them, a client that sends a header for ever, or one byte of it a minute, holds memory and a connection.
"""

import asyncio
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.api.problems import MEDIA_TYPE, Problem
from service.api.responses import SECURITY_HEADERS

MOST_HEAD_BYTES = 64 * 1024  # request line and headers
MOST_HEAD_S = 10.0  # from the connection, or from the first byte of a later request
KEEP_ALIVE_S = 75.0  # between two requests: longer than usual proxies and clients keep a connection
_LINGER_S = 1.0  # in which the rest of a refused head is read: a connection that is closed at once loses the answer


class LimitedHttp(HttpToolsProtocol):
    """Answers 431 to a head that is too large, 408 to one that takes too long, and 400 to one that is no HTTP."""

    _head_bytes = 0
    _is_in_head = True
    _is_refused = False
    _timer: asyncio.TimerHandle | None = None
    _running: RequestResponseCycle | None = None  # the request that is being answered, not one that waits behind it

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.timeout_keep_alive = KEEP_ALIVE_S  # type: ignore[assignment]
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        if not self._is_in_head:
            self._begin_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        super().data_received(data)
        if self._is_in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                detail = f"the request line and the headers are longer than {MOST_HEAD_BYTES} bytes"
                self._refuse(431, "Request Header Fields Too Large", "head-too-large", detail)

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "Bad Request", "invalid-request", msg)

    def _unsupported_upgrade_warning(self) -> None:
        """An upgrade that is offered, as some clients offer HTTP/2 at first, is left at HTTP/1.1."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _begin_head(self) -> None:
        self._is_in_head = True
        self._head_bytes = 0
        self._stop_timer()
        self._timer = self.loop.call_later(MOST_HEAD_S, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        if self._head_bytes:
            self._refuse(408, "Request Timeout", "head-too-slow", f"the headers took longer than {MOST_HEAD_S:g} s")
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, status: int, title: str, code: str, detail: str) -> None:
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True  # what it answers from now on is not sent
            self._running.message_event.set()
            if self._running.response_started:
                self.transport.close()
                return
        problem = Problem(type=f"urn:judged:problem:{code}", title=title, status=status, detail=detail)
        body = msgspec.json.encode(problem)
        headers: dict[str, Any] = {
            "Content-Type": MEDIA_TYPE,
            "Content-Length": len(body),
            "Connection": "close",
            **SECURITY_HEADERS,
        }
        lines = [f"HTTP/1.1 {status} {title}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        self.transport.write("\r\n".join(lines).encode() + body)
        self.transport.write_eof()
        self.loop.call_later(_LINGER_S, self.transport.close)
