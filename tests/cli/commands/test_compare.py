"""`judged compare`: its request, output and exit codes. `tests/flows/test_gate.py` runs it against a service."""

import json

import pytest

from service.cli.main import main
from tests.cli.stub_api import Row, ScriptedApi
from tests.cli.tables.test_comparison_view import COMPARISON

Captured = pytest.CaptureFixture[str]


def test_compare_asks_for_two_groups(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {"/v1/compare": [(200, COMPARISON)]}
    options = ["--judge", "wit@3", "--model", "openai/gpt", "--window", "7d", "--anytime"]
    assert main(["compare", "v1", "v2", *options, "--url", api.url]) == 0
    assert api.asked[0].query == {
        "judge": "wit@3",
        "model": "openai/gpt",
        "a": "v1",
        "b": "v2",
        "window": "7d",
        "anytime": "true",
    }
    assert "v2 is better than v1, by the labels" in capsys.readouterr().out


def test_compare_prints_json_for_machines(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {"/v1/compare": [(200, COMPARISON)]}
    assert main(["compare", "v1", "v2", "--judge", "wit", "--json", "--url", api.url]) == 0
    assert api.asked[0].query == {"judge": "wit", "a": "v1", "b": "v2", "window": "all"}
    assert json.loads(capsys.readouterr().out) == COMPARISON


def test_compare_says_why_it_is_refused(api: ScriptedApi, capsys: Captured) -> None:
    refusal: Row = {"detail": "/b: no item of the group 'v3' was judged on 'wit'; did you mean 'v2'?"}
    api.answers = {"/v1/compare": [(422, refusal)]}
    assert main(["compare", "v1", "v3", "--judge", "wit", "--url", api.url]) == 2
    assert "did you mean 'v2'?" in capsys.readouterr().err
