"""Files of items as people have them: columns by any name, each line that is wrong named."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.files.bench import BenchFile, BenchFileError, dataset_name, read_items

NAMED = {"question": "input", "answer": "output", "score": "human.faithfulness.0"}


def read(folder: Path, name: str, content: str, named: dict[str, str] | None = None) -> BenchFile:
    path = folder / name
    path.write_text(content, newline="")
    return read_items(path, named or {})


def refused(folder: Path, name: str, content: str, named: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(BenchFileError) as error:
        read(folder, name, content, named)
    return error.value.lines


def test_columns_of_a_csv_are_named_as_its_owner_names_them(tmp_path: Path) -> None:
    content = '\ufeffquestion,answer,score,note\r\n"Why,\r\nso?",Because.,4.5,x\r\nHow?,"",,y\r\n'
    file = read(tmp_path, "data.csv", content, NAMED)
    assert file.items == [
        {"input": "Why,\r\nso?", "output": "Because.", "human": {"faithfulness": [4.5]}},
        {"input": "How?", "human": {"faithfulness": [None]}},
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
        {"id": "7", "input": "q", "metadata": {"a": 1, "model": "m"}, "human": {"faithfulness": [4]}},
        {"outputs": ["x", "y"], "human": {"better": ["A"], "faithfulness": [None]}},
        {"input": "r", "human": {"wit": [1, None, 3]}},
    ]
    assert (file.lines, file.unused) == ([1, 3, 5], ["other"])


@pytest.mark.parametrize(
    ("name", "content", "named", "expected"),
    [
        ("a.csv", "", {}, "there is no item in it"),
        ("a.csv", "input,input\nx,y\n", {}, "line 1: there are two columns 'input'"),
        ("a.csv", "input,output\nx\n", {}, "line 2: has 1 cells for 2 columns"),
        ("a.csv", 'input\n"x\n', {}, "line 2: a quoted cell has no end"),
        ("a.csv", "a,b\nx,y\n", {"a": "input", "b": "input"}, "two columns are input: a, b"),
        ("a.csv", "outputs\n[\n", {}, "line 2: /outputs: is no JSON list of texts"),
        ("a.csv", "a\nx\n", {"a": "human.wit"}, "--map a=human.wit: 'human.wit' is no column of an item"),
        ("a.jsonl", "{\n[]\n", {}, "line 1: not JSON"),
        ("a.jsonl", '{"human": 5}\n', {}, "line 1: /human: is no JSON object"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, name: str, content: str, named: dict[str, str], expected: str
) -> None:
    assert expected in refused(tmp_path, name, content, named)[0]


def test_a_dataset_is_named_for_its_file_and_its_content() -> None:
    names = [
        dataset_name(Path(path), content) for path, content in (("a/é b.csv", b"1"), ("é b.csv", b"2"), ("--.csv", b""))
    ]
    assert names[0].startswith("b-")
    assert names[0] != names[1]
    assert names[2].startswith("data-")
