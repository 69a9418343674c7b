"""Judgments as a table."""

from service.cli.tables.judgment_table import job_summary, verdict_text


def test_verdict_is_what_the_judge_gives() -> None:
    assert verdict_text({"score": 0.5, "label": "partly"}) == "partly"
    assert verdict_text({"score": None, "label": None, "ranking": [1, [0, 2]]}) == "[1, [0, 2]]"
    assert verdict_text({"score": 4.0, "label": None, "ranking": None}) == "4"
    assert verdict_text({"score": None, "label": None, "ranking": None}) == ""


def test_summary_knows_no_mean_of_nothing_and_no_price_that_nobody_knows() -> None:
    job = {"id": "j", "counts": {"total": 1, "failed": 1}, "usage": {"cost_usd": None}}
    assert job_summary([{"outcome": "failed", "score": None}], job) == "j: 1 failed; no score; cost unknown"
