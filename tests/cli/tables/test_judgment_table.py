"""Judgments as a table."""

import pytest

from service.cli.tables.judgment_table import job_summary, print_judgments, verdict_text


def test_verdict_is_what_the_judge_gives() -> None:
    assert verdict_text({"score": 0.5, "label": "partly"}) == "partly"
    assert verdict_text({"score": None, "label": None, "ranking": [1, [0, 2]]}) == "B > A = C"
    assert verdict_text({"score": 4.0, "label": None, "ranking": None}) == "4"
    assert verdict_text({"score": None, "label": None, "ranking": None}) == ""


def test_summary_knows_no_mean_of_nothing_and_no_price_that_nobody_knows() -> None:
    job = {"id": "j", "counts": {"total": 1, "failed": 1}, "usage": {"cost_usd": None}}
    assert job_summary([{"outcome": "failed", "score": None}], job) == "j: 1 failed; no score; cost unknown"


def test_summary_counts_verdicts_that_are_no_scores() -> None:
    job = {"id": "j", "counts": {"total": 4, "scored": 4}, "usage": {"cost_usd": 0}}
    pairs = [{"outcome": "scored", "score": None, "label": label} for label in ("B", "A", "tie", "B")]
    assert job_summary(pairs, job) == "j: 4 scored; B: 2, A: 1, tie: 1; cost $0.0000"


def test_who_has_judgments_without_a_score_learns_where_the_reasons_are(capsys: pytest.CaptureFixture[str]) -> None:
    job = {"id": "job_1", "counts": {"total": 1, "failed": 1}, "usage": {"cost_usd": None}}
    print_judgments([{"item_id": "a", "criterion": "wit", "outcome": "failed", "score": None}], job)
    assert capsys.readouterr().out.splitlines()[-1] == "Why some have no score: judged jobs job_1"
