"""The three sentences of the demo, for each case that the figures may lead to."""

from typing import Any

import pytest

from service.cli.demo.findings import demo_findings

Row = dict[str, Any]


def figure(value: float | None, lower: float | None = None, upper: float | None = None) -> Row:
    return {"value": value, "lower": lower, "upper": upper}


def report(model: str, own: Row, verdict: str | None = None) -> Row:
    return {
        "model": model,
        "annotators": 2,
        "items": 40,
        "statistics": {"spearman": own},
        "human_ceiling": {"statistics": {"spearman": figure(0.92, 0.8, 0.96)}},
        "trust": {"verdict": verdict},
    }


BASELINES = [report("control/length", figure(-0.14, -0.41, 0.2)), report("control/overlap", figure(0.66, 0.44, 0.79))]


def compared(decided: str | None, model: str = "control/overlap") -> Row:
    return {
        "model": model,
        "decided": decided,
        "judge_difference": figure(1.04, 0.39, 1.54),
        "corrected_difference": figure(0.68, -0.75, 2.01),
    }


def test_there_are_three_sentences_without_a_model() -> None:
    people, judges, versions = demo_findings(BASELINES, compared(None))
    assert "the 2 people who labelled 40 answers agree with each other by 0.92 (0.80 to 0.96)" in people
    assert "no language model has judged" in judges
    assert "text length -0.14 (-0.41 to 0.20) and word overlap 0.66 (0.44 to 0.79)" in judges
    assert "whether bot-v2 is better than bot-v1 can't be told yet" in versions
    assert "0.68 (-0.75 to 2.01) points higher; by word overlap alone it would be 1.04 (0.39 to 1.54)" in versions


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("not_better_than_chance", "local/small is not better than chance"),
        ("as_good_as_people", "local/small is as good as people"),
        (None, "local/small is not comparable with people"),
    ],
)
def test_a_model_has_its_verdict(verdict: str | None, words: str) -> None:
    model = report("local/small", figure(-0.15, -0.42, 0.17), verdict)
    _, judges, versions = demo_findings([*BASELINES, model], compared(None, "local/small"))
    assert words in judges
    assert "it agrees with people by -0.15 (-0.42 to 0.17)" in judges
    assert "word overlap 0.66 (0.44 to 0.79)" in judges
    assert "by local/small alone" in versions


@pytest.mark.parametrize(("decided", "words"), [("a", "bot-v1 is better than bot-v2"), ("b", "bot-v2 is better than")])
def test_the_better_version_is_named(decided: str, words: str) -> None:
    assert words in demo_findings(BASELINES, compared(decided))[-1]


def test_a_judge_that_gave_every_answer_the_same_score_has_no_figure() -> None:
    model = report("local/small", figure(None), "too_few_labels")
    _, judges, _ = demo_findings([*BASELINES, model], compared(None))
    assert "it agrees with people by an unknown amount" in judges


def test_a_figure_of_nearly_0_has_no_sign() -> None:
    model = report("local/small", figure(-0.002, -0.31, 0.33), "too_few_labels")
    _, judges, _ = demo_findings([*BASELINES, model], compared(None))
    assert "it agrees with people by 0.00 (-0.31 to 0.33)" in judges
