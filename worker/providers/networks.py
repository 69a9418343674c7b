"""The way to a provider: its address, the proxy in between, the authorities to trust and the certificate to show."""

import ssl
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import certifi
from pyreqwest.http import Url

from service.contracts.outcomes import Reason
from worker.providers.base import NetworkConfig, ProviderError

_PORTS = {"http": 80, "https": 443}


class Address:
    """The addresses of a provider's calls: the base URL, a path, and the query of both."""

    def __init__(self, base_url: str, query: Mapping[str, str]) -> None:
        parts = urlsplit(base_url)
        self._base = parts._replace(path=parts.path.rstrip("/"), query="", fragment="")
        self._query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *query.items()])

    def of(self, path: str) -> str:
        """Returns the URL of a path, which may have a query of its own."""
        path, _, own = path.partition("?")
        query = "&".join(each for each in (own, self._query) if each)
        return self._base._replace(path=self._base.path + path, query=query).geturl()


class ProxyAddress(NamedTuple):
    """A proxy, and the name and password that it wants; both are empty if it wants none."""

    url: str
    user: str
    password: str


def proxy_of(config: NetworkConfig, environ: Mapping[str, str]) -> ProxyAddress | None:
    """Returns the proxy to a provider: the setting's, else the environment's, never one to this machine itself.

    Raises ProviderError if its address is none.
    """
    parts = urlsplit(config.base_url)
    host = parts.hostname or ""
    if is_loopback(host):
        return None
    port = parts.port or _PORTS.get(parts.scheme)
    address = config.proxy or _proxy_in_environment(parts.scheme, host, port, environ)
    if not address:
        return None
    proxy = _proxy_at(address if "://" in address else f"http://{address}")
    if proxy is None:
        message = "the proxy's address is not one that starts with http:// or https://"
        raise ProviderError(message, reason=Reason.PROVIDER_ERROR, retryable=False)
    return proxy


def _proxy_at(address: str) -> ProxyAddress | None:
    parts = urlsplit(address)
    url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if parts.scheme not in _PORTS or not parts.netloc or not Url.is_valid(url):
        return None
    return ProxyAddress(url, unquote(parts.username or ""), unquote(parts.password or ""))


def _proxy_in_environment(scheme: str, host: str, port: int | None, environ: Mapping[str, str]) -> str | None:
    """Returns the address in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, in capitals or not, unless NO_PROXY has the host."""
    if is_in_no_proxy(host, port, _variable(environ, "no_proxy")):
        return None
    return _variable(environ, f"{scheme}_proxy") or _variable(environ, "all_proxy") or None


def _variable(environ: Mapping[str, str], name: str) -> str:
    return (environ.get(name) or environ.get(name.upper()) or "").strip()


def is_in_no_proxy(host: str, port: int | None, listed: str) -> bool:
    """Returns whether a list as in NO_PROXY has the host: as *, a name or its parent, an address, or a network."""
    host = host.lower()
    return any(_is_meant(host, port, each.strip().lower()) for each in listed.split(",") if each.strip())


def _is_meant(host: str, port: int | None, entry: str) -> bool:
    if entry == "*":
        return True
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:  # one of them is a name
        name, _, only_port = entry.partition(":")
        if only_port.isdecimal() and int(only_port) != port:
            return False
        name = (name if only_port.isdecimal() else entry).removeprefix("*").lstrip(".")
        return host == name or host.endswith(f".{name}")


def is_loopback(host: str) -> bool:
    """Returns whether a host is this machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


class Certificates(NamedTuple):
    """PEM: the files of the authorities to trust, and the certificate to show with its key, if there is one."""

    authorities: tuple[bytes, ...]
    identity: bytes | None


def certificates_of(config: NetworkConfig, environ: Mapping[str, str]) -> Certificates:
    """Returns the usual authorities and those of `ca_file`, else of SSL_CERT_FILE, and the client's certificate.

    Raises ProviderError if a file can't be read or holds no certificate.
    """
    ca_file = config.ca_file or environ.get("SSL_CERT_FILE") or None
    return _certificates(ca_file, config.client_cert_file, config.client_key_file)


@cache
def _certificates(ca_file: str | None, cert_file: str | None, key_file: str | None) -> Certificates:
    """One for all providers with the same files."""
    authorities, identity = [Path(certifi.where()).read_bytes()], None
    file = ca_file
    try:
        # The standard library looks closer at a file than pyreqwest, which takes one without any certificate.
        checked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if ca_file:
            checked.load_verify_locations(ca_file)
            authorities.append(Path(ca_file).read_bytes())
        file = cert_file
        if cert_file:
            checked.load_cert_chain(cert_file, key_file, password="")  # a key with a password is an error, no prompt
            identity = b"\n".join(Path(each).read_bytes() for each in (cert_file, key_file) if each)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        message = f"the certificate file {file} can't be used: {error}"
        raise ProviderError(message, reason=Reason.PROVIDER_ERROR, retryable=False) from error
    return Certificates(tuple(authorities), identity)
