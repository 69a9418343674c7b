"""Suggestions for mistyped names."""

import pytest

from service.contracts.names import did_you_mean, nearest, suggestion

JUDGES = ["helpfulness", "faithfulness", "toxicity"]


def test_the_nearest_name_is_found_even_if_it_is_far() -> None:
    assert nearest("helpfulnes", JUDGES) == "helpfulness"
    assert nearest("x", JUDGES) in JUDGES


def test_a_name_is_suggested_only_if_it_resembles() -> None:
    assert did_you_mean("helpfulnes", JUDGES) == "; did you mean 'helpfulness'?"
    assert did_you_mean("wit", JUDGES) == ""
    assert did_you_mean("helpfulnes", []) == ""


def test_a_suggestion_lists_all_names_if_none_resembles() -> None:
    assert suggestion("toxicty", JUDGES) == "; did you mean 'toxicity'?"
    assert suggestion("wit", JUDGES) == " (known: helpfulness, faithfulness, toxicity)"
    assert suggestion("wit", []) == ""


@pytest.mark.parametrize("length", [1_000, 1_000_000])
def test_a_very_long_name_takes_no_time(length: int) -> None:
    assert did_you_mean("x" * length, JUDGES) == ""
