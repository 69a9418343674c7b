"""The output of the commands."""

import pytest

from service.cli.console import (
    MAX_ERROR_LINES,
    add_row,
    open_console,
    open_table,
    print_error,
    print_note,
    print_table,
    show_progress,
)

Captured = pytest.CaptureFixture[str]


def test_cells_are_plain_text(capsys: Captured) -> None:
    table = open_table("head")
    add_row(table, ["[bold]x[/bold]"])
    print_table(open_console(), table)
    assert "[bold]x[/bold]" in capsys.readouterr().out


def test_what_a_server_said_steers_no_terminal(capsys: Captured) -> None:
    print_error(["no \x1b[2Jjudge \u202eabc"])
    print_note("no \x1b[2Jjudge \u202eabc")
    assert capsys.readouterr().err == "no \ufffd[2Jjudge \ufffdabc\n" * 2


def test_a_long_refusal_is_cut_off(capsys: Captured) -> None:
    print_error(["line"] * (MAX_ERROR_LINES + 5))
    lines = capsys.readouterr().err.splitlines()
    assert (len(lines), lines[-1]) == (MAX_ERROR_LINES + 1, "and 5 more")


def test_progress_returns_the_last_state() -> None:
    assert show_progress(iter([1, 2, 3]), "title", 3, lambda state: int(state)) == 3
    with pytest.raises(ValueError, match="no state"):
        show_progress(iter([]), "title", 0, lambda state: int(state))


def test_what_a_state_waits_for_is_said_once_and_again_after_it_has_gone_on(capsys: Captured) -> None:
    states = [{}, {"m": "waits for m [a]: \x1b[2J 1"}, {"m": "waits for m: 2", "n": "waits for n"}, {}, {"m": "again"}]
    show_progress(states, "title", 1, lambda state: 0, lambda state: state)
    said = capsys.readouterr()
    assert said.err.splitlines() == ["waits for m [a]: \N{REPLACEMENT CHARACTER}[2J 1", "waits for n", "again"]
    assert said.out == ""


def test_no_id_or_number_is_cut_in_a_narrow_terminal(capsys: Captured) -> None:
    table = open_table("job", "status", "explanation", wraps=("explanation",))
    add_row(table, ["job_01k1h1qhzftajxzzqj58y3", "completed_with_errors", "words " * 30])
    console = open_console()
    console.width = 50
    print_table(console, table)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[1].startswith("job_01k1h1qhzftajxzzqj58y3  completed_with_errors  words")
    assert all(line.startswith(" " * 40) for line in lines[2:])
    assert len(lines) > 5
    assert "…" not in "".join(lines)
    assert console.width == 50


def test_texts_wrap_before_a_table_runs_over_the_edge(capsys: Captured) -> None:
    table = open_table("item", "explanation", wraps=("explanation",))
    add_row(table, ["a", "words " * 30])
    console = open_console()
    console.width = 60
    print_table(console, table)
    assert max(len(line.rstrip()) for line in capsys.readouterr().out.splitlines()) <= 60
