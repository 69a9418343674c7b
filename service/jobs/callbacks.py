"""The addresses to which finished jobs may be posted, and the secrets with which the posts are signed.

Addresses are public ones, and those that `server.callback_hosts` lists; the signature is that of Standard Webhooks
(https://www.standardwebhooks.com).
"""

import hmac
import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?", re.IGNORECASE)
_NUMERIC = re.compile(r"0x[0-9a-f]*|[0-9]+", re.IGNORECASE)  # a last label with which a host is read as an address
_PRINTABLE = re.compile(r"[!-~]+")  # others are percent-encoded
_NAT64 = ip_network("64:ff9b::/96")
_GLOBAL_UNICAST = ip_network("2000::/3")  # outside it are old and local forms, some of which hold IPv4 addresses
# Special, whatever the release of Python says of them: 192.0.0.192 is Oracle's metadata, the other one Azure's host.
_OF_CLOUDS = (ip_network("192.0.0.0/24"), ip_network("168.63.129.16/32"))
_MOST_SHOWN = 100  # characters of a host in a message

_Address = IPv4Address | IPv6Address


def callback_problem(url: str, listed: Sequence[str]) -> str | None:
    """Returns the problem of a `callback_url`, None if it has none that its text shows.

    `listed` is the setting `server.callback_hosts`. The addresses of a name are checked when it is called.
    """
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        return "has spaces, backslashes or characters outside ASCII: percent-encode them"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        return f"not a URL: {error}"
    if parts.username is not None or parts.password is not None:
        return "has a user name or a password: put a token in the path or the query, or verify the signature"
    if port == 0:
        return "has the port 0"
    return _host_problem(host, listed)


def may_be_called(host: str, address: str, listed: Sequence[str]) -> bool:
    """Returns whether a host may be called at one of its addresses.

    `listed` has names, addresses and networks: whatever is in it may be called, and so may every public address.
    """
    found = _unwrapped(ip_address(address.partition("%")[0]))
    if host.rstrip(".").lower() in {each.rstrip(".").lower() for each in listed}:
        return True
    return _is_public(found) or any(found in network for network in map(_network, listed) if network is not None)


def _host_problem(host: str, listed: Sequence[str]) -> str | None:
    shown = repr(host[:_MOST_SHOWN])
    try:
        address = str(ip_address(host))
    except ValueError:
        if not _NAME.fullmatch(host) or len(host) > 253 or _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]):
            return f"the host {shown} is neither a name nor an address in its usual form"
        name = host.rstrip(".").lower()
        address = "127.0.0.1" if name == "localhost" or name.endswith(".localhost") else ""
    if address and not may_be_called(host, address, listed):
        return f"the host {shown} is not public, and not listed in server.callback_hosts"
    return None


def _is_public(address: _Address) -> bool:
    is_unicast = isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST
    is_special = address.is_multicast or any(address in network for network in _OF_CLOUDS)
    return is_unicast and address.is_global and not is_special


def _unwrapped(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 address stands for, if it stands for one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


_PREFIX = "whsec_"


def callback_secret(installation: bytes, owner: str | None) -> str:
    """Returns the secret for the jobs of an API key, None if no keys are configured.

    It follows from the installation's secret, so that no key can forge another's callbacks.
    """
    digest = hmac.new(installation, f"callbacks\n{owner or ''}".encode(), sha256).digest()
    return _PREFIX + b64encode(digest).decode()
