"""Jobs as a table, and one job with the reasons for which its judgments have no score."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from service.cli.console import add_row, open_console, open_table, print_lines, print_table
from service.rendering.amounts import dollars
from service.rendering.cut_texts import in_one_line
from service.rendering.judge_names import judge_name

_HEADINGS = ("job", "status", "judge", "done", "scored", "unscored", "failed", "cost", "created")
_MOST_CAUSES = 30  # rows of the table
_MOST_KINDS = 1_000  # causes that are told apart: the providers' words may differ in each
_EXAMPLES = 3
_MOST_WORDS = 160  # characters of the provider's words
_OTHER = ("", "other", "")


def print_jobs(jobs: Sequence[Mapping[str, Any]], *, are_chosen: bool) -> None:
    """Prints a row for each job; `are_chosen` if others may be there."""
    console = open_console()
    if not jobs:
        none = "No such job is there." if are_chosen else "No job is there: judge some items first (judged score)."
        print_lines(console, [f"{none} A key without `admin` sees its own jobs alone."])
        return
    table = open_table(*_HEADINGS)
    for job in jobs:
        counts = job["counts"]
        done = f"{counts['total'] - counts['pending']}/{counts['total']}"
        numbers = (str(counts[name]) for name in ("scored", "unscored", "failed"))
        add_row(table, [job["id"], job["status"], judges_text(job), done, *numbers, cost_text(job), _time(job)])
    print_table(console, table)


def print_job(job: Mapping[str, Any], without_score: Iterable[Mapping[str, Any]]) -> None:
    """Prints the state of a job, then its judgments without a score, counted by their cause."""
    console = open_console()
    counts = [f"{count} {name}" for name, count in job["counts"].items() if name != "total" and count]
    lines = [
        f"{job['id']}: {job['status']}, {job['counts']['total']} judgments: {', '.join(counts)}",
        f"judge {judges_text(job)}; cost {cost_text(job)}",
        f"created {job['created_at']}; started {job['started_at'] or '-'}; ended {job['finished_at'] or '-'}",
    ]
    for each in job.get("failing_models") or ():
        wait = f"tried again in {each['retry_in_seconds']:.0f} s"
        lines.append(f"waits for {each['model']}, {wait}: {in_one_line(each['error'], _MOST_WORDS)}")
    for each in job.get("paused_providers") or ():
        lines.append(f"waits for {each['provider']}, called again in {each['retry_in_seconds']:.0f} s: too many calls")
    if callback := job.get("callback"):
        error = f": {callback['last_error']}" if callback["last_error"] else ""
        lines.append(f"callback {callback['status']} after {callback['attempts']} attempts{error}")
    print_lines(console, lines)
    if causes := _causes(without_score):
        _print_causes(causes)


def failing_notes(state: Mapping[str, Any]) -> dict[str, str]:
    """Returns a line for each model for which a job or a benchmark waits since its provider fails, by the model."""
    return {
        each["model"]: f"waits for {each['model']}, which fails: {in_one_line(each['error'], _MOST_WORDS)}"
        for each in state.get("failing_models") or ()
    }


def paused_notes(state: Mapping[str, Any]) -> dict[str, str]:
    """Returns a line for each provider that takes no call now since there were too many, by the provider."""
    paused = [each["provider"] for each in state.get("paused_providers") or ()]
    return {provider: f"waits for {provider}, which refuses calls: too many" for provider in paused}


def _print_causes(causes: dict[tuple[str, str, str], list[str]]) -> None:
    headings = ("judgments", "outcome", "reason", "provider's words", "items")
    console, table = open_console(), open_table(*headings, wraps=headings[-2:])
    ordered = sorted(causes.items(), key=lambda each: -int(each[1][0]))
    for (outcome, reason, words), (count, *items) in ordered[:_MOST_CAUSES]:
        more = ", …" if int(count) > len(items) else ""
        add_row(table, [count, outcome, reason, words, ", ".join(items) + more])
    print_lines(console, [""])
    print_table(console, table)
    if len(ordered) > _MOST_CAUSES:
        print_lines(console, [f"and {len(ordered) - _MOST_CAUSES} more causes: see all judgments with --json"])


def _causes(without_score: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str, str], list[str]]:
    """Returns for each outcome, reason and words of a provider: the number of judgments, then some items' ids."""
    causes: dict[tuple[str, str, str], list[str]] = {}
    for judgment in without_score:
        words = next((vote["error"] for vote in judgment["votes"] if vote["error"]), "")
        cause = (judgment["outcome"], judgment["reason"] or "", in_one_line(words, _MOST_WORDS))
        if cause not in causes and len(causes) >= _MOST_KINDS:
            cause = _OTHER
        count, *items = causes.get(cause, ["0"])
        if len(items) < _EXAMPLES and judgment["item_id"] not in items:
            items.append(judgment["item_id"])
        causes[cause] = [str(int(count) + 1), *items]
    return causes


def judges_text(job: Mapping[str, Any]) -> str:
    """Returns the judges of a job, each once, as `name@version` or as the beginning of its digest without a name."""
    refs = job["judge"] if isinstance(job["judge"], list) else [job["judge"]]
    return ", ".join(dict.fromkeys(map(judge_name, refs)))


def cost_text(job: Mapping[str, Any]) -> str:
    """Returns the cost of a job in US dollars, `unknown` if a price is."""
    return dollars(job["usage"]["cost_usd"])


def _time(job: Mapping[str, Any]) -> str:
    return str(job["created_at"])[:19].replace("T", " ")
