"""Entity tags, for clients that have an answer already (RFC 9110, 13.1.2)."""

from hashlib import sha256
from typing import Any

from litestar import Request


def etag_of(content: bytes) -> str:
    """Returns the entity tag of a content, or of anything that changes whenever the content does."""
    return f'"{sha256(content).hexdigest()[:32]}"'


def is_unchanged(request: Request[Any, Any, Any], etag: str) -> bool:
    """Tells whether If-None-Match names the entity tag, so that the answer is 304."""
    given = request.headers.get("if-none-match", "")
    named = [each.strip().removeprefix("W/") for each in given.split(",")]
    return etag in named or "*" in named
