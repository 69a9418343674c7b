"""The question to the voter."""

import io

import pytest

from service.cli.console import open_console
from service.cli.tables.arena_view import ask
from service.cli.tables.label_view import SKIP


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("y\n\nA\n", "a"), ("b\n", "b"), ("B\n", "b"), ("X \n", "x"), ("s\n", SKIP), ("q\n", None), ("", None)],
)
def test_the_question_is_repeated_until_there_is_an_answer(
    typed: str, answer: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert ask(open_console()) == answer
