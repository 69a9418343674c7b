"""`judged jobs`: the list, one job with its failures, and its cancellation."""

import json
from typing import Any

import pytest

from service.cli.main import main
from tests.cli.stub_api import Row, ScriptedApi

Captured = pytest.CaptureFixture[str]

FAILED = "sent to http://m: HTTP 429: [bold]slow down[/bold] \x1b[2J"


def job(n: int, status: str = "completed", **counts: int) -> Row:
    found = {"total": 5, "pending": 0, "scored": 5, "unscored": 0, "failed": 0, "cancelled": 0, **counts}
    return {
        "id": f"job_{n}",
        "status": status,
        "judge": [{"name": "politeness", "version": 2, "digest": "sha256:1"}, {**INLINE}],
        "counts": found,
        "usage": {"input_tokens": 1, "output_tokens": 1, "cost_usd": 0.25},
        "created_at": "2026-11-30T02:10:12.480Z",
        "started_at": "2026-11-30T02:10:13Z",
        "finished_at": None,
    }


INLINE = {"name": None, "version": None, "digest": "sha256:0123456789abcdef"}


def judgment(item_id: str, outcome: str, reason: str, error: str | None) -> Row:
    return {"item_id": item_id, "outcome": outcome, "reason": reason, "votes": [{"error": None}, {"error": error}]}


def page(jobs: list[Row], cursor: str | None = None) -> tuple[int, Row]:
    return 200, {"jobs": jobs, "next_cursor": cursor}


