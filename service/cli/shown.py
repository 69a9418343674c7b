"""Judgments as a person reads them."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_NO_TERMINAL_WIDTH = 160  # wide enough to be read in a log
_EXPLANATION_CHARACTERS = 120


def show_judgments(judgments: Sequence[dict[str, Any]], job: dict[str, Any]) -> None:
    """A row for each judgment, and what they come to."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_NO_TERMINAL_WIDTH)
    table = Table("item", "criterion", "outcome", "score", "explanation", box=None, pad_edge=False)
    for judgment in judgments:
        # Text, since brackets in what a model or a caller wrote are no markup
        table.add_row(*(Text(cell) for cell in _cells(judgment)))
    console.print(table)
    console.print(Text(summary(judgments, job)))


def _cells(judgment: dict[str, Any]) -> tuple[str, ...]:
    outcome = judgment["outcome"]
    told = f"{outcome} ({reason})" if (reason := judgment.get("reason")) else outcome
    return (
        judgment["item_id"],
        judgment["criterion"],
        told,
        verdict(judgment),
        _shortened(judgment.get("explanation")),
    )


def verdict(judgment: dict[str, Any]) -> str:
    """The label, the order or the score, whichever the judge gives; "" where there is none."""
    if judgment.get("label") is not None:
        return str(judgment["label"])
    if judgment.get("ranking") is not None:
        return str(judgment["ranking"])
    return "" if judgment.get("score") is None else f"{judgment['score']:g}"


def _shortened(text: str | None) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= _EXPLANATION_CHARACTERS else f"{line[: _EXPLANATION_CHARACTERS - 1]}…"


def summary(judgments: Sequence[dict[str, Any]], job: dict[str, Any]) -> str:
    """The counts, the mean score over what was scored, and the cost."""
    counts = [f"{count} {name}" for name, count in job["counts"].items() if name != "total" and count]
    scores = [each["score"] for each in judgments if each["outcome"] == "scored" and each.get("score") is not None]
    mean = f"mean score {sum(scores) / len(scores):.3g}" if scores else "no score"
    cost = job["usage"]["cost_usd"]
    return f"{job['id']}: {', '.join(counts)}; {mean}; cost {'unknown' if cost is None else f'${cost:.4f}'}"
