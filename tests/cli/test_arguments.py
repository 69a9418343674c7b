"""The values of options that several commands share."""

from pathlib import Path

import pytest

from service.cli.arguments import read_judge, split_models
from service.cli.command import CommandError


def test_models_are_separated_by_commas() -> None:
    assert split_models(" a/b, c/d ,") == ["a/b", "c/d"]
    assert split_models("") == []


def test_a_judge_is_a_name_unless_there_is_such_a_file(tmp_path: Path) -> None:
    file = tmp_path / "judge.json"
    file.write_text('{"criterion": "tone"}')
    assert read_judge("helpfulness") == "helpfulness"
    assert read_judge(str(file)) == {"criterion": "tone"}
    file.write_text("[]")
    with pytest.raises(CommandError, match="must be a JSON object"):
        read_judge(str(file))
