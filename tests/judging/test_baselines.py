"""Baselines answer a judge's question from the item alone."""

from typing import Any

import pytest

from service.config.kinds import KINDS
from service.contracts.items import Item
from service.contracts.judges import BASELINE_TITLES, CONTROL, Choice, Judge, Method, Scale
from service.judging.baselines import BASELINES, baseline_answer

ITEM = Item(input="one two", output="one two three four", outputs=["one", "one two three"])


def judge(**fields: Any) -> Judge:
    return Judge(criterion="wit", instructions="Is it?", **fields)


@pytest.mark.parametrize(
    ("asked", "length", "overlap"),
    [
        (judge(method=Method.RATING, scale=Scale()), {"score": 2}, {"score": 3}),
        (judge(method=Method.PASS_FAIL), {"label": "fail"}, {"label": "pass"}),
        (
            judge(method=Method.CATEGORY, choices=[Choice(label=name) for name in ("low", "high")]),
            {"label": "low"},
            {"label": "high"},
        ),
        (judge(method=Method.PAIRWISE), {"label": "B"}, {"label": "A"}),
    ],
    ids=["rating", "pass_fail", "category", "pairwise"],
)
def test_each_method_has_an_answer(asked: Judge, length: dict[str, object], overlap: dict[str, object]) -> None:
    assert {name: baseline_answer(name, asked, ITEM).fields for name in BASELINES} == {
        "length": length,
        "overlap": overlap,
    }


def test_the_models_of_the_built_in_provider_are_the_baselines() -> None:
    assert {kind.models for kind in KINDS.values() if kind.is_built_in} == {tuple(BASELINES)}


def test_each_baseline_has_a_title() -> None:
    assert list(BASELINE_TITLES) == [CONTROL + name for name in BASELINES]
