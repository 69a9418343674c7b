"""Names in a path. Item ids and annotators may contain any character, percent-encoded, even `/`.

Servers decode a path before it is routed; then a `/` in a name looks like a separator. So the path is taken from the
request line again.
"""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote


def keep_names_whole(scope: MutableMapping[str, Any]) -> None:
    """Sets an ASGI scope's path to the decoded path, but with `/` and `%` in names still encoded."""
    raw: bytes | None = scope.get("raw_path")
    if raw and b"%" in raw:
        parts = raw.partition(b"?")[0].decode("ascii", "replace").split("/")
        scope["path"] = "/".join(unquote(part).replace("%", "%25").replace("/", "%2F") for part in parts)


def decoded_name(part: str) -> str:
    """Returns the name that one part of such a path encodes."""
    return unquote(part)
