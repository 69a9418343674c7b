"""`judged rebuild`: its output and exit codes."""

import json

import pytest

from service.cli.main import main
from tests.cli.stub_api import Row, ScriptedApi

Captured = pytest.CaptureFixture[str]


DIFFERING = {"hash": "judged:ceiling:all::c", "field": "item\tr", "stored": 1, "recounted": 2}


REBUILT: Row = {
    **{"items": 2, "labels": 3, "counters": 40, "differing": 0, "examples": [], "repaired": False},
    "unreadable": [],
}
UNREADABLE = "the labels and scores of item t-1"


@pytest.mark.parametrize(
    ("found", "arguments", "code", "said"),
    [
        (REBUILT, [], 0, ["recounted 40 counters from 3 labels of 2 items: none differs"]),
        ({**REBUILT, "differing": 1, "examples": [DIFFERING]}, [], 1,
         ["recounted 40 counters from 3 labels of 2 items: 1 differs",
          "  judged:ceiling:all::c item r: 1, recounted 2"]),
        ({**REBUILT, "differing": 2, "repaired": True}, ["--repair"], 0,
         ["recounted 40 counters from 3 labels of 2 items: 2 differ, repaired"]),
        ({**REBUILT, "differing": 1, "repaired": True, "unreadable": [UNREADABLE]}, ["--repair"], 1,
         ["recounted 40 counters from 3 labels of 2 items: 1 differs, repaired",
          "left out, as this version can't read them:",
          f"  {UNREADABLE}"]),
    ],
)  # fmt: skip
def test_rebuild_says_whether_the_counters_are_right(
    api: ScriptedApi, capsys: Captured, found: Row, arguments: list[str], code: int, said: list[str]
) -> None:
    api.answers = {"/v1/agreement/rebuild": [(200, found)]}
    assert main(["rebuild", *arguments, "--url", api.url]) == code
    assert api.asked[0].query == {"repair": "true" if arguments else "false"}
    assert capsys.readouterr().out.splitlines() == said
    assert main(["rebuild", "--json", "--url", api.url]) == code
    assert json.loads(capsys.readouterr().out) == found
