"""`judged bench` against a running service: a file in, a table and reports out."""

import asyncio
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from service.cli.main import main
from tests.cli.surroundings import logging_as_before, nothing_configured
from tests.flows.conftest import Judged, Row, Serve
from tests.flows.test_benchmarks import PEOPLE, WIT, answering, score
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

__all__ = ["logging_as_before", "nothing_configured"]

Captured = pytest.CaptureFixture[str]


async def bench(judged: Judged, *arguments: str) -> int:
    return await asyncio.to_thread(main, ["bench", *arguments, "--url", str(judged.client.base_url)])


def complaints(capsys: Captured) -> list[str]:
    """What it wrote to stderr, without what the service beside it logs there."""
    return [line for line in capsys.readouterr().err.splitlines() if not re.match("[A-Z]+ - ", line)]


def a_table(folder: Path) -> None:
    """As people have it: columns of their own names, and one that is of no use here."""
    lines = ["question,answer,ada,bob,note"]
    lines += [f'"Say, please.",item number {n},{values[0]},{values[1]},x' for n, values in enumerate(PEOPLE)]
    (folder / "My data.csv").write_text("\r\n".join(lines) + "\r\n")
    (folder / "wit.json").write_text(json.dumps(WIT))


MAPPED = ("--map", "question=input", "--map", "answer=output", "--map", "ada=human.wit.0", "--map", "bob=human.wit.1")


async def test_a_file_is_measured_shown_and_written(serve: Serve, tmp_path: Path, capsys: Captured) -> None:
    pytest.importorskip("PIL", reason="the extra `png` is not installed")
    a_table(tmp_path)

    def scores(model: str, n: int) -> str | Reply:
        return score(PEOPLE[n][0] if model == "gpt-4.1" or n % 2 else 6 - PEOPLE[n][0])

    outs = [part for form in ("md", "json", "csv", "svg", "png") for part in ("--out", f"report.{form}")]
    models = "openai/gpt-4.1, openai/gpt-4.1-mini"
    async with ModelServer("openai", answering(scores)) as model:
        judged: Judged = await serve(openai=model)
        code = await bench(
            judged, "My data.csv", "--judge", "wit.json", "--models", models, "--budget", "5", *MAPPED, *outs
        )
    printed = capsys.readouterr()
    assert code == 0
    assert "columns that are not used: note" in printed.err
    assert "240 judgments; cost about $0." in printed.err
    table = printed.out.splitlines()
    assert table[0].split()[:3] == ["rank", "judge", "model"]
    assert [line.split()[0] for line in table[1:5]] == ["1", "2", "3", "3"] or len(table) == 6
    assert "control/length (baseline)" in printed.out
    report: Row = json.loads((tmp_path / "report.json").read_text())
    assert report["dataset"].startswith("My-data-")
    best = report["leaderboard"][0]
    assert (best["model"], best["rank"], best["items"], best["annotators"]) == ("openai/gpt-4.1", 1, 60, 2)
    assert best["cost_usd_per_1000"] > 0
    markdown = (tmp_path / "report.md").read_text()
    assert "| 1 | sha256:" in markdown
    assert (tmp_path / "report.csv").read_text().startswith("rank,judge,digest,model,")
    svg = ElementTree.fromstring((tmp_path / "report.svg").read_text())
    assert len(list(svg.iter("{http://www.w3.org/2000/svg}circle"))) == 2
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")


async def test_it_prints_json_and_ends_with_1_where_some_failed(serve: Serve, tmp_path: Path, capsys: Captured) -> None:
    items = [{"input": "q", "output": f"item number {n}", "scores": [1 + n % 5, None]} for n in range(10)]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, items)))
    (tmp_path / "wit.json").write_text(json.dumps(WIT))

    def scores(_: str, n: int) -> str | Reply:
        return score(1 + n % 5) if n else Reply(status=400, body={"error": {"message": "no"}})

    async with ModelServer("openai", answering(scores)) as model:
        judged: Judged = await serve(openai=model)
        options = (
            "--judge",
            "wit.json",
            "--models",
            "openai/m",
            "--map",
            "scores=human.wit",
            "--no-controls",
            "--json",
        )
        code = await bench(judged, "data.jsonl", *options, "--sort", "mae", "--epsilon", "0.1", "--yes")
    printed = capsys.readouterr()
    assert code == 1
    assert "10 judgments; cost unknown" in printed.err
    [row] = json.loads(printed.out)["leaderboard"]
    assert (row["items"], row["coverage"]["failed"], row["sort"], row["alt_test"]["epsilon"]) == (9, 1, "mae", 0.1)


async def test_refusals_name_the_line_of_the_file(serve: Serve, tmp_path: Path, capsys: Captured) -> None:
    judged: Judged = await serve()
    (tmp_path / "data.jsonl").write_text(
        '{"output": "a", "human": {"wit": [1]}}\n\n{"output": 5, "human": {"wit": [1]}}\n{"human": {"wit": ["x"]}}\n'
    )
    assert await bench(judged, "data.jsonl", "--judge", "helpfulness") == 2
    said = complaints(capsys)
    assert said == [
        "line 3: output: must be text or null, not a whole number",
        "line 4: human/wit/0: 'x' is a label, but this criterion has numbers (leave the value out if it is missing)",
    ]
    (tmp_path / "data.jsonl").write_text('{"output": "a", "human": {"w": [1]}}\n\n[]\n')
    assert await bench(judged, "data.jsonl", "--judge", "helpfulness") == 2
    assert complaints(capsys) == ["line 3: must be a JSON object"]
    (tmp_path / "data.jsonl").write_text('\n{"id": "a", "output": "a", "human": {"w": [1]}, "context": 5}\n' * 2)
    assert await bench(judged, "data.jsonl", "--judge", "helpfulness") == 2
    assert [line.split(": ")[:2] for line in complaints(capsys)] == [["line 2", "context"], ["line 4", "context"]]
    (tmp_path / "data.jsonl").write_text('{"output": "a", "human": {"wit": [1]}}\n')
    assert await bench(judged, "data.jsonl", "--judge", "helpfulness") == 2
    assert "the dataset has no labels for 'helpfulness' (it has: wit)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent.csv", "--judge", "j"], "No such file"),
        (["data.txt", "--judge", "j"], "must end with one of .csv, .tsv, .jsonl, .ndjson"),
        (["data.csv", "--judge", "j", "--map", "question"], "--map question: must be a column and its name here"),
        (["data.csv", "--judge", "j", "--map", "absent=input"], "there is no column 'absent': the file has question"),
        (
            ["data.csv", "--judge", "j", "--map", "question=nonsense"],
            "--map question=nonsense: 'nonsense' is not a column of an item",
        ),
        (
            ["data.csv", "--judge", "j", "--out", "report.pdf"],
            "report.pdf: must end with one of .md, .json, .csv, .svg, .png",
        ),
        (["data.csv", "--judge", "broken.json"], "broken.json: not valid JSON"),
        (["data.csv", "--judge", "j", "--url", "http://127.0.0.1:1"], "is `judged up` running?"),
    ],
)
def test_what_can_t_be_done_is_said_in_a_line(
    arguments: list[str], said: str, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "data.csv").write_text("question,output,human.wit.0\nq,x,1\n")
    (tmp_path / "data.txt").write_text("x")
    (tmp_path / "broken.json").write_text("{")
    assert main(["bench", *arguments]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("columns that are not used")]
    assert len(told) == 1
    assert said in told[0]
