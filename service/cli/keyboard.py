"""Single keys from a terminal, and lines from anything else."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_MOST_AT_ONCE = 1024  # bytes that are read together: the rest of a pasted text or of an escape sequence
_END = "\x04"  # Ctrl-D
_TOO_SOON_S = 0.25  # nobody has read a text so soon: the key was meant for the one before


def has_keys() -> bool:
    """Returns whether standard input is a terminal of which single keys can be read."""
    try:
        import termios
    except ImportError:  # Windows
        return False
    try:
        termios.tcgetattr(sys.stdin.fileno())
    except (AttributeError, OSError, ValueError, termios.error):  # there may be none at all
        return False
    return True


def read_key() -> str | None:
    """Waits for a key and returns it; None at the end of the input (Ctrl-D).

    Keys that were pressed before, or too soon to be about what is shown now, are dropped, and so is the rest of a
    paste. Arrow keys and the like are the empty text. Ctrl-C raises KeyboardInterrupt.
    """
    began = time.monotonic()
    with _single_keys() as descriptor:
        while True:
            given = os.read(descriptor, _MOST_AT_ONCE)
            if not given:
                return None
            text = given.decode("utf-8", "replace")
            if text[0] == _END:
                return None
            if time.monotonic() - began >= _TOO_SOON_S:
                return text[0] if text[0].isprintable() or text[0] in "\r\n" else ""


def read_line() -> str | None:
    """Returns a line without the spaces around it, None at the end of the input."""
    line = sys.stdin.readline()
    return line.strip() if line else None


@contextmanager
def _single_keys() -> Iterator[int]:
    """Has the terminal hand over each key at once and unseen; as it was before at the end, whatever happens."""
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor, termios.TCSAFLUSH)  # which drops the keys that were pressed before
        yield descriptor
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
