"""A judge has few series of scores, whatever its scale."""

import pytest

from service.contracts.judges import Choice, Judge, Method, Scale
from service.store.finishing import score_label

_RATING = {"criterion": "wit", "method": Method.RATING, "instructions": "Is it funny?"}


@pytest.mark.parametrize(
    ("scale", "score", "label"),
    [
        (None, 4, "4"),
        (None, 3.5, "3.5"),
        (None, 3.3333333, "3.25"),
        (Scale(min=0, max=1, step=None), 0.4999, "0.5"),
        (Scale(min=0, max=1, step=None), 0, "0"),
        (Scale(min=0, max=1, step=0.1), 0.3, "0.3"),
        (Scale(min=0, max=100), 63, "65"),
        (Scale(min=-5, max=5), -5, "-5"),
    ],
)
def test_the_label_is_the_score_or_near_it(scale: Scale | None, score: float, label: str) -> None:
    assert score_label(Judge(**_RATING, scale=scale), score) == label  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", [None, Scale(min=0, max=1, step=None), Scale(min=1, max=20), Scale(min=0, max=1e9)])
def test_there_are_at_most_81(scale: Scale | None) -> None:
    judge = Judge(**_RATING, scale=scale)  # type: ignore[arg-type]
    low, high = (1.0, 5.0) if scale is None else (scale.min, scale.max)
    labels = {score_label(judge, low + (high - low) * part / 20_000) for part in range(20_001)}
    assert len(labels) <= 81
    assert {f"{low:g}", f"{high:g}"} <= labels


def test_scores_of_labels_stay() -> None:
    choices = [Choice(label="a", score=0.123), Choice(label="b", score=1)]
    assert score_label(Judge(**{**_RATING, "method": Method.CATEGORY}, choices=choices), 0.123) == "0.123"  # type: ignore[arg-type]
