"""Small inputs on which readers of this field went wrong in public, with the right answers.

They are not ours to ship: they are looked for in JUDGED_TEST_DATA, else beside the repository.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.contracts.judges import Choice, Method, Scale
from service.contracts.outcomes import Outcome
from service.judging.combining import as_listed
from service.judging.reading import (
    PAIRWISE_CHOICES,
    PASS_FAIL_CHOICES,
    Reading,
    read_label,
    read_ranking,
    read_score,
)

FILE = (
    Path(os.environ.get("JUDGED_TEST_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")) / "field_cases.jsonl"
)
PARSED = "POST /v1/parse"
USUAL: dict[str, Sequence[Choice]] = {Method.PASS_FAIL: PASS_FAIL_CHOICES, Method.PAIRWISE: PAIRWISE_CHOICES}
Row = dict[str, Any]


def cases() -> list[Any]:
    if not FILE.is_file():
        return [pytest.param({}, marks=pytest.mark.skip(reason=f"no {FILE}"))]
    rows = map(json.loads, FILE.read_text(encoding="utf-8").splitlines())
    return [pytest.param(row, id=row["id"]) for row in rows if row["how"] == PARSED]


def readings(asked: Row) -> list[Reading]:
    reasons = asked.get("finish_reasons") or [None] * len(asked["texts"])
    return [read(asked, text, reason) for text, reason in zip(asked["texts"], reasons, strict=True)]


def read(asked: Row, text: str, reason: str | None) -> Reading:
    method, criterion, key = asked["method"], asked.get("criterion"), asked.get("answer_key")
    choices = msgspec.convert(asked.get("choices", []), list[Choice]) or USUAL.get(method, ())
    if method == Method.RATING:
        scale = msgspec.convert(asked.get("scale", {}), Scale)
        return read_score(text, scale, criterion=criterion, answer_key=key, finish_reason=reason)
    if method == Method.RANKING:
        return read_ranking(text, len(choices), criterion=criterion, answer_key=key, finish_reason=reason)
    is_pair = method == Method.PAIRWISE
    return read_label(text, choices, criterion=criterion, answer_key=key, finish_reason=reason, pairwise=is_pair)


@pytest.mark.parametrize("case", cases())
def test_a_reply_that_others_misread_is_read_rightly_or_not_at_all(case: Row) -> None:
    for reading in readings(case["input"]):
        value = {"score": reading.score, "label": reading.label, "ranking": as_listed(reading.ranking)}
        got = {"outcome": reading.outcome, "reason": reading.reason, **value}
        accepted = [case["right"], *case.get("acceptable", [])]
        assert any(all(got[key] == each[key] for key in each) for each in accepted), got
        assert (reading.outcome is Outcome.SCORED) == any(each is not None for each in value.values())
