"""Real answers of a real judge, replayed by a stub through the whole service: read as the reference reads them.

Of each row (an item x a criterion x a prompt) one text is taken. `reference_status` says r: sure, l: likely,
n: nothing to read, u: unclear.
"""

import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from service.contracts.judges import Scale
from service.judging.reading import read_score
from tests.flows.conftest import Judged, Row, Serve
from tests.stubs.model_server import ModelServer

TOTAL = 1_000
RARE = "nul"  # all of these that there are, one a row; the rest are sure
_MARK = re.compile(r"\[case (\d+)\]")


class Case(NamedTuple):
    """One text, and what it is about."""

    item: Row
    criterion: str
    scale: tuple[float, float]
    text: str
    status: str
    reference: float | None


def rows(data: Path, name: str) -> Iterator[Row]:
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def cases(data: Path) -> list[Case]:
    """TOTAL of them, the same each time: the rare ones, and sure ones from all over the file."""
    items = {each["item_id"]: each for each in rows(data, "topicalchat_items")}
    rare: list[Case] = []
    sure: list[Case] = []
    for number, row in enumerate(rows(data, "topicalchat_judgments")):
        status = row["reference_status"]
        chosen = next((status.index(each) for each in RARE if each in status), number % len(status))
        case = Case(
            items[row["item_id"]],
            row["criterion"],
            (row["scale_min"], row["scale_max"]),
            row["raw_texts"][chosen],
            status[chosen],
            row["reference_scores"][chosen],
        )
        (rare if case.status in RARE else sure).append(case)
    left = TOTAL - len(rare)
    return rare + [sure[index * len(sure) // left] for index in range(left)]


def judge_of(case: Case, step: float | None) -> Row:
    scale = {"min": case.scale[0], "max": case.scale[1], "step": step}
    return {"criterion": case.criterion, "method": "rating", "instructions": "How good is the reply?", "scale": scale}


def item_of(number: int, case: Case) -> Row:
    texts = {"input": f"[case {number}]\n{case.item['input']}", "output": case.item["output"]}
    return {"id": f"{number}", "context": case.item["context"], **texts}


def is_on_scale(case: Case, step: float | None) -> bool:
    low, high = case.scale
    assert case.reference is not None
    return low <= case.reference <= high and (step is None or (case.reference - low) % step == 0)


@pytest.mark.parametrize("step", [None, 1])
async def test_real_answers_are_scored_as_they_were_meant_or_not_at_all(
    serve: Serve, data: Path, step: float | None
) -> None:
    all_cases = cases(data)
    assert {case.status for case in all_cases} == set("rlnu")

    def replay(body: dict[str, Any]) -> str:
        found = _MARK.search(body["messages"][1]["content"])
        assert found
        return all_cases[int(found[1])].text

    judgments: dict[int, Row] = {}
    async with ModelServer("openai", replay) as model:
        judged: Judged = await serve(openai=model)
        jobs = defaultdict(list)
        for number, case in enumerate(all_cases):
            jobs[case.criterion, case.scale].append(number)
        for numbers in jobs.values():
            items = [item_of(number, all_cases[number]) for number in numbers]
            judge = judge_of(all_cases[numbers[0]], step)
            job = await judged.judge(items, judge=judge, models=["openai/gpt-3.5-turbo"])
            assert job["status"] == "completed"
            judgments |= {int(each["item_id"]): each for each in job["judgments"]}
    assert len(judgments) == TOTAL
    counts: Counter[tuple[str, str]] = Counter()
    for number, case in enumerate(all_cases):
        got, vote = judgments[number], judgments[number]["votes"][0]
        assert vote["raw_text"] == case.text
        assert vote["asks"] == (1 if got["outcome"] == "scored" else 3)
        scale = Scale(min=case.scale[0], max=case.scale[1], step=step)
        reading = read_score(case.text, scale, criterion=case.criterion)
        assert (got["outcome"], got["reason"], got["score"]) == (reading.outcome, reading.reason, reading.score)
        counts[case.status, got["reason"] or verdict(case, got["score"])] += 1
        if case.status == "r" and not is_on_scale(case, step):
            assert got["reason"] in ("off_grid", "out_of_range")
    print(f"\nstep {step}: " + ", ".join(f"{status} {what} {n}" for (status, what), n in sorted(counts.items())))
    assert not any(what == "wrong" for status, what in counts if status in "rn")
    assert {what for status, what in counts if status == "n"} <= {"no_score", "not_a_number"}  # the latter of "False"
    assert counts["r", "no_score"] <= 2  # 127 of the 99,718 sure ones are unread: "Response: 2"
    assert counts["r", "right"] + counts["r", "off_grid"] >= sum(case.status == "r" for case in all_cases) - 2


def verdict(case: Case, score: float | None) -> str:
    return "right" if score == case.reference else "wrong"
