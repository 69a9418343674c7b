"""Labels from files, whatever their columns are called."""

from pathlib import Path

import pytest

from service.contracts.labels import NewLabel, pass_fail_label
from service.files.labels import LabelFile, read_labels
from service.files.records import FileError


def read(
    folder: Path, content: str, given: dict[str, str] | None = None, mapping: dict[str, str] | None = None
) -> LabelFile:
    path = folder / "labels.csv"
    path.write_text(content, newline="")
    return read_labels(str(path), given or {}, mapping)


def label(item: str, score: float | None = None, text: str | None = None) -> NewLabel:
    return NewLabel(item_id=item, criterion="c", annotator="ann", score=score, label=text)


def test_rows_without_a_value_are_left_out_and_counted(tmp_path: Path) -> None:
    file = read(tmp_path, "item_id,criterion,annotator,score,label\na,c,ann,4,\nb,c,ann,,\n,,,,\nc,c,ann,, Pass \n")
    assert file.labels == [label("a", 4.0), label("c", text="Pass")]
    assert (file.lines, file.missing, file.unused) == ([2, 5], 1, [])


@pytest.mark.parametrize("mapping", [{"score": "stars"}, {"stars": "score"}])
def test_columns_of_other_names_are_mapped_either_way_round(tmp_path: Path, mapping: dict[str, str]) -> None:
    content = "item_id\tstars\tnote\nx\t3\ty\n"
    file = read(tmp_path, content, {"criterion": "c", "annotator": "ann"}, mapping)
    assert (file.labels, file.unused) == ([label("x", 3.0)], ["note"])


def test_a_column_named_for_a_field_is_not_taken_for_another_one_too(tmp_path: Path) -> None:
    content = "item_id,criterion,annotator,score\na,c,ann,pass\n"
    assert read(tmp_path, content, {"label": "score"}).labels == [label("a", text="pass")]


def test_what_is_missing_is_said_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(FileError) as refused:
        read(tmp_path, "id;stars\nx;3\n", mapping={})
    assert refused.value.lines == [
        "there is no column 'item_id': name the column with --item-id or --map; the file has id, stars",
        "there is no column 'criterion': name the column, or the value for all lines with --criterion or --map;"
        " the file has id, stars",
        "there is no column 'annotator': name the column, or the value for all lines with --annotator or --map;"
        " the file has id, stars",
        "there is no column 'score' or 'label': name it with --score, --label or --map; the file has id, stars",
    ]
    with pytest.raises(FileError) as refused:
        read(tmp_path, "id;stars\nx;3\n", mapping={"score": "grade"})
    assert "there is no column 'grade' for --score: the file has id, stars" in refused.value.lines
    with pytest.raises(FileError) as refused:
        read(tmp_path, "id;stars\nx;3\n", mapping={"nonsense": "stars"})
    assert refused.value.lines == [
        "--map nonsense=stars: 'stars' is not a field of a label"
        " (item_id, criterion, annotator, score, label, selection, probability, comment, content)"
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("pass", "PASS", " True", "yes", "1", "1.0", 1, 1.0, "Passed", "y"), "pass"),
        (("fail", "FALSE", "No ", "0", 0, "failed"), "fail"),
        (("maybe", "", "10", 2, 0.5), None),
    ],
)
def test_pass_and_fail_have_several_names(values: tuple[float | str, ...], expected: str | None) -> None:
    assert [pass_fail_label(value) for value in values] == [expected] * len(values)