def test_jobs_are_listed_over_several_pages_the_newest_first(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {"/v1/jobs": [page([job(3)], "c"), page([], "d"), page([job(2, "running", pending=3)], "e")]}
    assert main(["jobs", "--limit", "2", "--judge", "politeness", "--status", "running", "--url", api.url]) == 0
    captured = capsys.readouterr()
    heading, *rows = captured.out.splitlines()
    assert heading.split() == ["job", "status", "judge", "done", "scored", "unscored", "failed", "cost", "created"]
    assert [row.split()[0] for row in rows] == ["job_3", "job_2"]
    assert "running    politeness@2, sha256:0123456789ab  2/5" in " ".join(rows).replace("  completed", "")
    assert captured.err == "There are older jobs: see more with --limit.\n"
    wanted = {"judge": "politeness", "status": "running", "limit": "2"}
    assert [each.query for each in api.asked[:3]] == [wanted, {**wanted, "cursor": "c"}, {**wanted, "cursor": "d"}]


def test_jobs_are_printed_as_json_lines(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {"/v1/jobs": [page([job(2), job(1)])]}
    assert main(["jobs", "--json", "--url", api.url]) == 0
    captured = capsys.readouterr()
    assert [json.loads(line) for line in captured.out.splitlines()] == [job(2), job(1)]
    assert captured.err == ""


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ([], "No job is there: judge some items first (judged score). "),
        (["--status", "running"], "No such job is there. "),
    ],
)
def test_an_empty_list_says_what_may_be_elsewhere(
    api: ScriptedApi, capsys: Captured, filters: list[str], said: str
) -> None:
    api.answers = {"/v1/jobs": [page([])]}
    assert main(["jobs", *filters, "--url", api.url]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert words == f"{said}A key without `admin` sees its own jobs alone."


def answers_of(shown: Row, judgments: Row) -> dict[str, Any]:
    return {"/v1/jobs/job_1": [(200, shown)], "/v1/jobs/job_1/judgments": [(200, judgments)]}


def test_a_job_is_shown_with_its_failures_in_the_providers_words(api: ScriptedApi, capsys: Captured) -> None:
    shown = job(1, "running", pending=2, scored=1, failed=2)
    shown["failing_models"] = [{"model": "m/x", "error": "away", "retry_in_seconds": 3.6}]
    shown["paused_providers"] = [{"provider": "m", "retry_in_seconds": 59.6}]
    api.answers = answers_of(shown, judgment("i1", "failed", "rate_limited", FAILED))
    assert main(["jobs", "job_1", "--url", api.url]) == 1
    out = capsys.readouterr().out
    assert "job_1: running, 5 judgments: 2 pending, 1 scored, 2 failed" in out
    assert "waits for m/x, tried again in 4 s: away" in out
    assert "waits for m, called again in 60 s: too many calls" in out
    assert out.splitlines()[-1].split()[:3] == ["1", "failed", "rate_limited"]
    assert "[bold]slow down[/bold] \N{REPLACEMENT CHARACTER}[2J" in out
    assert [each.query for each in api.asked if each.path.endswith("judgments")] == [{"outcome": "failed"}]


def test_a_job_as_json_is_followed_by_its_judgments_without_a_score(api: ScriptedApi, capsys: Captured) -> None:
    shown, found = job(1, unscored=1, scored=4), judgment("i1", "unscored", "no_score", None)
    api.answers = answers_of(shown, found)
    assert main(["jobs", "job_1", "--json", "--url", api.url]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [shown, found]


def test_a_job_is_cancelled(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {"/v1/jobs/job_1": [(200, job(1, "cancelled", scored=2, cancelled=3))]}
    assert main(["jobs", "job_1", "--cancel", "--url", api.url]) == 0
    assert [each.method for each in api.asked] == ["DELETE"]
    assert "job_1: cancelled, 5 judgments: 2 scored, 3 cancelled" in capsys.readouterr().out


def test_a_job_that_waits_for_a_failing_provider_says_so(api: ScriptedApi, capsys: Captured) -> None:
    waiting = {**job(1, "running", pending=5, scored=0), "failing_models": [{"model": "m/x", "error": "away\nnow"}]}
    api.answers = {"/v1/jobs/job_1": [(200, waiting), (200, waiting), (200, job(1))]}
    assert main(["jobs", "job_1", "--follow", "--url", api.url]) == 0
    assert capsys.readouterr().err == "waits for m/x, which fails: away now\n"


def test_a_job_that_stands_still_at_a_limit_says_so(api: ScriptedApi, capsys: Captured) -> None:
    waiting = job(1, "running", pending=5, scored=0)
    paused = [{**waiting, "paused_providers": [{"provider": "m", "retry_in_seconds": each}]} for each in (9, 5, 2)]
    further = {**paused[0], "counts": {**waiting["counts"], "pending": 4, "scored": 1}}
    api.answers = {"/v1/jobs/job_1": [*((200, each) for each in (*paused, further)), (200, job(1))]}
    assert main(["jobs", "job_1", "--follow", "--url", api.url]) == 0
    assert capsys.readouterr().err == "waits for m, which refuses calls: too many\n"


def test_a_job_that_stands_still_says_why(api: ScriptedApi, capsys: Captured) -> None:
    waiting = job(1, "queued", pending=5, scored=0)
    no_worker = (503, {"detail": "no worker is alive; jobs that are submitted wait in the queue"})
    api.answers = {
        "/v1/jobs/job_1": [(200, waiting), (200, waiting), (200, waiting), (200, waiting), (200, job(1))],
        "/readyz": [no_worker, no_worker, (200, {})],
    }
    assert main(["jobs", "job_1", "--follow", "--url", api.url]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "job_1 waits: no worker is alive; jobs that are submitted wait in the queue"
    ]
    assert sum(each.path == "/readyz" for each in api.asked) == 3


def test_a_job_is_followed_to_its_end(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {"/v1/jobs/job_1": [(200, job(1, "running", pending=5, scored=0)), (200, job(1))]}
    assert main(["jobs", "job_1", "--follow", "--url", api.url]) == 0
    assert "job_1: completed" in capsys.readouterr().out
    assert len(api.asked) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cancel"], "--cancel: name a job"),
        (["job_1", "--judge", "j"], "--judge is for the list: leave it out, or leave out the job"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(
    api: ScriptedApi, capsys: Captured, arguments: list[str], said: str
) -> None:
    assert main(["jobs", *arguments, "--url", api.url]) == 2
    assert capsys.readouterr().err == f"{said}\n"
    assert api.asked == []


def test_an_unknown_job_is_refused(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {"/v1/jobs/job_x": [(404, {"detail": "there is no job job_x"})]}
    assert main(["jobs", "job_x", "--url", api.url]) == 2
    assert capsys.readouterr().err == "refused (404): there is no job job_x\n"
