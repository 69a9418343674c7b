"""The combination of votes into one verdict."""

from itertools import permutations
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contracts.judges import Judge, Method
from service.contracts.judgments import Usage, Vote
from service.contracts.outcomes import Outcome, Reason
from service.judging.combining import CombinedVerdict, total_usage
from service.judging.methods import METHODS

Panel = Literal["mean", "median", "majority"]


def combine(judge: Judge, votes: list[Vote]) -> CombinedVerdict:
    return METHODS[judge.method].combine(judge, votes)


def vote(**fields: Any) -> Vote:
    return Vote(
        **{
            "model": "openai/m",
            "sample": 0,
            "order": None,
            "outcome": Outcome.SCORED,
            "reason": None,
            "score": None,
            "label": None,
            "explanation": None,
            "parsed_from": None,
            "score_from": None,
            "raw_text": "",
            "finish_reason": "stop",
            "error": None,
            "asks": 1,
            "attempts": 1,
            "latency_seconds": 0.0,
            "input_tokens": 1,
            "output_tokens": 1,
            "cost_usd": 0.0,
            **fields,
        }
    )


def scored(score: float, explanation: str | None = None) -> Vote:
    return vote(score=score, explanation=explanation)


def unscored(reason: Reason = Reason.NO_SCORE) -> Vote:
    return vote(outcome=Outcome.UNSCORED, reason=reason)


def failed(reason: Reason = Reason.TIMEOUT) -> Vote:
    return vote(outcome=Outcome.FAILED, reason=reason)


def rating(panel: Panel = "mean") -> Judge:
    return Judge(criterion="wit", method=Method.RATING, instructions="?", panel=panel)


PASS_FAIL = Judge(criterion="wit", method=Method.PASS_FAIL, instructions="?")


def test_one_vote_is_the_judgment() -> None:
    verdict = combine(rating(), [scored(4, "because")])
    assert (verdict.outcome, verdict.score, verdict.explanation, verdict.spread) == (Outcome.SCORED, 4, "because", 0)
    assert isinstance(verdict.score, int)


@pytest.mark.parametrize(
    ("panel", "score"),
    [("mean", 2.75), ("median", 2.5), ("majority", 2)],  # of 2, 2, 3, 4: 11/4, (2+3)/2, twice 2
)
def test_a_panel_is_combined_as_the_judge_says(panel: Panel, score: float) -> None:
    verdict = combine(rating(panel), [scored(2), scored(4), scored(3), scored(2)])
    assert (verdict.outcome, verdict.score, verdict.spread) == (Outcome.SCORED, score, 2)


def test_the_explanation_is_that_of_the_vote_nearest_to_the_score() -> None:
    verdict = combine(rating(), [scored(1, "low"), scored(4, "near"), scored(5, "high")])
    assert verdict.explanation == "near"


def test_half_of_the_votes_are_enough() -> None:
    assert combine(rating(), [scored(3), failed()]).score == 3
    assert combine(rating(), [scored(3), scored(5), unscored(), failed()]).score == 4


def test_less_than_half_is_no_score() -> None:
    verdict = combine(rating(), [scored(3), unscored(Reason.REFUSED), unscored(Reason.REFUSED)])
    assert (verdict.outcome, verdict.reason) == (Outcome.UNSCORED, Reason.REFUSED)
    assert (verdict.score, verdict.label, verdict.spread) == (None, None, None)


def test_it_ends_as_most_of_the_votes_without_score_did() -> None:
    most_failed = combine(rating(), [failed(Reason.AUTH), failed(Reason.AUTH), failed(), unscored()])
    assert (most_failed.outcome, most_failed.reason) == (Outcome.FAILED, Reason.AUTH)
    as_many = combine(rating(), [failed(), unscored(Reason.TRUNCATED)])
    assert (as_many.outcome, as_many.reason) == (Outcome.UNSCORED, Reason.TRUNCATED)


def test_a_majority_that_ties_has_no_score() -> None:
    verdict = combine(rating("majority"), [scored(2), scored(4)])
    assert (verdict.outcome, verdict.reason, verdict.score) == (Outcome.UNSCORED, Reason.TIE, None)
    assert verdict.tied == [2, 4]


def test_labels_are_put_to_the_vote_and_have_no_spread() -> None:
    votes = [vote(label="pass", score=1), vote(label="fail", score=0), vote(label="pass", score=1)]
    verdict = combine(PASS_FAIL, votes)
    assert (verdict.outcome, verdict.label, verdict.score, verdict.spread) == (Outcome.SCORED, "pass", 1, None)
    tied = combine(PASS_FAIL, votes[:2])
    assert (tied.outcome, tied.reason, tied.label, tied.score) == (Outcome.UNSCORED, Reason.TIE, None, None)


PAIR = Judge(criterion="wit", method=Method.PAIRWISE, instructions="?")
RANKED = Judge(criterion="wit", method=Method.RANKING, instructions="?")


