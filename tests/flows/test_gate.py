"""`judged compare`, `judged gate` and `judged score --group` against a running service."""

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.cli.main import main
from tests.cli.surroundings import logging_as_before, nothing_configured
from tests.flows.conftest import Judged, Row, Serve
from tests.flows.test_bench_command import complaints
from tests.flows.test_groups import item, label, served, shown, text
from tests.stubs.model_server import ModelServer

__all__ = ["logging_as_before", "nothing_configured"]

Captured = pytest.CaptureFixture[str]


async def run(judged: Judged, *arguments: str) -> int:
    return await asyncio.to_thread(main, [*arguments, "--url", str(judged.client.base_url)])


def printed(capsys: Captured) -> list[str]:
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def one_line(capsys: Captured) -> Row:
    found: Row = json.loads(capsys.readouterr().out)
    return found


def a_file(folder: Path, items: list[Row], name: str = "items.jsonl") -> str:
    path = folder / name
    path.write_text("".join(json.dumps(each) + "\n" for each in items))
    return str(path)


async def two_groups(serve: Serve) -> Judged:
    """Of 60 cases, of which b is one better in every second one."""
    judged = await served(serve)
    scores = [1 + n % 4 for n in range(60)]
    await judged.judge([item("v1", n, score) for n, score in enumerate(scores)], "wit")
    await judged.judge([item("v2", n, score + n % 2) for n, score in enumerate(scores)], "wit")
    return judged


async def test_a_comparison_is_a_table_and_a_sentence(serve: Serve, capsys: Captured) -> None:
    judged = await two_groups(serve)
    assert await run(judged, "compare", "v1", "v2", "--judge", "wit") == 0
    lines = printed(capsys)
    found = await shown(judged, "compare", judge="wit", a="v1", b="v2")
    ends = found["judge_difference"]
    assert lines == [
        "wit@1 control/length on wit: v2 (b) against v1 (a)",
        "60 cases that both have",
        "",
        "b - a difference 95% interval",
        f"by the judge 0.500 {ends['lower']:.3f} to {ends['upper']:.3f}",
        "",
        "v2 wins 30 cases, loses 0, ties 30, by the judge",
        "! v2 is better than v1, by the judge alone",
        "its bias may differ from v1 to v2: label 20 random items of each, and the labels decide",
    ]
    for group in ("v1", "v2"):
        await label(judged, *((f"{group}-{n}", 1 + n * 3 % 5) for n in range(30)))
    assert await run(judged, "compare", "v1", "v2", "--judge", "wit", "--anytime") == 0
    lines = printed(capsys)
    assert lines[5].startswith("corrected by 60 labels ")
    assert "! it can't be told whether v2 is better than v1: the interval contains 0" in lines
    assert await run(judged, "compare", "v1", "v2", "--judge", "wit", "--json") == 0
    assert one_line(capsys)["labelled_pairs"] == 30
    assert await run(judged, "compare", "v1", "v3", "--judge", "wit") == 2
    assert "no item of the group 'v3' was judged on 'wit'" in "".join(complaints(capsys))


async def test_a_gate_tells_by_its_exit_code_on_which_side_of_the_least_difference_it_is(
    serve: Serve, capsys: Captured
) -> None:
    judged = await two_groups(serve)
    gate = ("gate", "--judge", "wit", "--group", "v2", "--against", "v1", "--min")
    assert await run(judged, *gate, "0") == 0
    assert printed(capsys)[-1] == "! passed: it is at least 0"
    assert await run(judged, *gate, "1") == 1
    assert printed(capsys)[-1] == "! blocked: it is below 1"
    assert await run(judged, *gate, "0.5") == 3
    assert printed(capsys)[-1] == "! undecided: it may be below or above 0.5"
    assert await run(judged, *gate, "0.5", "--undecided", "0") == 0
    assert await run(judged, *gate, "0", "--require-labels") == 3
    assert await run(judged, "gate", "--judge", "wit", "--group", "v1", "--against", "v2", "--min", "-0.1") == 1
    capsys.readouterr()
    assert await run(judged, *gate, "0", "--json") == 0
    found = one_line(capsys)
    assert (found["passed"], found["min"], found["by"], found["group"], found["against"]) == (
        True,
        0,
        "judge",
        "v2",
        "v1",
    )
    assert found["value"] == found["comparison"]["judge_difference"]["value"] == pytest.approx(0.5)
    assert found["job"] is None


