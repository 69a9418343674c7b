"""`judged gate`: its arguments, requests and exit codes. `tests/flows/test_gate.py` runs it against a service."""

import json
from pathlib import Path

import pytest

from service.cli.main import main
from tests.cli.stub_api import Row, ScriptedApi
from tests.cli.tables.test_comparison_view import COMPARISON, NOTHING, between, comparison

Captured = pytest.CaptureFixture[str]

ESTIMATE: Row = {
    **{name: COMPARISON[name] for name in ("judge", "model", "served_model", "criterion")},
    "group": "v1",
    "judge_mean": between(3.9, 3.8, 4.0),
    "corrected_mean": between(3.2, 2.9, 3.5),
    "labels": 100,
    "unlabelled": 900,
}
GATE = ("gate", "--judge", "wit", "--group", "v1", "--min")


@pytest.mark.parametrize(("least", "code"), [("2.9", 0), ("3", 3), ("3.5", 3), ("3.51", 1)])
def test_the_ends_of_the_corrected_mean_decide(api: ScriptedApi, least: str, code: int) -> None:
    api.answers = {"/v1/estimates": [(200, ESTIMATE)]}
    assert main([*GATE, least, "--url", api.url]) == code
    assert api.asked[0].query == {"judge": "wit", "group": "v1", "window": "all"}


def test_with_few_labels_the_judges_mean_decides_unless_labels_are_required(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {"/v1/estimates": [(200, {**ESTIMATE, "labels": 19})]}
    assert main([*GATE, "3.7", "--url", api.url]) == 0
    assert main([*GATE, "3.7", "--require-labels", "--url", api.url]) == 3
    assert main([*GATE, "3.7", "--require-labels", "--undecided", "7", "--url", api.url]) == 7
    assert "! undecided: labels are required (--require-labels)" in capsys.readouterr().out
    api.answers = {"/v1/estimates": [(200, {**ESTIMATE, "labels": 0, "judge_mean": NOTHING})]}
    assert main([*GATE, "3.7", "--url", api.url]) == 3


@pytest.mark.parametrize(("least", "code"), [("0.1", 0), ("0.2", 3), ("0.41", 1)])
def test_against_another_group_the_difference_decides(api: ScriptedApi, least: str, code: int) -> None:
    api.answers = {"/v1/compare": [(200, COMPARISON)]}
    assert main([*GATE, least, "--against", "v0", "--anytime", "--url", api.url]) == code
    assert api.asked[0].query == {"judge": "wit", "a": "v0", "b": "v1", "window": "all", "anytime": "true"}


def test_where_lower_is_better_the_gain_decides(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {"/v1/compare": [(200, comparison(better="lower"))]}
    assert main([*GATE, "0", "--against", "v0", "--json", "--url", api.url]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["value"], found["lower"], found["upper"], found["passed"]) == (-0.25, -0.4, -0.1, False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--against", "v1", "--min", "0"], "--against needs --group"),
        (["--anytime", "--min", "0"], "--anytime needs --against"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: list[str], message: str, capsys: Captured) -> None:
    assert main(["gate", "--judge", "wit", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--min", "nan"], "must be a finite number"),
        (["--min", "x"], "'x' is not a number"),
        (["--min", "0", "--undecided", "256"], "is not a whole number from 0 to 255"),
        (["--min", "0", "--undecided", "x"], "is not a whole number from 0 to 255"),
        ([], "--min"),
    ],
)
def test_numbers_that_can_not_be_used_are_refused(arguments: list[str], message: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["gate", "--judge", "wit", *arguments])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_group_that_no_item_of_the_file_is_of_is_refused_before_anything_is_judged(
    api: ScriptedApi, tmp_path: Path, capsys: Captured
) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text('{"id": "a", "output": "x", "group": "v2"}\n')
    assert main(["gate", str(file), "--judge", "wit", "--group", "new", "--min", "0", "--url", api.url]) == 2
    assert "--group new: no item of the file is of it (known: v2)" in capsys.readouterr().err
    assert api.asked == []


def test_a_mean_of_nothing_says_so(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {"/v1/estimates": [(200, {**ESTIMATE, "labels": 0, "unlabelled": 0, "judge_mean": NOTHING})]}
    assert main([*GATE, "3", "--url", api.url]) == 3
    assert "nothing to average: it scored no such item" in capsys.readouterr().out


def test_the_help_lists_the_exit_codes(capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        main(["gate", "--help"])
    shown_help = " ".join(capsys.readouterr().out.split())
    assert "0 passed: the lower end of the interval is at --min or above; 1 blocked" in shown_help
    assert "3 it can't be told, unless --undecided says otherwise" in shown_help


@pytest.mark.parametrize("pointer", ["/judge", "/group"])
def test_what_can_not_be_told_is_refused_before_anything_is_judged(
    api: ScriptedApi, items: str, pointer: str, capsys: Captured
) -> None:
    problem = {"title": "x", "detail": f"{pointer}: odd", "errors": [{"pointer": pointer, "detail": "odd"}]}
    api.answers = {"/v1/estimates": [(422, problem)]}
    assert main(["gate", items, "--judge", "wit", "--min", "0", "--against", "v0", "--url", api.url]) == 2
    assert [(each.path, each.query) for each in api.asked] == [("/v1/estimates", {"judge": "wit", "group": "v0"})]
    assert capsys.readouterr().err == f"refused (422): {pointer}: odd\n"
