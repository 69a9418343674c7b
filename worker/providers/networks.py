"""The way to a provider: its address, the proxy in between, the authorities to trust and the certificate to show."""

import ssl
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address, ip_network
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

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


def proxy_of(config: NetworkConfig, environ: Mapping[str, str]) -> httpx.Proxy | None:
    """Returns the proxy to a provider: the setting's, else the environment's, never one to this machine itself.

    Its name and password are among its headers.

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
    try:
        proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
        return httpx.Proxy(proxy.url, headers=_authorization(proxy))
    except (ValueError, httpx.InvalidURL) as error:
        message = "the proxy's address is not one that starts with http:// or https://"
        raise ProviderError(message, reason=Reason.PROVIDER_ERROR, retryable=False) from error


def _authorization(proxy: httpx.Proxy) -> dict[str, str]:
    if proxy.auth is None:
        return {}
    return {"proxy-authorization": f"Basic {b64encode(':'.join(proxy.auth).encode()).decode()}"}


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


def tls_of(config: NetworkConfig, environ: Mapping[str, str]) -> ssl.SSLContext:
    """Returns the settings of TLS: the usual authorities, and those of `ca_file`, else of SSL_CERT_FILE.

    Raises ProviderError if a file can't be read or holds no certificate.
    """
    return _tls(config.ca_file or environ.get("SSL_CERT_FILE") or None, config.client_cert_file, config.client_key_file)


@cache
def _tls(ca_file: str | None, cert_file: str | None, key_file: str | None) -> ssl.SSLContext:
    """One for all providers with the same files: reading the authorities takes 30 ms."""
    context = httpx.create_ssl_context(trust_env=False)
    file = ca_file
    try:
        if ca_file:
            context.load_verify_locations(ca_file)
        file = cert_file
        if cert_file:
            context.load_cert_chain(cert_file, key_file, password="")  # a key with a password is an error, no prompt
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        message = f"the certificate file {file} can't be used: {error}"
        raise ProviderError(message, reason=Reason.PROVIDER_ERROR, retryable=False) from error
    return context
