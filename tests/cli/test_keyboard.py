"""Keys of a terminal, and lines of anything else."""

import io
import os
import termios
import threading
import time
from collections.abc import Iterator

import pytest

from service.cli import keyboard


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The end of a terminal at which a person types; standard input is the other end."""
    ours, theirs = os.openpty()
    with open(theirs, closefd=False) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        yield ours
    os.close(ours)
    os.close(theirs)


def pressed(terminal: int, *keys: str) -> str | None:
    """Returns the key that is read if a person presses these, half a second apart."""

    def press() -> None:
        for key in keys:
            time.sleep(0.5)
            os.write(terminal, key.encode())

    typing = threading.Thread(target=press)
    typing.start()
    found = keyboard.read_key()
    typing.join()
    return found


def test_a_key_is_read_at_once_and_the_terminal_is_as_before(terminal: int, capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    before = termios.tcgetattr(sys.stdin.fileno())
    assert keyboard.has_keys()
    assert pressed(terminal, "4") == "4"
    assert pressed(terminal, "4444") == "4"  # a key that repeats
    assert pressed(terminal, "ä") == "ä"
    assert pressed(terminal, "\x1b[A") == ""  # an arrow
    assert pressed(terminal, "\x04") is None
    assert termios.tcgetattr(sys.stdin.fileno()) == before


def test_keys_from_before_the_question_are_dropped(terminal: int) -> None:
    os.write(terminal, b"1")
    time.sleep(0.1)
    assert pressed(terminal, "5") == "5"


def test_without_a_terminal_there_are_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(" 4 \n\nlast"))
    assert not keyboard.has_keys()
    assert [keyboard.read_line() for _ in range(4)] == ["4", "", "last", None]
    monkeypatch.setattr("sys.stdin", None)
    assert not keyboard.has_keys()