async def test_a_gate_of_a_mean_looks_at_the_mean_that_labels_correct(serve: Serve, capsys: Captured) -> None:
    judged = await two_groups(serve)
    gate = ("gate", "--judge", "wit", "--group", "v1", "--min")
    assert await run(judged, *gate, "2") == 0
    lines = printed(capsys)
    assert lines[0] == "wit@1 control/length on wit: v1, 60 items"
    assert lines[1].startswith("the judge's mean is 2.500 (2.")
    assert lines[1].endswith("; 0 labels are too few to correct its bias")
    await label(judged, *((f"v1-{n}", 1) for n in range(0, 60, 2)))
    await label(judged, *((f"v1-{n}", 2) for n in range(1, 25, 2)))
    assert await run(judged, *gate, "2") == 1
    assert printed(capsys)[1].startswith("the mean, by 42 labels alone, is 1.")
    assert await run(judged, *gate, "2", "--json") == 1
    found = one_line(capsys)
    assert (found["by"], found["estimate"]["group"]) == ("labels", "v1")
    assert found["value"] == found["estimate"]["corrected_mean"]["value"]
    assert await run(judged, "gate", "--judge", "wit", "--min", "1") == 0


async def test_a_gate_judges_the_items_of_a_file_first(serve: Serve, tmp_path: Path, capsys: Captured) -> None:
    async with ModelServer("openai") as model:
        judged = await serve(openai=model)
        definition = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "models": ["openai/m"]}
        assert (await judged.client.put("/v1/judges/wit", json=definition)).status_code == 201
        items = [{"id": f"t{n}", "input": f"q{n}", "output": text(3, n)} for n in range(30)]
        file = a_file(tmp_path, items)
        assert await run(judged, "gate", file, "--judge", "wit", "--min", "3", "--json") in (0, 3)
        found = one_line(capsys)
        assert found["job"]["counts"]["scored"] == 30
        assert found["group"].startswith("gate-")
        assert found["estimate"]["judge_mean"]["value"] == 4
        assert await run(judged, "score", file, "--judge", "wit", "--group", "nightly", "--json") == 0
        lines = capsys.readouterr().out.splitlines()
        assert {json.loads(line)["group"] for line in lines} == {"nightly"}
        inline = a_file(tmp_path, [definition], "judge.json")
        assert await run(judged, "gate", file, "--judge", inline, "--group", "x", "--against", "x2", "--min", "0") == 2
        several = a_file(tmp_path, [{**each, "group": f"g{n % 2}"} for n, each in enumerate(items)], "two.jsonl")
        assert await run(judged, "gate", several, "--judge", "wit", "--min", "0") == 2
        assert "the items have several groups (g0, g1): name one with --group" in "".join(complaints(capsys))
        against = ("--group", "g1", "--against", "g0", "--min", "-2")
        assert await run(judged, "gate", several, "--judge", "wit", *against) == 0


async def test_identical_groups_are_seldom_blocked(serve: Serve, capsys: Captured) -> None:
    """A few, through the command; `tests/benchmarks/compare.py` does many thousand comparisons."""
    judged = await served(serve)
    rng, blocked = np.random.default_rng(4), 0
    for run_number in range(12):
        groups: list[Any] = []
        for side in ("a", "b"):
            groups += [item(f"{side}{run_number}", n, int(score)) for n, score in enumerate(rng.integers(1, 6, 40))]
        await judged.judge(groups, "wit")
        names = ("--group", f"b{run_number}", "--against", f"a{run_number}")
        blocked += await run(judged, "gate", "--judge", "wit", *names, "--min", "0") == 1
    assert blocked <= 2
