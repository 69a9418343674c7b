"""Refuses requests that a foreign web page makes through the browser of somebody who can reach the service.

A page may send a form to any address without asking (cross-site request forgery), and may have its own name resolve to
127.0.0.1 (DNS rebinding). Programs that are no browsers pass: they send neither `Origin` nor `Sec-Fetch-Site`.
"""

from functools import lru_cache
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from service.api.problems import ProblemError

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})
_OWN_SITES = frozenset({"same-origin", "none"})  # `none`: the user entered the address


TAKES_FORMS = {"takes_forms": True}  # the `opt=` of a handler that reads the form of a page


async def check_origin(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guards each handler: raises ProblemError (403 or 415) for requests that a foreign page can make.

    If no keys are configured, `Host` must name this machine: a page whose name resolves to it has another one.
    """
    host = connection.headers.get("host", "")
    if not connection.app.state.settings.keys and host and not is_loopback_name(host):
        raise ProblemError(
            403,
            "foreign-host",
            f"the Host {host[:100]!r} is not a loopback name, and only those are served without [[keys]]",
        )
    if cast("dict[str, Any]", connection.scope)["method"] in _SAFE_METHODS:
        return
    if _is_foreign(connection, host):
        raise ProblemError(403, "foreign-origin", "a page of another site may not send this request")
    sent = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent in _FORMS and not handler.opt.get("takes_forms"):
        raise ProblemError(415, "unsupported-media-type", f"the Content-Type {sent} is that of a form; send JSON")


@lru_cache(maxsize=256)
def is_loopback_name(host: str) -> bool:
    """Returns whether a Host header names this machine: `localhost`, a name below it, or a loopback address."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _is_foreign(connection: ASGIConnection[Any, Any, Any, Any], host: str) -> bool:
    """Whether a browser says that the page is of another site: by Sec-Fetch-Site, or by Origin if it is older."""
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site not in _OWN_SITES
    origin = connection.headers.get("origin")
    return origin is not None and origin.partition("://")[2].lower() != host.lower()
