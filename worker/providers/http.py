"""The only module that sends requests to providers: pyreqwest's own API, limited in time and in size.

Errors of pyreqwest become ProviderError.

A call costs a third of the CPU of one by aiohttp, and a fifth of one with httpx's types over it: pyreqwest is Rust's
reqwest, whose connections, TLS, time limits and decompression run in one thread beside the event loop.
"""

import contextlib
import os
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property, lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from pyreqwest.bytes import Bytes
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    ClientClosedError,
    DetailedPyreqwestError,
    PyreqwestError,
    RedirectError,
    RequestError,
    RequestPanicError,
    RequestTimeoutError,
    StatusError,
)
from pyreqwest.http import HeaderMap
from pyreqwest.proxy import ProxyBuilder

from service.contracts.outcomes import Reason
from worker.providers.base import ProviderConfig, ProviderError
from worker.providers.networks import Address, certificates_of, proxy_of

MAX_RESPONSE_BYTES = 8 * 1024 * 1024  # the longest answer, 100,000 tokens, is under 1 MB
# Of a body's pieces that wait to be read. Each may hold a buffer of 8 KB, so those of one byte take as much as the
# longest answer.
PIECES_BYTES = 1024
CONNECT_SECONDS = 10.0  # a host that takes longer is away
KEEPALIVE_SECONDS = 4.0  # uvicorn and Node close idle connections after 5 s; a call must not use a closed one

# A client has one HTTP/2 connection to a server, and most servers take 100 calls at once on it (128 in nginx):
# more calls than that would wait for one another.
CALLS_A_CLIENT = 100
# A connection that is lost without a word must not take every later call with it.
PING_SECONDS = 15.0
PONG_SECONDS = 10.0


