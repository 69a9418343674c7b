"""A comparison of two groups as text, and the figures of `judged gate`."""

from collections.abc import Iterator, Mapping
from typing import Any

from service.cli.console import add_row, open_console, open_table, print_lines, print_table
from service.cli.tables.agreement_report import series_heading
from service.rendering.amounts import counted
from service.rendering.comparison_words import (
    ComparisonJson,
    decision,
    design_text,
    next_steps,
    outcomes_text,
    served_text,
)

_VERDICTS = {True: "passed: it is at least", False: "blocked: it is below", None: "undecided: it may be below or above"}


def print_comparison(found: ComparisonJson) -> None:
    """Prints the cases, both differences with their intervals, wins, losses and ties, and the decision."""
    console = open_console()
    print_lines(console, case_lines(found))
    console.print()
    table = open_table("b - a", "difference", "95% interval")
    labels = found["a"]["labelled"] + found["b"]["labelled"]
    add_row(table, ["by the judge", *_cells(found["judge_difference"])])
    if found["corrected_difference"]["value"] is not None:
        add_row(table, [f"corrected by {labels} labels", *_cells(found["corrected_difference"])])
    print_table(console, table)
    console.print()
    print_lines(console, decision_lines(found))


def case_lines(found: ComparisonJson) -> Iterator[str]:
    """Yields the judge, the groups, the time, and the cases that are compared."""
    a, b = found["a"], found["b"]
    window = "" if found["window"] == "all" else f"; last {found['window']}"
    yield f"{_heading(found)}: {b['group']} (b) against {a['group']} (a){window}"
    yield design_text(found)
    yield from _served_lines(found)


def decision_lines(found: ComparisonJson) -> Iterator[str]:
    """Yields wins, losses and ties, the decision in words, and the labels that would decide."""
    if (outcomes := outcomes_text(found)) is not None:
        yield outcomes
    yield f"! {decision(found)}"
    yield from next_steps(found)


def figure(measure: Mapping[str, Any]) -> str:
    """Returns a value with its interval."""
    value, interval = _cells(measure)
    return f"{value} ({interval})"


def _heading(found: ComparisonJson) -> str:
    return f"{series_heading(found)} on {found['criterion']}"


def _served_lines(found: ComparisonJson) -> Iterator[str]:
    if (warning := served_text(found)) is not None:
        yield f"! {warning}"


def _cells(measure: Mapping[str, Any]) -> list[str]:
    if measure["value"] is None:
        return ["-", "nothing to average"]
    if measure["lower"] is None:
        return [f"{measure['value']:z.3f}", "no interval: all values are equal"]
    return [f"{measure['value']:z.3f}", f"{measure['lower']:z.3f} to {measure['upper']:z.3f}"]


def gate_lines(
    measure: Mapping[str, Any],
    by: str,
    report: ComparisonJson,
    passed: bool | None,
    least: float,
    *,
    requires_labels: bool = False,
) -> Iterator[str]:
    """Yields the figure that a gate looks at, in words, and whether it passes."""
    is_difference = "design" in report
    if is_difference:
        a, b = report["a"], report["b"]
        yield f"{_heading(report)}: {b['group']} against {a['group']}, {counted(report['cases'], 'case')}"
        yield from _served_lines(report)
        name = "gain" if report["better"] == "lower" else "difference"
    else:
        items = report["labels"] + report["unlabelled"]
        group = (
            f"{counted(items, 'item')} of any group"
            if report.get("group") is None
            else f"{report['group']}, {counted(items, 'item')}"
        )
        yield f"{_heading(report)}: {group}"
        name = "mean"
    labels = report["a"]["labelled"] + report["b"]["labelled"] if is_difference else report["labels"]
    if by == "labels" and report.get("method") == "labels_only":
        yield f"the mean, by {labels} labels alone, is {figure(measure)}"
    elif by == "labels":
        yield f"the {name}, corrected by {labels} labels, is {figure(measure)}"
    elif measure["value"] is None:
        yield "nothing to average: it scored no such item"
    else:
        yield f"the judge's {name} is {figure(measure)}; {labels} labels are too few to correct its bias"
    if requires_labels and by != "labels":
        yield "! undecided: labels are required (--require-labels)"
    else:
        yield f"! {_VERDICTS[passed]} {least:g}"
