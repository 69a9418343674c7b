"""Known names that resemble a mistyped one, for messages."""

import difflib
from collections.abc import Iterable

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