class ReplyHeaders(Mapping[str, str]):
    """A response's headers by their names in lower case, without those whose value is no text.

    They are read only if one is asked for: few calls need any, and 25 of them cost 10 us.
    """

    def __init__(self, headers: HeaderMap) -> None:
        self._headers = headers

    @cached_property
    def _texts(self) -> dict[str, str]:
        texts: dict[str, str] = {}
        for name in self._headers:
            with contextlib.suppress(ValueError):
                texts[name] = self._headers[name]
        return texts

    def __getitem__(self, name: str) -> str:
        return self._texts[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


class HttpReply(NamedTuple):
    """A response, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Lane:
    """A client with its own connections, and the number of its calls."""

    def __init__(self, client: Client, most: int) -> None:
        self.client = client
        self.most = most
        self.running = 0


class HttpClient:
    """Sends requests to one provider, as many at once as its settings allow. Retries nothing.

    A call that is cancelled returns at once, but its request runs on until its answer or its time limit and keeps
    its place among `max_concurrency`: pyreqwest 0.15 has no way to stop it. The worker cancels calls only before it
    exits, which closes all connections.

    `environ` names the proxy and the authorities that the provider's settings do not.
    """

    def __init__(
        self, config: ProviderConfig, headers: Mapping[str, str], environ: Mapping[str, str] = os.environ
    ) -> None:
        self._config = config
        self._environ = environ
        self._url = lru_cache(maxsize=1024)(Address(config.base_url, config.query).of)
        # Uncompressed: answers are small, and to unpack them costs more than their bytes.
        fixed = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "judged"}
        self._headers = {**fixed, **headers, **{name.lower(): text for name, text in config.headers.items()}}
        self._connect_seconds = min(CONNECT_SECONDS, config.timeout_seconds)
        self._lanes: list[_Lane] = []

    async def post(self, path: str, body: bytes) -> HttpReply:
        """Returns the response, whatever its status. Raises ProviderError if none came whole and in time."""
        return await self._exchange("POST", path, body)

    async def get(self, path: str) -> HttpReply:
        """Returns the same for a GET."""
        return await self._exchange("GET", path, None)

    async def aclose(self) -> None:
        """Closes every connection."""
        for lane in self._lanes:
            await lane.client.close()

    async def _exchange(self, method: str, path: str, body: bytes | None) -> HttpReply:
        lane = self._lane()
        lane.running += 1
        try:
            request = lane.client.request(method, self._url(path))
            if body is not None:
                request = request.body_bytes(body)
            async with request.streamed_read_buffer_limit(PIECES_BYTES).build_streamed() as response:
                # Unpacked, if it came compressed: a small body may be a very large one.
                answer = await response.body_reader.read(MAX_RESPONSE_BYTES + 1)
                return HttpReply(response.status, ReplyHeaders(response.headers), _whole(answer))
        except PyreqwestError as error:
            raise self._translated(error) from error
        finally:
            lane.running -= 1

    def _lane(self) -> _Lane:
        """Returns the first client with room for a call; they are made at the first call, as their files are read."""
        if not self._lanes:
            self._lanes = [_Lane(self._client(most), most) for most in self._shares()]
        for lane in self._lanes:
            if lane.running < lane.most:
                return lane
        return self._lanes[0]

    def _shares(self) -> list[int]:
        """Returns how many calls each client may have at once: a single one unless HTTP/2, which needs TLS, is near."""
        most = self._config.max_concurrency
        clients = -(-most // CALLS_A_CLIENT) if self._config.base_url.startswith("https:") else 1
        return [most // clients + (number < most % clients) for number in range(clients)]

    def _client(self, max_connections: int) -> Client:
        builder = (
            ClientBuilder()
            .max_connections(max_connections)
            .timeout(timedelta(seconds=self._config.timeout_seconds))  # of everything, until the body's last byte
            .connect_timeout(timedelta(seconds=self._connect_seconds))
            .pool_idle_timeout(timedelta(seconds=KEEPALIVE_SECONDS))
            .http2(True)
            .http2_keep_alive_interval(timedelta(seconds=PING_SECONDS))
            .http2_keep_alive_timeout(timedelta(seconds=PONG_SECONDS))
            .follow_redirects(False)
            .referer(False)
            .no_proxy()  # the environment's are not the client's to find
        )
        proxy = proxy_of(self._config, self._environ)
        if proxy is not None:
            via = ProxyBuilder.all(proxy.url)
            builder.proxy(via.basic_auth(proxy.user, proxy.password) if proxy.user or proxy.password else via)
        certificates = certificates_of(self._config, self._environ)
        for authorities in certificates.authorities:
            builder.add_root_certificate_pem(authorities)
        if certificates.identity is not None:
            builder.identity_pem(certificates.identity)
        _add_headers(builder, self._headers)
        try:
            return builder.build()
        except PyreqwestError as error:
            raise _setting_error(f"the certificates can't be used: {_last_cause(error)}") from error

    def _translated(self, error: PyreqwestError) -> ProviderError:
        is_timeout = isinstance(error, RequestTimeoutError)
        reason = Reason.TIMEOUT if is_timeout else Reason.PROVIDER_ERROR
        return ProviderError(self._words(error, is_timeout), reason=reason, retryable=is_retryable_error(error))

    def _words(self, error: PyreqwestError, is_timeout: bool) -> str:
        """Returns what happened, without the URL, whose query may hold a secret."""
        causes = _causes(error)
        last = causes[-1]
        if _CONNECTING in causes:
            why = f"no connection within {self._connect_seconds:g} s" if is_timeout else last
            return f"Cannot connect to {self._host()}: {_OWN_AUTHORITY if _CA_AS_SERVER in last else why}"
        if _NO_PONG in causes:
            return f"the connection to {self._host()} was lost: it answers no ping"
        if is_timeout:
            return f"no answer within {self._config.timeout_seconds:g} s"
        if isinstance(error, BuilderError):
            return f"the call can't be made: {last}"
        return f"no whole answer: {last}"

    def _host(self) -> str:
        return urlsplit(self._config.base_url).netloc.rpartition("@")[2]


def _add_headers(builder: ClientBuilder, headers: Mapping[str, str]) -> None:
    for name, text in headers.items():
        try:
            builder.default_headers({name: text})
        except ValueError:  # its words have the value, which may be a secret
            is_bad = f"the value of the header {name!r} has a line break or another character that can't be sent"
        else:
            continue
        raise _setting_error(is_bad)


def _whole(body: Bytes | None) -> bytes:
    """Returns the bytes of a body. Raises ProviderError if it goes on after them."""
    if body is None:
        return b""
    if len(body) > MAX_RESPONSE_BYTES:
        message = f"the answer is longer than {MAX_RESPONSE_BYTES} bytes"
        raise ProviderError(message, reason=Reason.PROVIDER_ERROR, retryable=False)
    return body.to_bytes().removeprefix(BOM_UTF8)


# Whether the same call may succeed later, by the nearest class in an error's ancestry.
RETRYABLE: dict[type[BaseException], bool] = {
    RequestError: True,  # TransportError, DecodeError and what HTTP/2 has of its own are some
    StatusError: False,
    RedirectError: False,
    ClientClosedError: False,
    RequestPanicError: False,
    BuilderError: False,
}


def is_retryable_error(error: PyreqwestError) -> bool:
    """Returns whether the same call may succeed later."""
    return next(RETRYABLE[each] for each in type(error).__mro__ if each in RETRYABLE)


# How pyreqwest tells errors apart that have one class.
_CONNECTING = "client error (Connect)"
_NO_PONG = "keep-alive timed out"
_CA_AS_SERVER = "CaUsedAsEndEntity"

_OWN_AUTHORITY = (
    "the server shows a certificate that is an authority itself (CA:TRUE); give the server one that the authority "
    "in ca_file has signed, or one made with basicConstraints=CA:FALSE"
)


def _causes(error: PyreqwestError) -> list[str]:
    """Returns what led to an error, the origin last."""
    details = error.details if isinstance(error, DetailedPyreqwestError) else {"causes": None}
    return [each["message"] for each in details["causes"] or ()] or [error.message]


def _last_cause(error: PyreqwestError) -> str:
    return _causes(error)[-1]


def _setting_error(message: str) -> ProviderError:
    return ProviderError(message, reason=Reason.PROVIDER_ERROR, retryable=False)
