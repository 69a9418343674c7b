"""The only module that sends requests to providers: httpx over aiohttp's transport, limited in time and in size.

Errors of httpx and aiohttp become ProviderError.

httpx's own pool collapses at hundreds of calls at once. The transport is called without `httpx.AsyncClient`,
whose redirects, cookies and authentication are not wanted here and cost as much CPU as the rest of a call.
"""

import asyncio
import os
import ssl
from codecs import BOM_UTF8
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from service.contracts.outcomes import Reason
from worker.providers.base import ProviderConfig, ProviderError
from worker.providers.networks import Address, proxy_of, tls_of

MAX_RESPONSE_BYTES = 8 * 1024 * 1024  # the longest answer, 100,000 tokens, is under 1 MB
CONNECT_SECONDS = 10.0  # a host that takes longer is away
KEEPALIVE_SECONDS = 4.0  # uvicorn and Node close idle connections after 5 s; a call must not use a closed one


class HttpReply(NamedTuple):
    """A response, read to its end."""

    status: int
    headers: httpx.Headers
    body: bytes


class HttpClient:
    """POSTs JSON to one provider, over as many connections as it may have calls at once. Retries nothing.

    `environ` names the proxy and the authorities that the provider's settings do not.
    """

    def __init__(
        self, config: ProviderConfig, headers: Mapping[str, str], environ: Mapping[str, str] = os.environ
    ) -> None:
        self._config = config
        self._environ = environ
        self._address = Address(config.base_url, config.query)
        self._timeout_seconds = config.timeout_seconds
        self._max_connections = config.max_concurrency
        # Uncompressed: answers are small, and the size limit then holds for what is held in memory.
        fixed = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "judged"}
        self._headers = {**fixed, **headers, **{name.lower(): text for name, text in config.headers.items()}}
        self._own_headers: dict[str, str] = {}  # of each request, as far as the session has them not for all
        self._extensions = {"timeout": {"connect": min(CONNECT_SECONDS, config.timeout_seconds)}}
        self._transport: AiohttpTransport | None = None

    def _opened(self) -> AiohttpTransport:
        """Returns the transport, made at the first call: only then are certificates read, and their faults raised."""
        if self._transport is None:
            tls, proxy = tls_of(self._config, self._environ), proxy_of(self._config, self._environ)
            if proxy is not None:
                # aiohttp sends a session's headers to the proxy too, the key among them.
                self._own_headers, self._headers = self._headers, {}
                if self._config.base_url.startswith("http://"):  # else the tunnel's request has them
                    self._own_headers |= proxy.headers
            self._transport = AiohttpTransport(
                verify=tls, trust_env=False, proxy=proxy, client=lambda: self._session(tls)
            )
        return self._transport

    def _session(self, tls: ssl.SSLContext) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=self._max_connections, ssl=tls, keepalive_timeout=KEEPALIVE_SECONDS)
        return aiohttp.ClientSession(
            connector=connector,
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )

    async def post(self, path: str, body: bytes) -> HttpReply:
        """Returns the response, whatever its status. Raises ProviderError if none came whole and in time."""
        try:
            # Around everything: httpx's own limits start anew with each byte that drips in.
            async with asyncio.timeout(self._timeout_seconds):
                return await self._exchange(path, body)
        except TimeoutError as error:
            message = f"no answer within {self._timeout_seconds:g} s"
            raise ProviderError(message, reason=Reason.TIMEOUT, retryable=True) from error
        except FOREIGN as error:
            raise provider_error(error) from error

    async def _exchange(self, path: str, body: bytes) -> HttpReply:
        url = _url(self._address.of(path))
        transport = self._opened()
        request = httpx.Request("POST", url, content=body, headers=self._own_headers, extensions=self._extensions)
        response = await transport.handle_async_request(request)
        try:
            return HttpReply(response.status_code, response.headers, (await _read(response)).removeprefix(BOM_UTF8))
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Closes every connection."""
        if self._transport is not None:
            await self._transport.aclose()


@lru_cache(maxsize=1024)
def _url(text: str) -> httpx.URL:
    return httpx.URL(text)


async def _read(response: httpx.Response) -> bytes:
    assert isinstance(response.stream, httpx.AsyncByteStream)
    # The stream itself is much cheaper than aiter_bytes(), which some server's unasked compression needs.
    chunks = response.aiter_bytes() if "content-encoding" in response.headers else response.stream
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > MAX_RESPONSE_BYTES:
            message = f"the answer is longer than {MAX_RESPONSE_BYTES} bytes"
            raise ProviderError(message, reason=Reason.PROVIDER_ERROR, retryable=False)
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


FOREIGN = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.CookieConflict,
    httpx.StreamError,
    aiohttp.ClientError,  # httpx-aiohttp 0.2 lets some through, a malformed status line for one
    OSError,
)

# Whether the same call may succeed later, by the nearest class in an error's ancestry.
RETRYABLE: dict[type[BaseException], bool] = {
    httpx.TimeoutException: True,
    httpx.NetworkError: True,
    httpx.ProxyError: True,
    httpx.RemoteProtocolError: True,
    httpx.LocalProtocolError: False,
    httpx.UnsupportedProtocol: False,
    httpx.DecodingError: True,
    httpx.TooManyRedirects: False,
    httpx.HTTPStatusError: False,
    httpx.InvalidURL: False,
    httpx.CookieConflict: False,
    httpx.StreamError: False,
    aiohttp.ClientError: True,
    OSError: True,
}


def provider_error(error: Exception) -> ProviderError:
    """Returns the same error as a ProviderError."""
    retryable = next(RETRYABLE[each] for each in type(error).__mro__ if each in RETRYABLE)
    reason = Reason.TIMEOUT if _is_timeout(error) else Reason.PROVIDER_ERROR
    cause = error.__cause__ or error
    return ProviderError(f"{type(cause).__name__}: {cause}", reason=reason, retryable=retryable)


def _is_timeout(error: Exception) -> bool:
    # httpx-aiohttp 0.2 calls a lost connection a ConnectTimeout; what it was made from tells them apart.
    if error.__cause__ is not None:
        return isinstance(error.__cause__, TimeoutError)
    return isinstance(error, httpx.TimeoutException)
