"""The commands' terminal: tables, JSON, errors, the progress bar, and the signals that interrupt a command."""

import json
import signal
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from service.rendering.cut_texts import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

MAX_ERROR_LINES = 20  # enough to recognise a mistake that every line of a file repeats

_LOG_WIDTH = 220  # columns if the output is no terminal: wide enough that no table wraps in a log
_LEAST_TEXT = 30  # columns of a text that wraps
_UNLIMITED = 100_000  # columns


def interrupted_by_signals() -> None:
    """Lets SIGTERM and a closed terminal end the command as Ctrl-C does, so that it removes unfinished files."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # it is ignored under nohup
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a shell script
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)  # which asyncio waits for, and lets its tasks end


def open_console(*, stderr: bool = False) -> "Console":
    """Returns a console on standard output or standard error, as wide as its terminal or as `_LOG_WIDTH`."""
    from rich.console import Console

    class Shown(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # for `main`, as any other output has it

    console = Shown(stderr=stderr, highlight=False)
    return console if console.is_terminal else Shown(stderr=stderr, width=_LOG_WIDTH, highlight=False)


def open_table(*headings: str, wraps: Container[str] = ()) -> "Table":
    """Returns an empty table without lines, for `print_table`. Columns of texts, which may wrap, are in `wraps`."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=heading not in wraps)
    return table


def print_table(console: "Console", table: "Table") -> None:
    """Prints a table. Where it does not fit, texts wrap, down to `_LEAST_TEXT` columns; no id or number is cut.

    A table that does not fit even then is wider than the terminal, which wraps its lines.
    """
    from rich.measure import Measurement

    def width() -> int:
        return Measurement.get(console, console.options.update_width(_UNLIMITED), table).maximum

    excess, screen = width() - console.width, console.width
    for column in table.columns:
        if excess > 0 and not column.no_wrap:
            cells = (column.header, *column.cells)
            longest = max(Measurement.get(console, console.options.update_width(_UNLIMITED), c).maximum for c in cells)
            column.max_width = max(_LEAST_TEXT, longest - excess)
            excess -= max(0, longest - column.max_width)
    console.width = max(screen, width())
    console.print(table)
    console.width = screen


def add_row(table: "Table", cells: Iterable[str], style: str | None = None) -> None:
    """Adds a row of plain text: brackets in the cells are not rich's markup, and control characters are replaced."""
    from rich.text import Text

    table.add_row(*(Text(printable(cell)) for cell in cells), style=style)


def print_lines(console: "Console", lines: Iterable[str], style: str = "") -> None:
    """Prints plain text, one line each."""
    from rich.text import Text

    for line in lines:
        console.print(Text(printable(line), style=style))


def print_json(value: Any) -> None:
    """Prints one JSON value on one line of standard output."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def print_note(text: str) -> None:
    """Prints a line for the person at the terminal, on standard error."""
    print(printable(text), file=sys.stderr)


def print_error(lines: Sequence[str]) -> None:
    """Prints the reasons of a refusal on standard error, at most `MAX_ERROR_LINES` of them."""
    print(*map(printable, lines[:MAX_ERROR_LINES]), sep="\n", file=sys.stderr)
    if len(lines) > MAX_ERROR_LINES:
        print(f"and {len(lines) - MAX_ERROR_LINES} more", file=sys.stderr)


def show_progress(
    states: Iterable[Any],
    title: str,
    total: int,
    done: Callable[[Any], int],
    notes: Callable[[Any], Mapping[str, str]] = lambda state: {},
) -> Any:
    """Consumes `states`, showing the progress of each on standard error; returns the last one.

    `done` returns how many of `total` a state has finished; that is shown if standard error is a terminal. `notes`
    returns lines about a state by their subjects: a line is printed where the state before had none on its subject.
    Raises ValueError if there is no state.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    last: Any = None
    known: Mapping[str, str] = {}
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)
        for last in states:
            bar.update(task, completed=done(last))
            new = notes(last)
            for line in (line for about, line in new.items() if about not in known):
                bar.console.print(printable(line), markup=False, highlight=False, soft_wrap=True)
            known = new
    if last is None:
        raise ValueError("there is no state to show")
    return last


@contextmanager
def counting(title: str, unit: str) -> Iterator[Callable[..., None]]:
    """Yields a function that shows a number on standard error, and the share of a total if that is given too.

    Nothing is shown if standard error is no terminal.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[shown]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None, shown="")

        def show(count: int, total: int | None = None) -> None:
            bar.update(task, completed=count, total=total, shown=f"{count:,} {unit}")

        yield show
