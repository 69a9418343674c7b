"""The verdict on simulated judges."""

import pytest

from service.agreement.assessment import Assessment
from service.agreement.coding import Coding
from service.agreement.reports import agreement, assessment_of
from service.stats.trust import TrustVerdict
from tests.agreement.beside_baselines import simulated_beside
from tests.agreement.items import FIVE, PASS_FAIL, WORDS, counted


def assessed(coding: Coding, size: int, *, model: str = "openai/small", **copies: object) -> Assessment:
    fields = counted(simulated_beside(coding, size, **copies))  # type: ignore[arg-type]
    statistics = agreement(coding, fields, {}, {}, "random", model=model).statistics
    return assessment_of(coding, fields, statistics, model)


@pytest.mark.parametrize("coding", [PASS_FAIL, WORDS, FIVE], ids=["pass_fail", "pairwise", "rating"])
def test_each_verdict_is_reached_with_enough_labels(coding: Coding) -> None:
    found = {
        "guesses": assessed(coding, 300, judge=0.0),
        "as the baselines": assessed(coding, 600, judge=0.5, baseline=0.6),
        "few": assessed(coding, 20, judge=0.9),
        "better": assessed(coding, 300, judge=0.7),
        "worse than people": assessed(coding, 500, judge=0.6, people=(0.95, 0.95)),
        "as people": assessed(coding, 500, judge=0.95, people=(0.95, 0.95)),
    }
    assert {name: each.verdict for name, each in found.items()} == {
        "guesses": TrustVerdict.NOT_BETTER_THAN_CHANCE,
        "as the baselines": TrustVerdict.NOT_BETTER_THAN_BASELINES,
        "few": TrustVerdict.TOO_FEW_LABELS,
        "better": TrustVerdict.BETTER_THAN_BASELINES,
        "worse than people": TrustVerdict.BETTER_THAN_BASELINES,
        "as people": TrustVerdict.AS_GOOD_AS_PEOPLE,
    }
    assert found["few"].more_labels == 10
    assert found["better"].more_labels is None


def test_a_baseline_has_no_verdict_against_itself_and_is_never_called_good() -> None:
    good = assessed(PASS_FAIL, 300, judge=0.8, model="control/length")
    assert (good.verdict, list(good.baselines)) == (None, ["overlap"])
    bad = assessed(PASS_FAIL, 300, judge=0.0, model="control/length")
    assert bad.verdict is TrustVerdict.NOT_BETTER_THAN_CHANCE


def test_a_baseline_that_is_nearly_as_good_asks_for_more_labels() -> None:
    found = assessed(PASS_FAIL, 80, judge=0.6, baseline=0.45)
    assert found.verdict is TrustVerdict.TOO_FEW_LABELS
    assert found.undecided.keys() <= {"length", "overlap"}
    assert found.more_labels == max(found.undecided.values())
