"""Posts webhooks to addresses that may be called.

Imported with a worker's first callback: aiohttp takes 8 MB of memory, and few jobs have a `callback_url`.
"""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from service.jobs import may_be_called

_LIMIT_S = 10.0
_NOT_PUBLIC = "the address of the host is not public, and not listed in server.callback_hosts"


class _NotPublicError(OSError):
    """A host has no address that may be called."""


class PublicResolver(AbstractResolver):
    """Resolves names to the addresses that may be called, which are then the ones that are connected to."""

    def __init__(self, listed: Sequence[str], resolver: AbstractResolver | None = None) -> None:
        self._listed = listed
        self._resolver = resolver or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Returns the addresses that may be called. Raises OSError if there are none."""
        found = await self._resolver.resolve(host, port, family)
        allowed = [each for each in found if may_be_called(host, each["host"], self._listed)]
        if not allowed:
            raise _NotPublicError(_NOT_PUBLIC)
        return allowed

    async def close(self) -> None:
        """Closes the resolver."""
        await self._resolver.close()


class WebhookClient:
    """A client without cookies, proxies and redirects. `listed` is the setting `server.callback_hosts`."""

    def __init__(self, listed: Sequence[str], resolver: AbstractResolver | None = None) -> None:
        self._listed = listed
        connector = aiohttp.TCPConnector(
            resolver=PublicResolver(listed, resolver), use_dns_cache=False, force_close=True
        )
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
        )

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int | str:
        """Posts a message. Returns the status of the answer, or in words why there is none."""
        try:
            if not self._is_allowed(url):
                return _NOT_PUBLIC
            async with asyncio.timeout(_LIMIT_S):
                post = self._session.post(url, data=body, headers=headers, allow_redirects=False)
                async with post as response:  # whose body is not read
                    response.close()
                    return response.status
        except TimeoutError:
            return f"no answer within {_LIMIT_S:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _NOT_PUBLIC if _is_of_resolver(error) else f"no connection: {type(error).__name__}"

    def _is_allowed(self, url: str) -> bool:
        """Whether the host is a name, which is checked when it is resolved, or an address that may be called."""
        host = urlsplit(url).hostname or ""
        try:
            address = str(ip_address(host))
        except ValueError:
            return True
        return may_be_called(host, address, self._listed)

    async def aclose(self) -> None:
        """Closes every connection."""
        await self._session.close()


def _is_of_resolver(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, _NotPublicError):
            return True
        error = error.__cause__ or error.__context__
    return False
