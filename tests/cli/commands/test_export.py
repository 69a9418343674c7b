"""`judged export`: which judgments and labels are of a period, and what is written."""

import json
from pathlib import Path

import pytest

from service.cli.main import main
from service.files.export_files import has_parquet
from tests.cli.stub_api import Row, ScriptedApi

Captured = pytest.CaptureFixture[str]


def job(n: int, created: str, finished: str | None) -> Row:
    return {"id": f"job_{n}", "created_at": created, "finished_at": finished}


def judgment(name: str, finished: str) -> Row:
    return {"id": name, "finished_at": finished, "created_at": finished, "votes": [], "explanation": "a\u2028b"}


def lines(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@pytest.fixture
def two_jobs(api: ScriptedApi) -> ScriptedApi:
    """One that began before the period and ended in it, one after it, one that ended before, one of long ago."""
    first = [job(4, "2026-11-20T00:00:00Z", None), job(3, "2026-11-09T23:00:00Z", "2026-11-10T00:00:00.5Z")]
    second = [job(2, "2026-11-08T00:00:00Z", "2026-11-09T00:00:00Z"), job(1, "2026-10-01T00:00:00Z", None)]
    api.answers = {
        "/v1/jobs": [(200, {"jobs": first, "next_cursor": "c"}), (200, {"jobs": second, "next_cursor": "d"})],
        "/v1/jobs/job_3/judgments": [(200, judgment("in", "2026-11-10T00:00:00Z"))],
        "/v1/archive/judgments": [(404, {"detail": "there is no such path"})],  # an older service
        "/v1/labels": [(200, {"item_id": "i", "created_at": "2026-11-10T12:00:00Z"})],
    }
    return api


def test_an_export_has_what_ended_in_the_period(two_jobs: ScriptedApi, tmp_path: Path, capsys: Captured) -> None:
    arguments = ["--since", "2026-11-10", "--until", "2026-11-11", "new/folder", "--url", two_jobs.url]
    assert main(["export", *arguments]) == 0
    folder = tmp_path / "new" / "folder"
    assert [each["id"] for each in lines(folder / "judgments.ndjson")] == ["in"]
    assert lines(folder / "judgments.ndjson")[0]["explanation"] == "a\u2028b"
    assert [each["item_id"] for each in lines(folder / "labels.ndjson")] == ["i"]
    said = capsys.readouterr()
    assert said.out == "new/folder: 1 judgments, 1 labels\n"
    note = 'Only NDJSON was written: pip install "judged[parquet]" for Parquet too.\n'
    assert said.err == ("" if has_parquet() else note)
    assert json.loads((folder / "export.json").read_text()) == {
        "schema_version": 1,
        "since": "2026-11-10T00:00:00+00:00",
        "until": "2026-11-11T00:00:00+00:00",
        "judgments": 1,
        "labels": 1,
    }
    assert [each.name for each in folder.iterdir() if each.name.startswith(".")] == []


def test_what_ended_at_the_end_of_the_period_is_of_the_next_one(two_jobs: ScriptedApi, tmp_path: Path) -> None:
    arguments = ["--since", "2026-11-09T12:00", "--until", "2026-11-10T01:00+01:00", "d", "--url", two_jobs.url]
    assert main(["export", *arguments]) == 0
    assert lines(tmp_path / "d" / "judgments.ndjson") == []


@pytest.mark.parametrize(("archived", "expected"), [("in", ["in"]), ("old", ["in", "old"])])
def test_archived_judgments_are_exported_too_each_once(
    two_jobs: ScriptedApi, tmp_path: Path, archived: str, expected: list[str]
) -> None:
    two_jobs.answers["/v1/archive/judgments"] = [(200, judgment(archived, "2026-11-10T00:00:00Z"))]
    assert main(["export", "--since", "2026-11-10", "--until", "2026-11-11", "d", "--url", two_jobs.url]) == 0
    assert [each["id"] for each in lines(tmp_path / "d" / "judgments.ndjson")] == expected


def test_an_export_is_of_the_purpose_that_is_named(two_jobs: ScriptedApi) -> None:
    arguments = ["--since", "2026-11-10", "--until", "2026-11-11", "d", "--url", two_jobs.url]
    assert main(["export", *arguments, "--purpose", "judging"]) == 0
    asked = {each.path: each.query.get("purpose") for each in two_jobs.asked}
    assert (asked["/v1/jobs"], asked["/v1/archive/judgments"]) == ("judging", "judging")


def test_an_export_that_breaks_off_leaves_no_file(two_jobs: ScriptedApi, tmp_path: Path, capsys: Captured) -> None:
    two_jobs.answers["/v1/labels"] = [(503, {"detail": "the store is away"})]
    assert main(["export", "--since", "2026-11-10", "--until", "2026-11-11", "d", "--url", two_jobs.url]) == 2
    assert "the store is away" in capsys.readouterr().err
    assert list((tmp_path / "d").iterdir()) == []


@pytest.mark.parametrize("text", ["yesterday", "7", "2026-13-01"])
def test_a_time_that_is_none_is_refused(text: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--since", text, "d"])
    assert f"{text} is not a time" in capsys.readouterr().err


@pytest.mark.parametrize("times", [["--since", "2026-11-10", "--until", "2026-11-10"], ["--since", "9000-01-01"]])
def test_a_period_without_time_is_refused(times: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", *times, "d"]) == 2
    assert capsys.readouterr().err.startswith("--until must be after --since, ")
    assert not Path("d").exists()
