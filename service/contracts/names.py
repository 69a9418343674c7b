"""Names that callers choose: their form, how keys and counters have them, and which one a mistyped one may mean."""

import difflib
import re
from collections.abc import Iterable
from functools import lru_cache

_LINE_ENDS = r"\n\r\v\f\x1c-\x1e\x85\u2028\u2029"

# The end is \Z, as `$` would also match before a last line end: "ann\n" would be another annotator than "ann".
ONE_LINE_PATTERN = rf"^\S([^{_LINE_ENDS}]*\S)?\Z"

SHA256_PATTERN = r"^[0-9a-f]{64}\Z"
ANSWER_KEY_PATTERN = r"[^\W_]"
EFFORT_PATTERN = r"^[a-z]{1,20}\Z"


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


_RESEMBLES = 0.6  # difflib's own threshold for a close match


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns the known name that is most like `name`, even if they have little in common.

    Raises IndexError if no name is known.
    """
    return difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns "; did you mean 'x'?" to append to a message, or "" if no known name resembles `name`."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=_RESEMBLES)
    return f"; did you mean {found[0]!r}?" if found else ""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Returns "; did you mean 'x'?", or " (known: a, b, c)" if no known name resembles `name`, to append."""
    names = list(known)
    return did_you_mean(name, names) or (f" (known: {', '.join(names)})" if names else "")
