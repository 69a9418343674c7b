"""A leaderboard from what was heard: scales, means, several criteria, what it cost."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from service.agreement.coding import Coding, scale_of
from service.benchmarks.human_scores import misfit, statistics_for, usual_sort
from service.benchmarks.leaderboard import BenchmarkBoard, BoardRow, HeardJudgment, HeardVote
from service.contracts.datasets import Humans
from service.contracts.judges import Choice, Judge, JudgeRef, Method, ResolvedJudge, Scale
from service.contracts.outcomes import Outcome, Reason

Said = float | str | None


def judge(name: str = "a", *, model: str = "x/m", **definition: Any) -> ResolvedJudge:
    asked = Judge(**{"criterion": "c", "method": Method.RATING, "instructions": "?", **definition})
    return ResolvedJudge(ref=JudgeRef(name=name, version=1, digest=f"sha256:{name}"), definition=asked, models=[model])


def vote(**fields: Any) -> HeardVote:
    return HeardVote(**{"outcome": Outcome.SCORED, "latency_seconds": 1.0, "cost_usd": 0.001, **fields})


def heard(said: Said, *votes: HeardVote, **fields: Any) -> HeardJudgment:
    is_word = isinstance(said, str)
    return HeardJudgment(
        **{
            "outcome": Outcome.UNSCORED if said is None else Outcome.SCORED,
            "reason": Reason.NO_SCORE if said is None else None,
            "score": None if is_word else said,
            "label": said if is_word else None,
            "consistent": None,
            "votes": list(votes) or [vote()],
            **fields,
        }
    )


def board(judges: list[ResolvedJudge], humans: list[Humans], said: list[list[Said]], **order: Any) -> list[BoardRow]:
    """`said` has a list for each judge."""
    made = BenchmarkBoard(judges, humans)
    for place, answers in enumerate(said):
        for item, answer in enumerate(answers):
            made.hear(item * len(judges) + place, heard(answer))
    return made.rows(**{"epsilon": 0.2, "sort": None, "key": "k", **order})


scores = st.integers(1, 5)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(scores | st.none(), min_size=2, max_size=2), scores | st.none()), min_size=3, max_size=25
    )
)
def test_statistics_are_scipys_of_the_pairs(items: list[tuple[list[int | None], int | None]]) -> None:
    [row] = board([judge()], [{"c": list(values)} for values, _ in items], [[said for _, said in items]])
    pairs = [(human, said) for values, said in items for human in values if human is not None and said is not None]
    assert row.pairs == len(pairs)
    assert row.items == sum(said is not None and any(v is not None for v in values) for values, said in items)
    assert row.coverage.unscored == sum(said is None for _, said in items)
    people, judged = (np.array([pair[side] for pair in pairs]) for side in (0, 1))
    if len(set(people)) > 1 and len(set(judged)) > 1:
        assert row.statistics["pearson"].value == pytest.approx(stats.pearsonr(people, judged).statistic, abs=1e-9)
        assert row.statistics["kendall_tau_b"].value == pytest.approx(
            stats.kendalltau(people, judged).statistic, abs=1e-9
        )
    if pairs:
        assert row.statistics["exact"].value == pytest.approx(float(np.mean(people == judged)))


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.floats(1, 5)),
        min_size=5,
        max_size=25,
        unique_by=(lambda p: p[0], lambda p: p[1]),
    )
)
def test_means_of_people_have_correlations_alone(items: list[tuple[int, float]]) -> None:
    people = [1 + third / 3 for third, _ in items]
    judged = [round(said, 2) for _, said in items]
    [row] = board([judge(scale=Scale(step=None))], [{"c": [value]} for value in people], [list(judged)])
    assert row.statistics["pearson"].value == pytest.approx(stats.pearsonr(people, judged).statistic, abs=1e-4)
    assert row.statistics["cohen_kappa_quadratic"].reason == "fractional"


thirds = st.integers(0, 12).map(lambda third: 1 + third / 3)
_EXPECTED = {"score_from": "logprobs"}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.lists(thirds, min_size=1, max_size=2), st.floats(1, 5)), min_size=3, max_size=25),
    st.sampled_from([{"scale": Scale(step=None)}, _EXPECTED, {}]),
)
def test_fractional_scores_and_means_have_the_statistics_of_scipy(
    items: list[tuple[list[float], float]], definition: dict[str, Any]
) -> None:
    """Nothing is rounded to a grid: the pairs are at hand."""
    judged = [round(said, 6) for _, said in items]
    [row] = board([judge(**definition)], [{"c": list(values)} for values, _ in items], [list(judged)])
    pairs = [(human, said) for (values, _), said in zip(items, judged, strict=True) for human in values]
    human, judges = (np.array([pair[side] for pair in pairs]) for side in (0, 1))
    assert row.statistics["mae"].value == pytest.approx(np.abs(judges - human).mean(), abs=1e-9)
    if np.ptp(human) > 0 and np.ptp(judges) > 0.05:
        expected = {
            "pearson": stats.pearsonr(human, judges).statistic,
            "spearman": stats.spearmanr(human, judges).statistic,
            "kendall_tau_b": stats.kendalltau(human, judges).statistic,
            "kendall_tau_c": stats.kendalltau(human, judges, variant="c").statistic,
            "somers_d": stats.somersd(human, judges).statistic,
        }
        for name, value in expected.items():
            found = row.statistics[name]
            assert found.value == pytest.approx(value, abs=1e-9), name
            assert found.value is not None
            assert found.lower is None or found.upper is None or found.lower <= found.value <= found.upper


def test_rows_are_ranked_within_their_criterion() -> None:
    humans: list[Humans] = [{"c": [1 + n % 5], "pass": ["pass" if n % 2 else "fail"]} for n in range(40)]
    right, turned = [1 + n % 5 for n in range(40)], [5 - n % 5 for n in range(40)]
    passes = judge("p", criterion="pass", method=Method.PASS_FAIL)
    labels = ["pass" if n % 2 else "fail" for n in range(40)]
    rows = board([judge("t"), passes, judge("r")], humans, [list(turned), list(labels), list(right)])
    assert [(row.judge.name, row.criterion, row.rank, row.sort) for row in rows] == [
        ("r", "c", 1, "spearman"),
        ("t", "c", 2, "spearman"),
        ("p", "pass", 1, "exact"),
    ]
    assert rows[2].statistics["mcc"].value == 1.0


def test_the_least_error_ranks_first_where_errors_rank() -> None:
    humans: list[Humans] = [{"c": [1 + n % 4]} for n in range(40)]
    said: list[list[Said]] = [[2 + n % 4 for n in range(40)], [1 + n % 4 for n in range(40)]]
    for sort in ("mae", "rmse", "bias"):
        rows = board([judge("off"), judge("right")], humans, said, sort=sort)
        assert [(row.judge.name, row.rank) for row in rows] == [("right", 1), ("off", 2)]
    rows = board([judge("off"), judge("right")], humans, said)
    assert [row.rank for row in rows] == [1, 1]  # either orders the items as people do


def test_numbers_for_pass_and_fail_are_labels() -> None:
    humans: list[Humans] = [{"c": [n % 2]} for n in range(10)]
    [row] = board([judge(method=Method.PASS_FAIL)], humans, [["pass" if n % 2 else "fail" for n in range(10)]])
    assert row.statistics["exact"].value == 1.0


def test_nothing_judged_is_nothing_measured() -> None:
    [row] = board([judge()], [{"c": [1]}, {}], [[None, None]])
    assert (row.rank, row.pairs, row.statistics["spearman"].reason) == (1, 0, "no_pairs")
    assert row.coverage.by_reason == {"no_score": 2}


def test_cost_and_latency_are_of_what_was_asked_for() -> None:
    """Two of three judgments of two votes each: .001 and .003 a vote, the third from the cache; .002 x 2 x 1000 = 4."""
    made = BenchmarkBoard([judge()], [{"c": [1]}] * 4)
    made.hear(0, heard(1, vote(latency_seconds=1.0), vote(latency_seconds=3.0, cost_usd=0.003)))
    cached = vote(cached=True, latency_seconds=0.0, cost_usd=0.0)
    made.hear(1, heard(1, cached, cached))
    failed = vote(outcome=Outcome.FAILED, latency_seconds=60.0, cost_usd=0.0)
    made.hear(2, heard(None, failed, failed, outcome=Outcome.FAILED, reason=Reason.TIMEOUT))
    made.hear(3, heard(None, outcome=Outcome.CANCELLED, reason=None, votes=[]))
    [row] = made.rows(epsilon=0.2, sort=None, key="k")
    assert row.cost_usd_per_1000 == pytest.approx(4.0)
    assert (row.latency_seconds.p50, row.latency_seconds.p95) == (2.0, 2.9)
    assert (row.coverage.judged, row.coverage.failed, row.coverage.cancelled) == (3, 1, 1)


def test_a_price_that_is_unknown_once_is_unknown() -> None:
    made = BenchmarkBoard([judge()], [{"c": [1]}])
    made.hear(0, heard(1, vote(), vote(cost_usd=None)))
    assert made.rows(epsilon=0.2, sort=None, key="k")[0].cost_usd_per_1000 is None


@pytest.mark.parametrize(
    ("definition", "value", "fits"),
    [
        ({}, 3, True),
        ({}, 3.5, True),
        ({}, 0, False),
        ({}, 5.1, False),
        ({}, "good", False),
        ({"method": Method.PASS_FAIL}, "pass", True),
        ({"method": Method.PASS_FAIL}, 1, True),
        ({"method": Method.PASS_FAIL}, 0.5, False),
        ({"method": Method.PASS_FAIL}, "good", False),
        ({"method": Method.PAIRWISE}, "tie", True),
        ({"method": Method.PAIRWISE}, "a", False),
        ({"method": Method.CATEGORY, "choices": [Choice(label="x"), Choice(label="y")]}, "y", True),
    ],
)
def test_what_people_can_have_said(definition: dict[str, Any], value: float | str, fits: bool) -> None:
    scale = scale_of(judge(**definition).definition)
    assert scale is not None
    assert (misfit(Coding(scale), value) is None) is fits


def test_the_statistics_of_a_scale_are_known_beforehand() -> None:
    rating, passing = (scale_of(judge(method=method).definition) for method in (Method.RATING, Method.PASS_FAIL))
    assert rating is not None
    assert passing is not None
    assert "spearman" in statistics_for(rating)
    assert "sensitivity" not in statistics_for(rating)
    assert {"exact", "mcc"} <= set(statistics_for(passing))
    assert "spearman" not in statistics_for(passing)
    assert (usual_sort(rating), usual_sort(passing)) == ("spearman", "exact")


@pytest.mark.parametrize("values", [("Pass", "FAIL"), (" true", "False"), ("YES", "no"), ("1", "0"), (1, 0)])
def test_pass_and_fail_may_be_written_otherwise(values: tuple[Any, Any]) -> None:
    humans: list[Humans] = [{"c": [values[n % 2]]} for n in range(10)]
    [row] = board([judge(method=Method.PASS_FAIL)], humans, [["fail" if n % 2 else "pass" for n in range(10)]])
    assert row.statistics["exact"].value == 1.0


@pytest.mark.parametrize("value", ["yes", "true", "1"])
def test_labels_of_other_scales_are_taken_as_they_are(value: str) -> None:
    choices = [Choice(label="yes"), Choice(label="no")]
    scale = scale_of(judge(method=Method.CATEGORY, choices=choices).definition)
    assert scale is not None
    assert (misfit(Coding(scale), value) is None) is (value == "yes")


def test_a_row_names_the_models_that_answered_and_flags_several() -> None:
    made = BenchmarkBoard([judge("a"), judge("b"), judge("c")], [{"c": [1]}, {"c": [2]}])
    failed = vote(outcome=Outcome.FAILED)
    for item, (mine, theirs) in enumerate([("m-2", "m-1"), ("m-1", "m-1")]):
        made.hear(item * 3, heard(item + 1, vote(served_model=mine), failed))
        made.hear(item * 3 + 1, heard(item + 1, vote(served_model=theirs, cached=item == 1), failed))
        made.hear(item * 3 + 2, heard(item + 1))
    rows = {row.judge.name: row for row in made.rows(epsilon=0.2, sort=None, key="k")}
    assert {name: row.served_models for name, row in rows.items()} == {"a": ["m-1", "m-2"], "b": ["m-1"], "c": []}
    flagged = [name for name, row in rows.items() if "served_model_changed" in row.flags]
    assert flagged == ["a"]
