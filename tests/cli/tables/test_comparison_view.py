"""Comparisons of two groups in words."""

from typing import Any

import pytest

from service.cli.tables.comparison_view import case_lines, decision_lines, figure, gate_lines
from service.rendering.comparison_words import decision
from tests.cli.stub_api import Row


def between(value: float, lower: float, upper: float) -> Row:
    return {"value": value, "lower": lower, "upper": upper}


NOTHING: Row = {"value": None, "lower": None, "upper": None}
COMPARISON: Row = {
    "judge": {"name": "wit", "version": 3, "digest": "sha256:ab"},
    "model": "openai/gpt",
    "served_model": "gpt-2",
    "criterion": "wit",
    "window": "7d",
    "design": "paired",
    "cases": 60,
    "a": {"group": "v1", "items": 60, "labelled": 30, "judge_mean": 2.5, "unpaired_cases": 0},
    "b": {"group": "v2", "items": 61, "labelled": 35, "judge_mean": 3.0, "unpaired_cases": 4},
    "labelled_pairs": 25,
    "judge_difference": between(0.5, 0.3, 0.7),
    "corrected_difference": between(0.25, 0.1, 0.4),
    "wins": 30,
    "losses": 10,
    "ties": 20,
    "decided": "b",
    "decided_by": "labels",
    "labels_needed": None,
    "better": "higher",
    "anytime": False,
    "flags": [],
}


def comparison(**changes: Any) -> Row:
    return {**COMPARISON, **changes}


def test_cases_that_one_group_alone_has_are_named() -> None:
    assert list(case_lines(COMPARISON)) == [
        "wit@3 openai/gpt (gpt-2) on wit: v2 (b) against v1 (a); last 7d",
        "60 cases that both have; left out: 4 of v2 alone",
    ]
    a, b = ({**COMPARISON[side], "unpaired_cases": cases} for side, cases in (("a", 20), ("b", 30)))
    apart = comparison(design="two_samples", window="all", a=a, b=b, flags=["served_model_changed"])
    assert list(case_lines(apart))[1:] == [
        "no case is shared: 20 cases of v1 and 30 cases of v2 are compared as two samples",
        "! another model answered under this name too; only the answers of gpt-2 are compared",
    ]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, "v2 is better than v1, by the labels"),
        ({"decided": "a", "decided_by": "judge"}, "v1 is better than v2, by the judge alone"),
        ({"decided": None}, "it can't be told whether v2 is better than v1: the interval contains 0"),
    ],
)
def test_the_decision_is_a_sentence(changes: Row, wanted: str) -> None:
    assert decision(comparison(**changes)) == wanted


@pytest.mark.parametrize(
    ("needed", "labelled", "wanted"),
    [
        (
            {"power": 0.8, "labels": 120},
            30,
            "about 120 more labels, half of them in each group, would decide with a probability of 80%, if the "
            "difference is as it seems",
        ),
        (
            {"power": 0.8, "labels": None},
            30,
            "labels alone would not decide, if the difference is as it seems: more cases are needed",
        ),
        (None, 3, "label at least 20 random items of v1"),
    ],
)
def test_the_labels_that_would_decide_are_told(needed: Row | None, labelled: int, wanted: str) -> None:
    a = {**COMPARISON["a"], "labelled": labelled}
    lines = list(decision_lines(comparison(decided=None, decided_by=None, labels_needed=needed, a=a)))
    assert lines[0] == "v2 wins 30 cases, loses 10, ties 20, by the judge"
    assert lines[-1] == wanted


def test_a_gate_tells_its_figure() -> None:
    lines = list(gate_lines(COMPARISON["corrected_difference"], "labels", COMPARISON, True, 0.0))
    assert lines == [
        "wit@3 openai/gpt (gpt-2) on wit: v2 against v1, 60 cases",
        "the difference, corrected by 65 labels, is 0.250 (0.100 to 0.400)",
        "! passed: it is at least 0",
    ]
    estimate = {
        **{name: COMPARISON[name] for name in ("judge", "model", "served_model", "criterion")},
        "labels": 4,
        "unlabelled": 56,
    }
    lines = list(gate_lines(between(3, 2.9, 3.1), "judge", estimate, None, 3.0))
    assert lines == [
        "wit@3 openai/gpt (gpt-2) on wit: 60 items of any group",
        "the judge's mean is 3.000 (2.900 to 3.100); 4 labels are too few to correct its bias",
        "! undecided: it may be below or above 3",
    ]
    estimate = {**estimate, "group": "v1", "labels": 29, "unlabelled": 31, "method": "labels_only"}
    assert list(gate_lines(between(3, 2.9, 3.1), "labels", estimate, True, 2.0))[:2] == [
        "wit@3 openai/gpt (gpt-2) on wit: v1, 60 items",
        "the mean, by 29 labels alone, is 3.000 (2.900 to 3.100)",
    ]


def test_a_gate_tells_that_another_model_answered_too() -> None:
    changed = comparison(flags=["served_model_changed"])
    lines = list(gate_lines(changed["corrected_difference"], "labels", changed, True, 0.0))
    assert lines[1] == "! another model answered under this name too; only the answers of gpt-2 are compared"


def test_a_figure_without_an_interval_says_so() -> None:
    assert figure(NOTHING) == "- (nothing to average)"
    assert figure({"value": 1.0, "lower": None, "upper": None}) == "1.000 (no interval: all values are equal)"
