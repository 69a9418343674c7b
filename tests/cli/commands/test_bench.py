"""`judged bench`: it starts only after the person at the terminal has seen the cost and agreed."""

import io
import json
from collections import defaultdict
from pathlib import Path

import pytest

from service.cli.commands.bench import BENCH
from service.cli.main import main
from tests.cli.stub_api import ScriptedApi


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("content", [b"output,human.wit.0\na,1\n", b'[{"output": "a",\n"human": {"wit": [1]}}]'])
def test_the_items_come_from_standard_input_too(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    done = {"id": "bench_1", "status": "completed", "progress": {"done": 0, "total": 0}, "leaderboard": []}
    estimate = {"judgments": 0, "estimated_cost_usd": 0, "warning": None}
    api.answers = defaultdict(
        lambda: [(201, {})], {"/v1/benchmarks/estimate": [(200, estimate)], "/v1/benchmarks": [(202, done)]}
    )
    assert main([BENCH.name, "-", "--judge", "wit", "--json", "--url", api.url]) == 0
    assert api.asked[0].path.startswith("/v1/datasets/data-")
    assert json.loads(api.asked[0].body)["human"] == {"wit": [1]}


def test_a_benchmark_that_is_declined_is_not_started(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("data.csv").write_text("output,human.wit.0\na,1\n")
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    estimate = {"judgments": 3, "estimated_cost_usd": 0.5, "warning": "one price is a guess"}
    api.answers = defaultdict(lambda: [(201, {})], {"/v1/benchmarks/estimate": [(200, estimate)]})
    assert main([BENCH.name, "data.csv", "--judge", "wit", "--url", api.url]) == 2
    assert [(each.method, each.path.rpartition("/")[0]) for each in api.asked] == [
        ("PUT", "/v1/datasets"),
        ("POST", "/v1/benchmarks"),
    ]
    assert capsys.readouterr().err == "3 judgments; cost about $0.5000\nwarning: one price is a guess\nStart? [y/N] "
