"""The addresses of a store: of a server (`redis://`, `rediss://`, `unix://`), or of Sentinels that know the primary.

`redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME/DATABASE` names the Sentinels and the primary by its name; user
and password are those of the store, `sentinel_username` and `sentinel_password` in the query those of the Sentinels.
With `rediss+sentinel://` both speak TLS, with the same certificates.
"""

from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from redis.asyncio import Redis
from redis.asyncio.connection import Connection, SSLConnection, parse_url
from redis.exceptions import ConnectionError, RedisError

_SENTINEL = "+sentinel"
_SENTINEL_PORT = 26379
_SENTINEL_LIMIT_S = 1.0  # for an answer: another one is asked then


class Sentinels(NamedTuple):
    """Sentinels by host and port, the name of the primary there, and how to connect to them."""

    hosts: tuple[tuple[str, int], ...]
    primary: str
    options: dict[str, Any]

    async def find_primary(self) -> tuple[str, int]:
        """Returns the host and port of the primary, by the first Sentinel that knows it.

        Raises redis-py's ConnectionError if none does.
        """
        problems = []
        limits: dict[str, Any] = {"socket_timeout": _SENTINEL_LIMIT_S, "socket_connect_timeout": _SENTINEL_LIMIT_S}
        for host, port in self.hosts:
            async with Redis(host=host, port=port, **limits, **self.options) as sentinel:
                try:
                    found: Any = await sentinel.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", self.primary)  # type: ignore[no-untyped-call]
                except (RedisError, OSError) as error:
                    problems.append(f"{host}:{port}: {error}")
                    continue
            if found:
                return found[0].decode(), int(found[1])
            problems.append(f"{host}:{port} does not know {self.primary}")
        raise ConnectionError(f"no Sentinel names the primary: {'; '.join(problems)}")


def connection_options(url: str) -> dict[str, Any]:
    """Returns the options of redis-py's connections for an address, with the class of the connection.

    The name in a server's certificate is checked unless the address has `ssl_check_hostname=no`. A connection by
    Sentinels goes to the primary that they name when it connects, and so follows a fail-over.
    """
    sentinels, plain = _taken_apart(url)
    options: dict[str, Any] = dict(parse_url(plain))
    is_tls = options.get("connection_class") is SSLConnection
    if is_tls:
        options.setdefault("ssl_check_hostname", True)
    if sentinels is not None:
        options |= {"connection_class": _ToPrimaryOverTls if is_tls else _ToPrimary, "sentinels": sentinels}
    return options


async def primary_url(url: str) -> str:
    """Returns the address of the server itself, for a client that redis-py makes from it.

    Raises redis-py's ConnectionError if no Sentinel names it.
    """
    sentinels, plain = _taken_apart(url)
    if sentinels is not None:
        host, port = await sentinels.find_primary()
        parts = urlsplit(plain)
        user, at, _ = parts.netloc.rpartition("@")
        plain = urlunsplit(parts._replace(netloc=f"{user}{at}{_in_url(host)}:{port}"))
    if plain.startswith("rediss:") and "ssl_check_hostname" not in plain:
        plain += f"{'&' if '?' in plain else '?'}ssl_check_hostname=yes"
    return plain


def _taken_apart(url: str) -> tuple[Sentinels | None, str]:
    """Returns the Sentinels of an address, if it names some, and the address in the form of that of a server."""
    parts = urlsplit(url)
    if not parts.scheme.endswith(_SENTINEL):
        return None, url
    scheme = parts.scheme.removesuffix(_SENTINEL)
    query = parse_qsl(parts.query)
    options: dict[str, Any] = {
        name.removeprefix("sentinel_"): value for name, value in query if name.startswith("sentinel_")
    }
    rest = urlencode([(name, value) for name, value in query if not name.startswith("sentinel_")])
    user, at, hosts = parts.netloc.rpartition("@")
    name, _, database = parts.path.strip("/").partition("/")
    plain = urlunsplit((scheme, f"{user}{at}primary", f"/{database}", rest, ""))
    if scheme == "rediss":
        tls = {name: value for name, value in parse_url(plain).items() if name.startswith("ssl_")}
        options |= {"ssl": True, "ssl_check_hostname": True, **tls}
    return Sentinels(tuple(map(_host, hosts.split(","))), unquote(name), options), plain


def _host(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    return parts.hostname or "localhost", parts.port or _SENTINEL_PORT


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class _ToPrimary(Connection):
    """A connection to the primary that the Sentinels name when it connects."""

    def __init__(self, *, sentinels: Sentinels, **options: Any) -> None:
        super().__init__(**options)
        self._sentinels = sentinels

    async def _connect(self) -> None:
        self.host, self.port = await self._sentinels.find_primary()
        await super()._connect()  # type: ignore[no-untyped-call]


class _ToPrimaryOverTls(_ToPrimary, SSLConnection):
    """The same with TLS."""
