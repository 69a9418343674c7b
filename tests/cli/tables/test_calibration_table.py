"""A calibration as text: what is said if something is lacking."""

import pytest

from service.cli.tables.calibration_table import diagram_line, heading_lines, legend_lines
from tests.cli.commands.test_agreement import CALIBRATION
from tests.cli.stub_api import Row


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": "few_labels", "items": 1}, "! fewer than 50 items are labelled: too few for a mapping"),
        ({"reason": "no_labels", "items": 0}, "! no items are labelled"),
        (
            {"prevalence": {"value": 0.1, "lower": 0.05, "upper": 0.2, "judge_rate": 0.3}},
            "10.0% of all judged items pass (5.0% to 20.0%); the judge says 30.0%",
        ),
    ],
)
def test_the_heading_says_what_to_know_first(changes: Row, said: str) -> None:
    assert said in list(heading_lines({**CALIBRATION, **changes}))


def test_other_scales_have_no_error_before() -> None:
    error = {**CALIBRATION["error"], "before": None}
    assert not [line for line in heading_lines({**CALIBRATION, "error": error}) if "people's means" in line]


def test_the_legend_says_why_there_are_no_intervals_of_items() -> None:
    assert list(legend_lines({**CALIBRATION, "item_reason": "not_random"}))[1:] == [
        "intervals for single items need labels of items drawn at random"
    ]
    assert len(list(legend_lines({**CALIBRATION, "item_reason": "two_values"}))) == 1


def test_ends_of_the_scale_are_inside_the_diagram() -> None:
    row = {"human": {"value": 1, "lower": 1, "upper": 5}, "fitted": 5}
    assert diagram_line(row, 1, 5) == "o" + "-" * 39 + "x"
