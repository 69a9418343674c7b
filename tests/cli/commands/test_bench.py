"""`judged bench`: it starts only after the person at the terminal has seen the cost and agreed."""

import io
from collections import defaultdict
from pathlib import Path

import pytest

from service.cli.commands.bench import BENCH
from service.cli.main import main
from tests.cli.stub_api import ScriptedApi


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


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
