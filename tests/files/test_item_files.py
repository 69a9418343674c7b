"""Files of items as people have them: columns by any name, each line that is wrong named."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.files.items import ItemFile, dataset_name, read_items
from service.files.records import FileError

NAMED = {"question": "input", "answer": "output", "score": "human.faithfulness.0"}


def read(folder: Path, name: str, content: str, named: dict[str, str] | None = None) -> ItemFile:
    path = folder / name
    path.write_text(content, newline="")
    return read_items(str(path), named or {})


def refused(folder: Path, name: str, content: str, named: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(FileError) as error:
        read(folder, name, content, named)
    return error.value.lines


def test_columns_of_a_csv_are_named_as_its_owner_names_them(tmp_path: Path) -> None:
    content = '\ufeffquestion,answer,score,note\r\n"Why,\r\nso?",Because.,4.5,x\r\nHow?,"",,y\r\n'
    file = read(tmp_path, "data.csv", content, NAMED)
    assert file.items == [
        {"input": "Why,\r\nso?", "output": "Because.", "human": {"faithfulness": [4.5]}},
        {"input": "How?", "output": "", "human": {"faithfulness": [None]}},
    ]
    assert (file.lines, file.unused) == ([2, 4], ["note"])
    assert [json.loads(line) for line in file.content.splitlines()] == file.items


def test_json_lines_have_whole_parts_and_renamed_ones(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": 7, "question": "q", "answer": "", "score": 4, "metadata": {"a": 1}, "model": "m", "other": [1]},
        {"outputs": ["x", "y"], "human": {"better": ["A"]}, "score": None},
        {"all": [1, None, 3], "question": "r"},
    ]
    named = {**NAMED, "model": "metadata.model", "all": "human.wit"}
    file = read(tmp_path, "data.jsonl", "\n\n".join(map(json.dumps, rows)), named)
    assert file.items == [
        {"id": "7", "input": "q", "output": "", "metadata": {"a": 1, "model": "m"}, "human": {"faithfulness": [4]}},
        {"outputs": ["x", "y"], "human": {"better": ["A"], "faithfulness": [None]}},
        {"input": "r", "human": {"wit": [1, None, 3]}},
    ]
    assert (file.lines, file.unused) == ([1, 3, 5], ["other"])


@pytest.mark.parametrize(
    ("name", "content", "named", "expected"),
    [
        ("a.csv", "", {}, "there is no item in it"),
        ("a.csv", "input,input\nx,y\n", {}, "line 1: there are two columns 'input'"),
        ("a.csv", "input,output\nx\n", {}, "line 2: has 1 cell, but the header has 2"),
        ("a.csv", 'input\n"x\n', {}, "line 2: a quoted cell has no end"),
        ("a.csv", "a,b\nx,y\n", {"a": "input", "b": "input"}, "two columns are input: a, b"),
        ("a.csv", "outputs\n[\n", {}, "line 2: outputs: must be a JSON list of texts"),
        ("a.csv", "a\nx\n", {"a": "human.wit"}, "--map a=human.wit: 'human.wit' is not a column of an item"),
        ("a.jsonl", "{\n[]\n", {}, "line 1: not JSON"),
        ("a.jsonl", '{"human": 5}\n', {}, "line 1: human: must be a JSON object"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, name: str, content: str, named: dict[str, str], expected: str
) -> None:
    assert expected in refused(tmp_path, name, content, named)[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("question,stars\nq,4\n",
         ["there is no column with texts (input, output, context, reference, outputs): map one, as in"
          " --map answer=output; the file has question, stars",
          "there is no column human.<criterion>.<annotator> with people's values: map one, as in"
          " --map score=human.helpfulness.0; the file has question, stars"]),
        ("output,stars\nx,4\n",
         ["there is no column human.<criterion>.<annotator> with people's values: map one, as in"
          " --map score=human.helpfulness.0; the file has output, stars"]),
    ],
)  # fmt: skip
def test_a_file_without_the_columns_that_it_needs_is_told_how_to_name_them(
    tmp_path: Path, content: str, expected: list[str]
) -> None:
    assert refused(tmp_path, "a.csv", content) == expected


def test_a_mapping_may_stand_either_way_round(tmp_path: Path) -> None:
    content = "question,answer,stars\nq,a,4\n"
    theirs = {"question": "input", "answer": "output", "stars": "human.wit.0"}
    ours = {part: column for column, part in theirs.items()}
    assert read(tmp_path, "a.csv", content, theirs) == read(tmp_path, "a.csv", content, ours)
    assert read(tmp_path, "a.csv", content, ours).items == [{"input": "q", "output": "a", "human": {"wit": [4]}}]


def test_a_spreadsheet_of_a_land_with_decimal_commas_is_read(tmp_path: Path) -> None:
    content = "\ufeff id ; output;human.wit.0;human.wit.1;human.ok.0\r\n1;a, b;4,5;;TRUE\r\n;;;;\r\n2;c;3;;Fail\r\n"
    file = read(tmp_path, "a.csv", content)
    assert file.items == [
        {"id": "1", "output": "a, b", "human": {"wit": [4.5, None], "ok": ["TRUE"]}},
        {"id": "2", "output": "c", "human": {"wit": [3, None], "ok": ["Fail"]}},
    ]
    assert (file.lines, file.missing) == ([2, 4], 2)


def test_items_to_judge_need_no_people(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,answer,human.wit.0\n1,x,4\n")
    file = read_items(str(tmp_path / "a.csv"), {"answer": "output"}, with_human=False)
    assert (file.items, file.unused) == ([{"id": "1", "output": "x"}], ["human.wit.0"])


def test_a_dataset_is_named_for_its_file_and_its_content() -> None:
    names = [
        dataset_name(Path(path), content) for path, content in (("a/é b.csv", b"1"), ("é b.csv", b"2"), ("--.csv", b""))
    ]
    assert names[0].startswith("b-")
    assert names[0] != names[1]
    assert names[2].startswith("data-")
