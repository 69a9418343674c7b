"""Judgments as a table, and their summary."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from service.cli.console import add_row, open_console, open_table, print_lines, print_table
from service.rendering.amounts import dollars
from service.rendering.cut_texts import in_one_line
from service.rendering.ranking_words import ranking_words

WITHOUT_SCORE = ("unscored", "failed")

_MAX_EXPLANATION_CHARACTERS = 120
_MOST_VERDICTS = 5  # of the most frequent ones


def print_judgments(judgments: Sequence[dict[str, Any]], job: dict[str, Any]) -> None:
    """Prints a row for each judgment, then the summary of the job."""
    console = open_console()
    table = open_table("item", "criterion", "outcome", "score", "explanation", wraps=("explanation",))
    for judgment in judgments:
        add_row(table, _cells(judgment))
    print_table(console, table)
    print_lines(console, [job_summary(judgments, job)])
    if any(each["outcome"] in WITHOUT_SCORE for each in judgments):
        print_lines(console, [why_without_score(job["id"])])


def why_without_score(job_id: str) -> str:
    """Returns the line that says where the reasons of judgments without a score are."""
    return f"Why some have no score: judged jobs {job_id}"


def _cells(judgment: dict[str, Any]) -> tuple[str, ...]:
    outcome, reason = judgment["outcome"], judgment.get("reason")
    return (
        judgment["item_id"],
        judgment["criterion"],
        f"{outcome} ({reason})" if reason else outcome,
        verdict_text(judgment),
        in_one_line(judgment.get("explanation") or "", _MAX_EXPLANATION_CHARACTERS),
    )


def verdict_text(judgment: dict[str, Any]) -> str:
    """Returns the label, the ranking or the score, whichever the judgment has; "" if it has none."""
    if judgment.get("label") is not None:
        return str(judgment["label"])
    if judgment.get("ranking") is not None:
        return ranking_words(judgment["ranking"])
    return "" if judgment.get("score") is None else f"{judgment['score']:g}"


def job_summary(judgments: Sequence[dict[str, Any]], job: dict[str, Any]) -> str:
    """Returns the counts of each outcome, the mean of the scores or the count of each verdict, and the cost."""
    counts = [f"{count} {name}" for name, count in job["counts"].items() if name != "total" and count]
    cost = job["usage"]["cost_usd"]
    return f"{job['id']}: {', '.join(counts)}; {_verdicts(judgments)}; cost {dollars(cost)}"


def _verdicts(judgments: Sequence[dict[str, Any]]) -> str:
    scored = [each for each in judgments if each["outcome"] == "scored"]
    if scores := [each["score"] for each in scored if each.get("score") is not None]:
        return f"mean score {sum(scores) / len(scores):.3g}"
    usual = Counter(map(verdict_text, scored)).most_common(_MOST_VERDICTS)
    return ", ".join(f"{verdict}: {count}" for verdict, count in usual) or "no score"
