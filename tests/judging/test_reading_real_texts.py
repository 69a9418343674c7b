"""Real replies of judges, against the careful readings that come with them: no wrong value, and how many read.

The texts are not ours to ship: they are looked for in JUDGED_TEST_DATA, else beside the repository.
Their `reference_status` says r: sure, l: likely, n: nothing to read, u: unclear, o: a number off the scale.
"""

import gzip
import json
import os
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from service.contracts.judges import Choice, Scale
from service.judging.reading import Reading, read_label, read_score

DATA = Path(os.environ.get("JUDGED_TEST_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
NEEDED = (
    "topicalchat_judgments",
    "llmbar_ratings",
    "llmbar_judgments",
    "judgebench_judgments",
    "autoj_critiques",
    "alpacaeval_judgments",
)
missing = [name for name in NEEDED if not (DATA / f"{name}.jsonl.gz").is_file()]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"no {', '.join(missing)} in {DATA}")

RIGHT, WRONG, UNREAD = "right", "wrong", "unread"


def rows(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def compared(value: float | str | None, reference: float | str | None) -> str:
    if value is None:
        return UNREAD
    return RIGHT if value == reference else WRONG


def report(name: str, counts: Counter[tuple[str, str]]) -> dict[tuple[str, str], int]:
    print(f"\n{name}: " + ", ".join(f"{status} {verdict} {n}" for (status, verdict), n in sorted(counts.items())))
    return dict(counts)


@cache
def read_once(text: str, low: float, high: float, step: float | None, criterion: str) -> Reading:
    """Of the answers, many are the same."""
    return read_score(text, Scale(min=low, max=high, step=step), criterion=criterion)


def topicalchat(step: float | None) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """How the answers are read on 1..3, and why those of status r that are not read are not."""
    counts: Counter[tuple[str, str]] = Counter()
    reasons: Counter[str] = Counter()
    for row in rows("topicalchat_judgments"):
        samples = zip(row["raw_texts"], row["reference_scores"], row["reference_status"], strict=True)
        for text, reference, status in samples:
            reading = read_once(text, row["scale_min"], row["scale_max"], step, row["criterion"])
            counts[status, compared(reading.score, reference)] += 1
            if status == "r" and reading.reason:
                reasons[reading.reason] += 1
    return counts, reasons


def test_topicalchat_on_a_scale_without_steps_is_read_as_the_reference() -> None:
    """The judges answered 2.5 and 1.3 too, and the reference keeps such scores: any number of 1..3 is one.

    The sure ones left unread: 96 'Response: 2', where response is no word for a score; scores inside a
    sentence; and '2 (somewhat)', which is more than a number. Of the unclear ones two are read, a bare first
    line and a 'Final Rating: 1.5'; of the likely ones, one where a bare last line answers a numbered question.
    """
    counts, reasons = topicalchat(step=None)
    assert report("topicalchat, any number", counts) == {
        ("r", RIGHT): 99_591,
        ("r", UNREAD): 127,
        ("l", UNREAD): 205,
        ("l", WRONG): 1,
        ("n", UNREAD): 65,
        ("u", UNREAD): 49,
        ("u", WRONG): 2,
    }
    assert reasons == {"no_score": 127}


def test_topicalchat_in_whole_steps_refuses_the_fractions_and_changes_nothing_else() -> None:
    counts, reasons = topicalchat(step=1)
    assert report("topicalchat, whole steps", counts) == {
        ("r", RIGHT): 99_344,
        ("r", UNREAD): 374,
        ("l", UNREAD): 205,
        ("l", WRONG): 1,
        ("n", UNREAD): 65,
        ("u", UNREAD): 50,
        ("u", WRONG): 1,
    }
    assert reasons == {"no_score": 127, "off_grid": 247}


def test_llmbar_ratings_are_read_as_the_numbers_they_are() -> None:
    """Bare numbers on 0..9; two are 10, off the scale, and two were stopped by a content filter."""
    reasons: Counter[str] = Counter()
    for row in rows("llmbar_ratings"):
        scale = Scale(min=row["scale_min"], max=row["scale_max"])
        reading = read_score(row["raw_text"], scale, finish_reason=row["finish_reason"])
        if reading.reason:
            reasons[f"{reading.reason} {row['raw_text']}".strip()] += 1
        else:
            assert reading.score == int(row["raw_text"])
            reasons[RIGHT] += 1
    print(f"\nllmbar ratings: {dict(reasons)}")
    assert reasons == {RIGHT: 1_900, "out_of_range 10": 2, "refused": 2}


def test_llmbar_verdicts_are_read_by_the_names_of_their_prompt() -> None:
    """Unread among the sure: 79 long replies whose verdict is not in the last sentence, or names both."""
    choices = [Choice(label="A", aliases=["Output (a)"]), Choice(label="B", aliases=["Output (b)"])]
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows("llmbar_judgments"):
        reading = read_label(row["raw_text"], choices, pairwise=True)
        reference = row["reference_verdict"]
        counts[row["reference_status"], compared(reading.label, reference and reference.upper())] += 1
    assert report("llmbar verdicts", counts) == {
        ("r", RIGHT): 8_450,
        ("r", UNREAD): 79,
        ("l", RIGHT): 15,
        ("l", UNREAD): 445,
        ("n", UNREAD): 41,
        ("u", UNREAD): 14,
    }


def test_every_judgebench_tag_is_read() -> None:
    labels = {"A>B": "A", "B>A": "B", "A=B": "tie"}
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows("judgebench_judgments"):
        reading = read_label(row["raw_text"], [], pairwise=True)
        counts[row["reference_status"], compared(reading.label, labels[row["reference_verdict"]])] += 1
    assert report("judgebench", counts) == {("r", RIGHT): 700}


def test_every_autoj_critique_is_read() -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows("autoj_critiques"):
        reading = read_score(row["raw_text"], Scale(min=row["scale_min"], max=row["scale_max"]))
        counts[row["reference_status"], compared(reading.score, row["reference_score"])] += 1
        assert reading.score is None or (reading.explanation and "Rating:" not in reading.explanation)
    assert report("autoj", counts) == {("r", RIGHT): 231, ("n", UNREAD): 1}


def test_a_ranking_is_not_taken_for_a_verdict() -> None:
    """AlpacaEval's function calls rank two models and name no winner: the words beside it are not searched."""
    choices = [Choice(label="m"), Choice(label="M")]
    readings: list[Reading] = [
        read_label(row["raw_text"] or "", choices, source="tool") for row in rows("alpacaeval_judgments")
    ]
    assert Counter(reading.label for reading in readings) == {None: 3_220}
