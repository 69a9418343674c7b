"""Percent-encoding of callers' texts, so that they can be parts of Redis keys and words of counters' fields."""

import re
from functools import lru_cache

_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
_ENCODED = re.compile(rb"%([0-9A-F]{2})")


@lru_cache(maxsize=4096)
def quoted(text: str) -> str:
    """Returns the text with all but letters, digits and `_.-~` percent-encoded (RFC 3986, section 2.3)."""
    if _PLAIN.fullmatch(text):
        return text
    return "".join(each if each in _UNRESERVED else "".join(f"%{byte:02X}" for byte in each.encode()) for each in text)


def unquoted(text: str) -> str:
    """Returns the text that `quoted` encoded."""
    return _ENCODED.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode()).decode()
