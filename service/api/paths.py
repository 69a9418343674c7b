"""Names in a path: an item's id or an annotator may hold any character, percent-encoded, and so may `/` within it.

Servers decode a path before it is routed, after which nobody can tell the `/` in a name from those between names. So
the path is taken again from what came over the wire.
"""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote


def keep_names_whole(scope: MutableMapping[str, Any]) -> None:
    """Makes an ASGI scope's path one to route by: decoded, but for `/` and `%` within names, which `named` decodes."""
    raw: bytes | None = scope.get("raw_path")
    if raw and b"%" in raw:
        parts = raw.partition(b"?")[0].decode("ascii", "replace").split("/")
        scope["path"] = "/".join(unquote(part).replace("%", "%25").replace("/", "%2F") for part in parts)


def named(part: str) -> str:
    """The name that a part of such a path stands for."""
    return unquote(part)
