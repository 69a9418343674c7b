"""The prevalence of Rogan and Gladen: by hand, its refusals, and its coverage."""

import numpy as np
import pytest

from service.stats.prevalence import LEAST_OF_EACH, LabelledVerdicts, rogan_gladen


def test_the_judges_errors_are_taken_out() -> None:
    # se .9, sp .8, q .5: (.5 + .8 - 1) / (.9 + .8 - 1) = .3 / .7
    one = rogan_gladen(LabelledVerdicts(50, 45, 50, 40), 1000, 500)
    assert one.value == pytest.approx(3 / 7)
    assert (one.judge_rate, one.sensitivity, one.specificity, one.reason) == (0.5, 0.9, 0.8, None)
    assert one.lower is not None
    assert one.upper is not None
    assert one.lower < 3 / 7 < one.upper


def test_the_value_is_a_share() -> None:
    one = rogan_gladen(LabelledVerdicts(50, 45, 50, 40), 1000, 100)
    assert (one.value, one.lower) == (0, 0)


@pytest.mark.parametrize(
    ("labelled", "judged", "reason"),
    [
        (LabelledVerdicts(LEAST_OF_EACH - 1, 10, 90, 80), 100, "few_of_a_class"),
        (LabelledVerdicts(90, 80, LEAST_OF_EACH - 1, 10), 100, "few_of_a_class"),
        (LabelledVerdicts(50, 45, 50, 40), 0, "no_judgments"),
        (LabelledVerdicts(50, 25, 50, 25), 100, "not_better_than_chance"),
        (LabelledVerdicts(50, 10, 50, 10), 100, "not_better_than_chance"),
    ],
)
def test_refusals(labelled: LabelledVerdicts, judged: int, reason: str) -> None:
    one = rogan_gladen(labelled, judged, judged // 2)
    assert (one.value, one.lower, one.upper, one.reason) == (None, None, None, reason)


@pytest.mark.parametrize("quota", [20, 100])
@pytest.mark.parametrize("share", [0.1, 0.6])
def test_the_interval_covers(quota: int, share: float) -> None:
    random = np.random.default_rng(quota)
    hits = []
    for _ in range(500):
        passes = random.binomial(3000, share)
        judged_passes = random.binomial(passes, 0.85) + random.binomial(3000 - passes, 0.2)
        labelled = LabelledVerdicts(quota, random.binomial(quota, 0.85), quota, random.binomial(quota, 0.8))
        one = rogan_gladen(labelled, 3000, int(judged_passes))
        hits.append(one.lower is not None and one.upper is not None and one.lower <= share <= one.upper)
    assert np.mean(hits) > 0.93
