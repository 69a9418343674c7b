"""`judged import`: its requests, output and exit codes."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from service.cli.main import main
from tests.cli.stub_api import Row, ScriptedApi

Captured = pytest.CaptureFixture[str]


def file(text: str, name: str = "labels.csv") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def label(**fields: Any) -> Row:
    return {
        "score": None,
        "label": None,
        "selection": "random",
        "probability": None,
        "comment": None,
        "content": None,
        **fields,
    }


@pytest.mark.parametrize("content", ['[{"item_id": "a", "score": 4},\n{"item_id": "b"}]', "item_id,score\na,4\nb,\n"])
def test_import_takes_standard_input_and_arrays(
    api: ScriptedApi, capsys: Captured, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    named = ["--criterion", "c", "--annotator", "ann", "--url", api.url]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    assert main(["import", "-", *named]) == 0
    assert api.labels == [label(item_id="a", criterion="c", annotator="ann", score=4.0)]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert main(["import", "-", *named]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "standard input: there is no label in it"


def test_import_sends_the_lines_of_a_csv_by_its_header(api: ScriptedApi, capsys: Captured) -> None:
    name = file(
        'item_id,criterion,annotator,score,selection,probability,text\na,c,ann,4,,0.5,"one\ntwo"\nb,c,bob,2.5,targeted,,x\n'
    )
    assert main(["import", name, "--url", api.url]) == 0
    assert api.labels == [
        label(item_id="a", criterion="c", annotator="ann", score=4.0, probability=0.5),
        label(item_id="b", criterion="c", annotator="bob", score=2.5, selection="targeted"),
    ]
    printed = capsys.readouterr()
    assert printed.out == "2 labels: 2 stored, 0 unchanged\n"
    assert printed.err == "columns that are not used: text\n"


def test_import_takes_other_columns_and_values_for_all_lines(api: ScriptedApi, capsys: Captured) -> None:
    name = file("\ufeffid,rater,grade\nx/1,ann,pass\nx/2,ann,fail\n")
    mapped = ["--item-id", "id", "--annotator", "rater", "--label", "grade", "--criterion", "safe", "--json"]
    assert main(["import", name, "--url", api.url, "--key", "k", *mapped]) == 0
    assert [(each["item_id"], each["criterion"], each["label"]) for each in api.labels] == [
        ("x/1", "safe", "pass"),
        ("x/2", "safe", "fail"),
    ]
    assert json.loads(capsys.readouterr().out) == {
        **{"received": 2, "stored": 2, "unchanged": 0, "replaced": 0, "unmatched": 0, "unknown_criteria": []}
    }


def test_import_sends_json_lines(api: ScriptedApi) -> None:
    lines = [{"item_id": "a", "criterion": "c", "annotator": "p", "score": 3, "note": [1]}, {}, {"label": "x"}]
    lines[2] = {"item_id": "b", "criterion": "c", "annotator": "p", "label": "x"}
    name = file(f"{json.dumps(lines[0])}\n\n{json.dumps(lines[2])}\n", "labels.jsonl")
    assert main(["import", name, "--url", api.url]) == 0
    assert [(each["score"], each["label"]) for each in api.labels] == [(3.0, None), (None, "x")]


def test_import_reads_files_as_people_have_them(api: ScriptedApi, capsys: Captured) -> None:
    """Semicolons with decimal commas, a byte order mark, rows of nothing, ids that are numbers, words for pass."""
    name = file("\ufeff item_id ;criterion;annotator;stars\r\n7;c;ann;4,5\r\n;;;\r\n8;c;ann;\r\n9;c;ann; 3 \r\n")
    assert main(["import", name, "--url", api.url, "--map", "score=stars"]) == 0
    assert [(each["item_id"], each["score"]) for each in api.labels] == [("7", 4.5), ("9", 3.0)]
    printed = capsys.readouterr()
    assert printed.err == "rows without a score or a label, which are left out: 1\n"
    assert printed.out == "2 labels: 2 stored, 0 unchanged\n"
    lines: list[Row] = [{"item_id": 7, "criterion": "c", "annotator": 2, "label": True}, {"item_id": "8", "score": "4"}]
    name = file("\n".join(json.dumps({"criterion": "c", "annotator": "p", **line}) for line in lines), "labels.ndjson")
    assert main(["import", name, "--url", api.url]) == 0
    assert [(each["item_id"], each["annotator"], each["score"], each["label"]) for each in api.labels[2:]] == [
        ("7", "2", None, "true"),
        ("8", "p", 4.0, None),
    ]


def test_import_says_that_no_row_has_a_value(api: ScriptedApi, capsys: Captured) -> None:
    assert main(["import", file(HEAD + "a,c,p,,\n"), "--url", api.url]) == 2
    assert capsys.readouterr().err == "labels.csv: there is no label in it: no row has a score or a label\n"


def test_import_sends_a_thousand_lines_at_a_time(api: ScriptedApi) -> None:
    rows = "".join(f"i{n},c,ann,{n % 5 + 1}\n" for n in range(2500))
    assert main(["import", file(f"item_id,criterion,annotator,score\n{rows}"), "--url", api.url]) == 0
    assert [len(each.body.splitlines()) for each in api.asked] == [1000, 1000, 500]
    assert len({each["item_id"] for each in api.labels}) == 2500


HEAD = "item_id,criterion,annotator,score,label\n"


@pytest.mark.parametrize(
    ("name", "text", "arguments", "said"),
    [
        ("labels.csv", HEAD + "a,c,ann,4,\n,c,ann,4,\na,c,ann,x,\na,c,ann,,\na,c,ann,1,pass\n", [],
         ["line 3: item_id: is missing", "line 4: score: 'x' is not a number",
          "line 6: has a score and a label: give one of them"]),
        ("labels.csv", 'item_id,criterion,annotator,score\n"a\nb",c,ann,4\n"c",c\n', [],
         ["line 4: has 2 cells, but the header has 4"]),
        ("labels.csv", 'item_id,criterion,annotator,score\na,c,ann,"4\n', [], ["line 2: a quoted cell has no end"]),
        ("labels.csv", "item_id,score,score\na,1,2\n", [], ["line 1: there are two columns 'score'"]),
        ("labels.csv", "id,criterion,annotator,score\na,c,p,1\n", ["--score", "grade"],
         ["there is no column 'item_id': name the column with --item-id or --map;"
          " the file has id, criterion, annotator, score",
          "there is no column 'grade' for --score: the file has id, criterion, annotator, score"]),
        ("labels.csv", "item_id,criterion,annotator\na,c,p\n", [],
         ["there is no column 'score' or 'label': name it with --score, --label or --map;"
          " the file has item_id, criterion, annotator"]),
        ("labels.csv", "item_id,score\na,1\n", ["--criterion", "c"],
         ["there is no column 'annotator': name the column, or the value for all lines with --annotator or --map;"
          " the file has item_id, score"]),
        ("labels.csv", HEAD + "a,c,p,1,\n", ["--selection", "hand-picked"],
         ["line 2: selection: unknown selection 'hand-picked' (random, targeted)"]),
        ("labels.csv", HEAD + "a,c,p,1,\n", ["--probability", "2"], ["line 2: probability: must be at most 1"]),
        ("labels.jsonl", '{"item_id": "a"\n[]\n', [],
         ["line 1: not JSON: Input data was truncated", "line 2: must be a JSON object"]),
        ("labels.jsonl", '{"item_id": [7], "criterion": "c", "annotator": "p", "score": 1}\n', [],
         ["line 1: item_id: must be a whole number or text, not an array"]),
        ("labels.csv", "", [], ["labels.csv: there is no label in it"]),
        ("labels.csv", HEAD, [], ["labels.csv: there is no label in it"]),
        ("labels.txt", "x", [], ["labels.txt: must end with one of .csv, .tsv, .jsonl, .ndjson, .json"]),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_import_says_each_line_that_is_wrong_and_sends_nothing(
    api: ScriptedApi, capsys: Captured, name: str, text: str, arguments: list[str], said: list[str]
) -> None:
    assert main(["import", file(text, name), "--url", api.url, *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.err.splitlines() == said
    assert printed.out == ""
    assert api.asked == []


def test_import_says_what_a_file_is_that_is_no_text(api: ScriptedApi, capsys: Captured) -> None:
    Path("labels.csv").write_bytes(b"item_id\n\xff\n")
    assert main(["import", "labels.csv", "--url", api.url]) == 2
    assert main(["import", "absent.csv", "--url", api.url]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "line 2: not UTF-8 (byte 0xff): save the file as UTF-8"
    assert "No such file" in said[1]


def test_import_says_no_more_than_is_needed_to_see_what_is_wrong(api: ScriptedApi, capsys: Captured) -> None:
    assert main(["import", file(HEAD + "a,c,p,x,\n" * 50), "--url", api.url]) == 2
    said = capsys.readouterr().err.splitlines()
    assert (len(said), said[-1]) == (21, "and 30 more")


def test_import_names_a_refused_label_by_its_line_and_says_how_to_go_on(api: ScriptedApi, capsys: Captured) -> None:
    rows = "".join(f"i{n},c,ann,{n % 5 + 1}\n" for n in range(1010))
    errors = [{"pointer": "/labels/2/score", "detail": "9 is not between 1 and 5"}, {"pointer": "", "detail": "odd"}]
    refusal = {"title": "Bad Request", "detail": "2 are wrong", "errors": errors}
    stored = {"received": 1000, "stored": 900, "unchanged": 100}
    api.answers["/v1/labels"] = [(200, stored), (400, refusal)]
    assert main(["import", file(f"item_id,criterion,annotator,score\n{rows}"), "--url", api.url]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "1000 of 1010 labels are stored, those before line 1002; import the file again: labels that are stored already"
        " are not counted twice",
        "line 1004: score: 9 is not between 1 and 5",
        "/: odd",
    ]


def test_import_says_that_nothing_is_stored_if_the_first_batch_is_refused(api: ScriptedApi, capsys: Captured) -> None:
    errors = [{"pointer": "/labels/0/score", "detail": "9 is not between 1 and 5"}]
    api.answers["/v1/labels"] = [(400, {"title": "Bad Request", "detail": "1 is wrong", "errors": errors})]
    assert main(["import", file("item_id,criterion,annotator,score\na,c,ann,9\nb,c,ann,1\n"), "--url", api.url]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "none of the 2 labels is known to be stored; import the file again: labels that are stored already are not"
        " counted twice",
        "line 2: score: 9 is not between 1 and 5",
    ]


def test_import_says_what_keeps_it_from_being_let_in(api: ScriptedApi, capsys: Captured) -> None:
    api.answers["/v1/labels"] = [(403, {"title": "Forbidden", "detail": "the key k lacks the scope label"})]
    assert main(["import", file(HEAD + "a,c,p,1,\n"), "--url", api.url]) == 2
    assert "refused (403): the key k lacks the scope label" in capsys.readouterr().err


def test_import_bears_with_a_service_that_is_away_for_a_moment(api: ScriptedApi) -> None:
    api.answers["/v1/labels"] = [(503, {}), (200, {"received": 1, "stored": 1, "unchanged": 0})]
    assert main(["import", file(HEAD + "a,c,p,1,\n"), "--url", api.url]) == 0


def test_import_says_which_labels_count_nowhere_yet(api: ScriptedApi, capsys: Captured) -> None:
    rows = "".join(f"i{n},c,ann,{n % 5 + 1},so so\n" for n in range(1010))
    answers = [
        {"received": 1000, "stored": 900, "unchanged": 100, "replaced": 3, "unmatched": 7, "unknown_criteria": ["c"]},
        {"received": 10, "stored": 10, "unchanged": 0, "replaced": 1, "unmatched": 1, "unknown_criteria": ["c"]},
    ]
    api.answers["/v1/labels"] = [(200, each) for each in answers]
    assert main(["import", file(f"item_id,criterion,annotator,score,comment\n{rows}"), "--url", api.url]) == 0
    assert {each["comment"] for each in api.labels} == {"so so"}
    printed = capsys.readouterr()
    assert printed.out == "1010 labels: 910 stored (4 replaced an earlier value), 100 unchanged\n"
    unmatched, unknown = printed.err.splitlines()
    assert unmatched.startswith("8 labels are of items that nobody has judged")
    assert unknown == "no judge has the criterion 'c': GET /v1/criteria lists those that are known"
