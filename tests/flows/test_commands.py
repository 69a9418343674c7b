"""`judged jobs`, `judged judges` and `judged export` against a running service."""

import json
from pathlib import Path

import pytest

from tests.cli.surroundings import logging_as_before, nothing_configured
from tests.flows.conftest import Serve
from tests.flows.test_gate import a_file, run

__all__ = ["logging_as_before", "nothing_configured"]

Captured = pytest.CaptureFixture[str]


async def test_an_export_has_the_judgments_and_labels_as_the_api_has_them(
    serve: Serve, tmp_path: Path, capsys: Captured
) -> None:
    judged = await serve()
    file = a_file(tmp_path, [{"id": f"i{n}", "input": "a b", "output": f"a {n} \u2028 b"} for n in range(3)])
    for judge in ("helpfulness", "politeness"):
        assert await run(judged, "score", file, "--judge", judge, "--models", "control/overlap") == 0
    label = {"item_id": "i1", "criterion": "politeness", "annotator": "ann", "score": 2, "comment": "a\u2028b"}
    assert (await judged.client.post("/v1/labels", json={"labels": [label]})).status_code == 200
    folder, sizes = tmp_path / "out", list[int]()
    for _ in range(2):
        assert await run(judged, "export", "--since", "1h", str(folder)) == 0
        rows = (folder / "judgments.ndjson").read_text(encoding="utf-8").rstrip("\n").split("\n")
        sizes.append(len(rows))
    assert sizes == [6, 6]
    listed = (await judged.client.get("/v1/jobs")).json()["jobs"]
    stored = [each for job in listed for each in await judged.judgments(job["id"])]
    assert [json.loads(row) for row in rows] == stored
    labels = [
        json.loads(row) for row in (folder / "labels.ndjson").read_text(encoding="utf-8").rstrip("\n").split("\n")
    ]
    assert [each["comment"] for each in labels] == ["a\u2028b"]
    assert await run(judged, "export", "--since", "2020-01-01", "--until", "2020-02-01", str(folder)) == 0
    assert (folder / "judgments.ndjson").read_text() == ""


async def test_jobs_and_judges_are_shown_as_they_are(serve: Serve, tmp_path: Path, capsys: Captured) -> None:
    judged = await serve()
    file = a_file(tmp_path, [{"id": "i0", "input": "a b", "output": "a b"}])
    assert await run(judged, "score", file, "--judge", "helpfulness", "--models", "control/overlap") == 0
    capsys.readouterr()
    assert await run(judged, "jobs", "--json", "--judge", "helpfulness") == 0
    job = json.loads(capsys.readouterr().out)
    assert await run(judged, "jobs", job["id"], "--cancel") == 0
    assert f"{job['id']}: completed, 1 judgments: 1 scored" in capsys.readouterr().out
    definition = {"criterion": "tone", "method": "pass_fail", "instructions": "Is it kind?"}
    for words in ("Is it kind?", "Is it very kind?"):
        stored = await judged.client.put("/v1/judges/tone", json={**definition, "instructions": words})
        assert stored.status_code == 201
    assert await run(judged, "judges", "tone@1", "--diff", "tone") == 1
    assert capsys.readouterr().out == "[-tone@1-] {+tone@2+}\ninstructions: Is it {+very +}kind?\n"
    assert await run(judged, "judges", "tone", "--retire") == 0
    capsys.readouterr()
    assert await run(judged, "judges", "tone") == 0
    assert "\nretired_at: " in capsys.readouterr().out
    assert await run(judged, "judges") == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert ("helpfulness@1" in names, "tone@2" in names) == (True, False)
