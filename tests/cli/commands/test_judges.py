"""`judged judges`: the list, a version, two versions side by side, and retiring."""

import json

import msgspec
import pytest

from service.cli.main import main
from service.contracts.judges import Method, Parameters, Scale, StoredJudge
from tests.cli.stub_api import Row, ScriptedApi

Captured = pytest.CaptureFixture[str]


def judge(version: int, instructions: str = "Is it kind?") -> Row:
    found: Row = msgspec.to_builtins(
        StoredJudge(
            name="tone",
            version=version,
            digest=f"sha256:{version}",
            criterion="tone",
            method=Method.RATING,
            instructions=instructions,
            scale=Scale(min=1, max=5),
            models=["m/x"],
            parameters=Parameters(),
        )
    )
    return found


def test_judges_are_listed(api: ScriptedApi, capsys: Captured) -> None:
    stored = {**judge(2), "created_at": "2026-11-30T02:10:12Z"}
    first, second = {"judges": [judge(1)], "next_cursor": "c"}, {"judges": [stored], "next_cursor": None}
    api.answers = {"/v1/judges": [(200, first), (200, second)]}
    assert main(["judges", "--url", api.url]) == 0
    _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split() for row in rows] == [
        ["tone@1", "tone", "rating", "1", "to", "5", "m/x", "built", "in"],
        ["tone@2", "tone", "rating", "1", "to", "5", "m/x", "2026-11-30", "02:10:12"],
    ]


def test_a_version_is_shown_with_its_texts(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {"/v1/judges/tone%401": [(200, judge(1, "Is it\n[bold]kind[/bold]?"))]}
    assert main(["judges", "tone@1", "--url", api.url]) == 0
    out = capsys.readouterr().out
    assert out.startswith("tone@1\n")
    assert "instructions:\nIs it\n[bold]kind[/bold]?\n" in out
    assert "system" not in out
    assert main(["judges", "tone@1", "--json", "--url", api.url]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == 1


def test_two_versions_are_compared_word_by_word(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {
        "/v1/judges/tone%401": [(200, judge(1))],
        "/v1/judges/tone": [(200, judge(2, "Is it [very] kind?"))],
    }
    assert main(["judges", "tone@1", "--diff", "tone", "--url", api.url]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "[-tone@1-] {+tone@2+}",
        "instructions: Is it {+[very] +}kind?",
    ]
    assert main(["judges", "tone@1", "--diff", "tone", "--json", "--url", api.url]) == 1
    assert json.loads(capsys.readouterr().out)["name"] == "instructions"
    assert main(["judges", "tone@1", "--diff", "tone@1", "--url", api.url]) == 0
    assert capsys.readouterr().out == "tone@1 and tone@1 are the same\n"


def test_a_judge_is_retired(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {"/v1/judges/tone": [(200, judge(2))]}
    assert main(["judges", "tone", "--retire", "--url", api.url]) == 0
    assert [each.method for each in api.asked] == ["DELETE"]
    assert capsys.readouterr().out == "tone takes no new jobs. Storing it again makes it take jobs again.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--retire"], "--retire: name a judge"),
        (["tone@2", "--retire"], "--retire is for all versions of a judge: say tone"),
    ],
)
def test_retiring_needs_the_name_of_a_judge(
    api: ScriptedApi, capsys: Captured, arguments: list[str], said: str
) -> None:
    assert main(["judges", *arguments, "--url", api.url]) == 2
    assert capsys.readouterr().err == f"{said}\n"
    assert api.asked == []
