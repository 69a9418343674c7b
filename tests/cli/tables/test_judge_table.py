"""Judges as a table."""

import pytest

from service.cli.tables.judge_table import print_judges
from tests.cli.commands.test_judges import judge

Captured = pytest.CaptureFixture[str]


def test_a_judge_without_scale_is_listed_with_its_choices(capsys: Captured) -> None:
    print_judges([{**judge(1), "scale": None, "choices": [{"label": "yes"}, {"label": "no"}]}])
    assert "yes, no" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("method", "values"), [("rating", "1 to 5"), ("pairwise", "A, tie, B"), ("ranking", "an order")]
)
def test_a_judge_with_the_usual_values_of_its_method_is_listed_with_them(
    method: str, values: str, capsys: Captured
) -> None:
    print_judges([{**judge(1), "method": method, "scale": None, "choices": []}])
    assert values in capsys.readouterr().out
