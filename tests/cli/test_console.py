"""The output of the commands."""

import pytest

from service.cli.console import (
    MAX_ERROR_LINES,
    add_row,
    open_console,
    open_table,
    print_error,
    printable,
    show_progress,
)

Captured = pytest.CaptureFixture[str]


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert printable("a\x1b[2Jb\tc\nd") == "a\N{REPLACEMENT CHARACTER}[2Jb\tc\nd"


def test_cells_are_plain_text(capsys: Captured) -> None:
    table = open_table("head")
    add_row(table, ["[bold]x[/bold]"])
    open_console().print(table)
    assert "[bold]x[/bold]" in capsys.readouterr().out


def test_a_long_refusal_is_cut_off(capsys: Captured) -> None:
    print_error(["line"] * (MAX_ERROR_LINES + 5))
    lines = capsys.readouterr().err.splitlines()
    assert (len(lines), lines[-1]) == (MAX_ERROR_LINES + 1, "and 5 more")


def test_progress_returns_the_last_state() -> None:
    assert show_progress(iter([1, 2, 3]), "title", 3, lambda state: int(state)) == 3
    with pytest.raises(ValueError, match="no state"):
        show_progress(iter([]), "title", 0, lambda state: int(state))
