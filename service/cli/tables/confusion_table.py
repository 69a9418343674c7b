"""The counts of each pair of values as a table of a terminal."""

from typing import TYPE_CHECKING

from rich.markup import escape

from service.cli.console import add_row, open_table
from service.rendering.confusion_table import ConfusionTable
from service.rendering.cut_texts import printable, shortened

if TYPE_CHECKING:
    from rich.table import Table

_MAX_LABEL_CHARACTERS = 16


def confusion_grid(shown: ConfusionTable) -> "Table":
    """Returns the table with its sums; counts of pairs with the same value on both sides are in brackets."""
    table = open_table("")
    for heading in [*shown.columns, "all"]:
        table.add_column(escape(printable(shortened(heading, _MAX_LABEL_CHARACTERS))), justify="right")
    for row, counts in zip(shown.rows, shown.counts, strict=True):
        cells = [_cell(row == column, count) for column, count in zip(shown.columns, counts, strict=True)]
        add_row(table, [shortened(row, _MAX_LABEL_CHARACTERS), *cells, str(sum(counts))])
    totals = [sum(each) for each in zip(*shown.counts, strict=True)]
    add_row(table, ["all", *map(str, totals), str(sum(totals))])
    return table


def _cell(is_same: bool, count: int) -> str:
    text = str(count) if count else "·"
    return f"[{text}]" if is_same else f"{text} "
