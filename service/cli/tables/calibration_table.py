"""A calibration as text: the value of people that each of the judge's values stands for, with a reliability diagram."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from service.cli.console import add_row, open_console, open_table, print_lines, print_table
from service.cli.tables.agreement_report import series_heading, window_text
from service.rendering.amounts import counted
from service.rendering.trust_words import SELECTION_WORDS

if TYPE_CHECKING:
    from rich.table import Table

CalibrationJson = Mapping[str, Any]  # an answer of GET /v1/calibration, or a part of it

_DIAGRAM = 41  # columns
_REASONS = {
    "no_labels": "no items are labelled",
    "few_labels": "fewer than 50 items are labelled: too few for a mapping",
}
_ITEM_REASONS = {"not_random": "intervals for single items need labels of items drawn at random"}


def print_calibration(shown: CalibrationJson) -> None:
    """Prints the mapping as a table, with the people's mean at each value of the judge drawn along their scale."""
    console = open_console()
    print_lines(console, heading_lines(shown))
    console.print()
    print_table(console, _table(shown))
    console.print()
    print_lines(console, legend_lines(shown))


def heading_lines(shown: CalibrationJson) -> Iterator[str]:
    """Yields the judge, the number of labelled items, and how far its values are from people's."""
    selection = SELECTION_WORDS[shown["selection"]]
    yield f"{series_heading(shown)} on {shown['criterion']}; {window_text(shown)}; {selection}"
    yield counted(shown["items"], "labelled item")
    if shown["reason"]:
        yield f"! {_REASONS[shown['reason']]}"
    before, after = shown["error"]["before"], shown["error"]["after"]
    if before is not None:
        yield f"the judge's values are {before:.2f} points away from people's means"
    if after is not None and not shown["reason"]:
        yield f"the values that they stand for are {after:.2f} points away, on items that the mapping has not seen"
    prevalence = shown["prevalence"]
    if prevalence and prevalence["value"] is not None:
        interval = f"{prevalence['lower']:.1%} to {prevalence['upper']:.1%}"
        yield f"{prevalence['value']:.1%} of all judged items pass ({interval}); the judge says {_rate(prevalence)}"


def diagram_line(row: CalibrationJson, low: float, high: float) -> str:
    """Returns people's mean (o) with its interval (-), and the value that the judge's value stands for (x)."""
    cells = ["·"] + [" "] * (_DIAGRAM - 2) + ["·"]
    human = row["human"]
    if human["value"] is not None:
        if human["lower"] is not None:
            for place in range(_place(human["lower"], low, high), _place(human["upper"], low, high) + 1):
                cells[place] = "-"
        cells[_place(human["value"], low, high)] = "o"
    if row["fitted"] is not None:
        cells[_place(row["fitted"], low, high)] = "x"
    return "".join(cells)


def legend_lines(shown: CalibrationJson) -> Iterator[str]:
    """Yields the meaning of the diagram, and the reason if there are no intervals for single items."""
    yield (
        f"From {shown['scale_min']:g} to {shown['scale_max']:g}: people's mean (o) with its 95% interval (---), "
        "and the value that the judge's value stands for (x)."
    )
    if shown["item_reason"] in _ITEM_REASONS:
        yield _ITEM_REASONS[shown["item_reason"]]
    elif shown["item_reason"] is None:
        yield f"{shown['item_coverage']:.0%} of single items have a label inside the interval in the column `one item`."


def _table(shown: CalibrationJson) -> "Table":
    low, high = shown["scale_min"], shown["scale_max"]
    has_items = shown["item_reason"] is None
    table = open_table("judge", "items", "people's mean", "stands for", *(["one item"] if has_items else []), "")
    for row in shown["rows"]:
        cells = [_value(row["judge"]), str(row["items"]), _mean(row["human"]), _fitted(row)]
        if has_items:
            cells.append("" if row["item_lower"] is None else f"{row['item_lower']:.4g} to {row['item_upper']:.4g}")
        add_row(table, [*cells, diagram_line(row, low, high)])
    return table


def _place(value: float, low: float, high: float) -> int:
    return min(max(round((value - low) / ((high - low) or 1.0) * (_DIAGRAM - 1)), 0), _DIAGRAM - 1)


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def _mean(human: CalibrationJson) -> str:
    if human["value"] is None:
        return ""
    ends = "" if human["lower"] is None else f" ({human['lower']:.2f} to {human['upper']:.2f})"
    return f"{human['value']:.2f}{ends}"


def _fitted(row: CalibrationJson) -> str:
    if row["fitted"] is not None:
        return f"{row['fitted']:.2f}"
    return "unknown" if row["reason"] == "outside_labelled_range" else ""


def _rate(prevalence: CalibrationJson) -> str:
    return f"{prevalence['judge_rate']:.1%}"