def pair(ab: str | None, ba: str | None, model: str = "openai/m") -> list[Vote]:
    """Both orders of one model; None for an answer that could not be read."""
    labels = {"AB": ab, "BA": ba}
    return [
        vote(model=model, order=order, label=label)
        if label
        else vote(model=model, order=order, outcome=Outcome.UNSCORED, reason=Reason.NO_SCORE)
        for order, label in labels.items()
    ]


@pytest.mark.parametrize(
    ("votes", "label", "consistent"),
    [
        (pair("A", "A"), "A", True),
        (pair("tie", "tie"), "tie", True),
        (pair("A", "B"), "tie", False),
        (pair("A", "tie"), "tie", False),
        (pair("A", "A")[:1], "A", None),
        (pair("A", "A", "x") + pair("A", "A", "y") + pair("B", "B", "z"), "A", True),
        (pair("A", "A", "x") + pair("B", "B", "y"), "tie", True),
        (pair("B", "B", "x") + pair("A", "B", "y") + pair("B", "B", "z"), "B", False),
        (pair("B", "B", "x") + pair("A", None, "y"), "B", True),
    ],
)
def test_orders_that_contradict_are_a_tie_and_models_are_put_to_the_vote(
    votes: list[Vote], label: str, consistent: bool | None
) -> None:
    verdict = combine(PAIR, votes)
    assert (verdict.outcome, verdict.label, verdict.consistent) == (Outcome.SCORED, label, consistent)


def test_one_unreadable_order_is_no_verdict() -> None:
    verdict = combine(PAIR, pair("A", None))
    assert (verdict.outcome, verdict.reason, verdict.label) == (Outcome.UNSCORED, Reason.NO_SCORE, None)
    failing = [*pair("A", "A")[:1], vote(order="BA", outcome=Outcome.FAILED, reason=Reason.TIMEOUT)]
    verdict = combine(PAIR, failing)
    assert (verdict.outcome, verdict.reason, verdict.label) == (Outcome.FAILED, Reason.TIMEOUT, None)


@pytest.mark.parametrize(
    ("rankings", "combined", "consistent"),
    [
        ([[2, 0, 1]], [2, 0, 1], None),
        ([[2, 0, 1], [2, 0, 1]], [2, 0, 1], True),
        ([[2, 0, 1], [2, 1, 0]], [2, [0, 1]], False),
        ([[[0, 1], 2], [[0, 1], 2]], [[0, 1], 2], True),
        ([[[0, 1], 2], [1, 0, 2]], [1, 0, 2], False),  # ranks 1.5 and 1.5 with 2 and 1: means 1.75 and 1.25
    ],
)
def test_rankings_are_combined_by_their_mean_ranks(
    rankings: list[Any], combined: list[Any], consistent: bool | None
) -> None:
    verdict = combine(RANKED, [vote(ranking=each) for each in rankings])
    assert (verdict.ranking, verdict.consistent) == (combined, consistent)


VOTES = st.lists(
    st.one_of(
        st.integers(1, 5).map(scored),
        st.sampled_from([Reason.NO_SCORE, Reason.REFUSED]).map(unscored),
        st.sampled_from([Reason.TIMEOUT, Reason.AUTH]).map(failed),
    ),
    min_size=1,
    max_size=5,
)


@given(votes=VOTES, panel=st.sampled_from(["mean", "median", "majority"]))
def test_there_is_a_score_if_and_only_if_it_is_scored(votes: list[Vote], panel: Panel) -> None:
    verdict = combine(rating(panel), votes)
    assert (verdict.score is not None) is (verdict.outcome is Outcome.SCORED)
    assert (verdict.reason is None) is (verdict.outcome is Outcome.SCORED)
    if verdict.score is not None:
        scores = [each.score for each in votes if each.score is not None]
        assert min(scores) <= verdict.score <= max(scores)
        assert 2 * len(scores) >= len(votes)


@given(votes=VOTES, panel=st.sampled_from(["mean", "median", "majority"]))
def test_the_order_of_the_votes_changes_no_score(votes: list[Vote], panel: Panel) -> None:
    verdicts = [combine(rating(panel), list(each)) for each in permutations(votes)]
    assert {(each.outcome, each.score, each.spread) for each in verdicts} == {
        (verdicts[0].outcome, verdicts[0].score, verdicts[0].spread)
    }


def test_usage_is_the_sum_and_its_cost_unknown_with_any_price() -> None:
    priced = [vote(input_tokens=10, output_tokens=2, cost_usd=0.1), vote(input_tokens=5, cost_usd=0.2)]
    assert total_usage(priced) == Usage(input_tokens=15, output_tokens=3, cost_usd=0.3)
    silent = vote(input_tokens=None, output_tokens=None, cost_usd=None)
    assert total_usage([*priced, silent]) == Usage(input_tokens=15, output_tokens=3, cost_usd=None)
