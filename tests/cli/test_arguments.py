"""The values of options that several commands share."""

import argparse
from pathlib import Path

import pytest

from service.cli.arguments import check_out_file, given_moment, read_judge, split_models, whole_number
from service.cli.command import CommandError


def test_models_are_separated_by_commas() -> None:
    assert split_models(" a/b, c/d ,") == ["a/b", "c/d"]
    assert split_models("") == []


def test_a_judge_is_a_name_unless_there_is_such_a_file(tmp_path: Path) -> None:
    file = tmp_path / "judge.json"
    file.write_text('{"criterion": "tone"}')
    assert read_judge("helpfulness") == "helpfulness"
    for absent in ("absent.json", "./wit"):
        with pytest.raises(CommandError, match="no such file"):
            read_judge(absent)
    assert read_judge(str(file)) == {"criterion": "tone"}
    file.write_text("[]")
    with pytest.raises(CommandError, match="must be a JSON object"):
        read_judge(str(file))


def test_a_result_that_can_not_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    check_out_file("new.json")
    check_out_file("/dev/null")
    for wrong, said in ((str(tmp_path), "is a folder"), ("nowhere/new.json", "there is no folder nowhere")):
        with pytest.raises(CommandError, match=said):
            check_out_file(wrong)


def test_a_number_that_is_none_is_named_with_what_is_allowed() -> None:
    assert [whole_number(0, 9)("9"), whole_number(1)("+20")] == [9, 20]
    for read, wrong, said in (
        (whole_number(0, 9), "10", "'10' is not a whole number from 0 to 9"),
        (whole_number(1), "0", "'0' is not a whole number of 1 or more"),
        (whole_number(1), "x", "'x' is not a whole number of 1 or more"),
        (whole_number(1), "9" * 5000, "is not a whole number of 1 or more"),
    ):
        with pytest.raises(argparse.ArgumentTypeError, match=said):
            read(wrong)


def test_a_time_before_all_times_is_refused() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="before the year 1"):
        given_moment("99999999999d")
