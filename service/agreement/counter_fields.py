"""How the fields of counters are written: words with tabs between, a caller's own text percent-encoded."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from service.contracts.labels import Selection

# By selection: labels drawn at random (r), targeted ones (t), and what both together give beyond the two (x).
GROUPS: dict[Selection, frozenset[str]] = {
    "random": frozenset("r"),
    "targeted": frozenset("t"),
    "all": frozenset("rtx"),
}

_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")
_ENCODED = re.compile(rb"%([0-9A-F]{2})")


def field(*words: object) -> str:
    """A field's name of its words."""
    return "\t".join(map(str, words))


def split(fields: Mapping[str, int]) -> Iterator[tuple[list[str], int]]:
    """The words of each field, and what was counted of it."""
    for name, count in fields.items():
        yield name.split("\t"), count


def added(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counters of several buckets or series together."""
    total: dict[str, int] = {}
    for each in parts:
        if not total:
            total = dict(each)
            continue
        for name, count in each.items():
            total[name] = total.get(name, 0) + count
    return total


@lru_cache(maxsize=4096)
def quoted(text: str) -> str:
    """A caller's text as a word of a field: all but letters, digits and `_.-~` percent-encoded, as RFC 3986 says."""
    return "".join(each if each in _UNRESERVED else "".join(f"%{byte:02X}" for byte in each.encode()) for each in text)


def unquoted(text: str) -> str:
    """What `quoted` was given."""
    return _ENCODED.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode()).decode()
