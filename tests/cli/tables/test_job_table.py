"""The causes for which judgments of a job have no score."""

import pytest

from service.cli.tables.job_table import cost_text, judges_text, print_job
from tests.cli.commands.test_jobs import job, judgment

Captured = pytest.CaptureFixture[str]


def test_causes_are_counted_the_most_frequent_first_with_some_items(capsys: Captured) -> None:
    found = [judgment("i0", "unscored", "no_score", None)]
    found += [judgment(f"i{n}", "failed", "timeout", "too   slow") for n in range(1, 6)]
    print_job(job(1, failed=5), found)
    first, second = capsys.readouterr().out.splitlines()[-2:]
    assert first.split() == ["5", "failed", "timeout", "too", "slow", "i1,", "i2,", "i3,", "…"]
    assert second.split() == ["1", "unscored", "no_score", "i0"]


def test_causes_past_a_bound_are_counted_together(capsys: Captured) -> None:
    print_job(job(1), (judgment("i", "failed", "error", f"words {n}") for n in range(1_500)))
    lines = capsys.readouterr().out.splitlines()
    assert "500" in next(line for line in lines if " other " in line)
    assert lines[-1] == "and 971 more causes: see all judgments with --json"


def test_a_job_without_price_has_an_unknown_cost() -> None:
    assert cost_text({"usage": {"cost_usd": None}}) == "unknown"
    assert judges_text({"judge": {"name": "j", "version": 3, "digest": ""}}) == "j@3"


def test_a_judge_whose_models_are_asked_apart_is_named_once() -> None:
    refs = [{"name": "j", "version": 3, "digest": digest} for digest in ("sha256:a", "sha256:b")]
    assert judges_text({"judge": [*refs, {"name": None, "version": None, "digest": "sha256:0123456789abcdef"}]}) == (
        "j@3, sha256:0123456789ab"
    )
