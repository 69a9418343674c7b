"""Names of series: their words, and what is joined to them."""

import pytest

from service.agreement.series_names import (
    baseline_model,
    group_series,
    is_baseline,
    series_name,
    served_apart,
    served_together,
    split_group,
    split_series,
    token_of,
)
from service.contracts.judges import JudgeRef

NAMED = JudgeRef(name="wit", version=3, digest="sha256:0a")
INLINE_JUDGE = JudgeRef(name=None, version=None, digest="sha256:0a")


@pytest.mark.parametrize("served", ["", "gpt-4.1-2025-04-14", "a b|c\td:e%20", "gpt-a + claude-b", "模型"])
@pytest.mark.parametrize("model", ["openai/gpt-4.1", "panel", baseline_model("length")])
@pytest.mark.parametrize("ref", [NAMED, INLINE_JUDGE])
def test_a_name_is_split_into_the_words_it_was_made_of(ref: JudgeRef, model: str, served: str) -> None:
    name = series_name(token_of(ref), model, served)
    assert split_series(name) == (token_of(ref), model, served)
    assert split_series(name).name == name
    assert not set(name) & set("\t|")
    assert name.count(" ") == (2 if served else 1)


def test_a_name_from_before_served_models_has_two_words() -> None:
    assert series_name("wit@3", "openai/gpt-4.1") == "wit@3 openai/gpt-4.1"
    assert split_series("wit@3 openai/gpt-4.1").served == ""


def test_a_groups_name_has_the_words_of_its_series() -> None:
    series = series_name("wit@3", "openai/gpt-4.1", "gpt 1")
    name = group_series(series, "bot v2\t|")
    assert split_series(name) == split_series(series)
    assert split_group(name) == (series, "bot v2\t|")
    assert split_group(series) == (series, "")


def test_served_models_are_joined_once_each_in_the_order_of_their_names() -> None:
    assert served_together(["b", None, "a", "b", ""]) == "a + b"
    assert served_together([None, None]) == ""
    assert served_apart("a + b") == ["a", "b"]
    assert served_apart("") == []
    assert len(served_together(["x" * 5_000])) == 200


def test_baselines_are_told_by_their_mark() -> None:
    assert is_baseline("~length")
    assert not is_baseline("openai/gpt-4.1")
    assert not is_baseline("panel")
