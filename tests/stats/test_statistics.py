"""Statistics of agreement against other people's code, their own definitions, and numbers worked out by hand."""

import math

import pytest
import scipy.stats
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.stats.intervals import measure
from service.stats.statistics import evaluate, names_for
from service.stats.table import Table
from service.stats.undefined import Undefined
from tests.stats import oracles
from tests.stats.tables import BINARY, EVEN, NOMINAL, NUMERIC, UNEVEN, WORDS, one_cell, table, tables

CLOSE = 1e-9
CORRELATIONS = ("pearson", "spearman", "kendall_tau_b", "kendall_tau_c", "somers_d")
KAPPAS = ("cohen_kappa", "cohen_kappa_linear", "cohen_kappa_quadratic")
ALPHAS = ("krippendorff_alpha_nominal", "krippendorff_alpha_ordinal", "krippendorff_alpha_interval")
AGREED_TWICE = one_cell(5, {(2, 2): 1, (4, 4): 1})


def values(of: Table, *names: str) -> dict[str, float | None]:
    return {name: each.value for name, each in evaluate(of, names or None).items()}


def reasons(of: Table, *names: str) -> dict[str, str | None]:
    return {name: each.reason for name, each in evaluate(of, names or None).items()}


@settings(max_examples=100, deadline=None)
@given(tables(EVEN, least_pairs=1))
@example(AGREED_TWICE)
@example(one_cell(5, {(3, 3): 50}))
def test_they_equal_those_of_scipy_scikit_learn_and_krippendorff(of: Table) -> None:
    ours = evaluate(of)
    for name, oracle in oracles.from_libraries(of).items():
        value = ours[name].value
        if value is not None:
            assert value == pytest.approx(oracles.quietly(oracle), abs=CLOSE), name
        elif of.pairs > 1 and name not in ALPHAS:  # of one value, the library raises or finds perfect agreement
            assert not math.isfinite(oracles.quietly(oracle)) or name in ("somers_d", "kendall_tau_c"), name


@settings(max_examples=60, deadline=None)
@given(tables([(0, 1)], least_pairs=1))
def test_binary_ones_equal_those_of_scikit_learn(of: Table) -> None:
    ours = values(of)
    for name, oracle in oracles.binary_from_libraries(of).items():
        if ours[name] is not None:
            assert ours[name] == pytest.approx(oracles.quietly(oracle), abs=CLOSE), name


@settings(max_examples=100, deadline=None)
@given(st.one_of(tables(least_pairs=2), tables((*EVEN, *UNEVEN), most=10**9, least_pairs=2)))
@example(table([[10**9, 1], [0, 1]]))  # hardly any variance: what is not centred first is lost here
@example(table([[10**9, 1], [1, 0]], [0, 1e9]))
@example(table([[10**9, 0, 0], [0, 1, 0], [0, 1, 1]], [1e9 - 1, 1e9 - 0.5, 1e9]))
def test_they_equal_their_definitions_in_exact_arithmetic_for_any_scale_and_a_billion_a_cell(of: Table) -> None:
    ours = values(of)
    if ours["pearson"] is None:
        return
    for name, value in oracles.by_definition(of).items():
        assert ours[name] == pytest.approx(value, abs=CLOSE, rel=CLOSE), name


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(3, 15)), min_size=2, max_size=40))
def test_fractional_scores_equal_the_definitions_too(pairs: list[tuple[int, int]]) -> None:
    columns = [total / 3 for total in range(3, 16)]  # the means of three judges
    of = Table.from_pairs([1, 2, 3, 4, 5], [(human, total / 3) for human, total in pairs], columns)
    ours = values(of)
    if ours["pearson"] is not None:
        for name, value in oracles.by_definition(of).items():
            assert ours[name] == pytest.approx(value, abs=CLOSE), name


def test_fractional_scores_have_no_statistic_that_counts_categories() -> None:
    of = Table.from_pairs([1, 2, 3], [(1, 1.5), (2, 2), (3, 2.5)], [1, 1.5, 2, 2.5, 3])
    found = reasons(of)
    assert {name for name, reason in found.items() if reason} == {
        *KAPPAS,
        "krippendorff_alpha_nominal",
        "gwet_ac1",
        "gwet_ac2",
    }
    assert set(found.values()) == {None, Undefined.FRACTIONAL}
    assert values(of, "exact", "within_one") == {"exact": pytest.approx(1 / 3), "within_one": 1.0}


@settings(deadline=None)
@given(tables((*EVEN, *UNEVEN, *WORDS)))
def test_each_has_a_finite_value_or_a_reason_and_never_both(of: Table) -> None:
    for name, each in evaluate(of).items():
        assert (each.value is None) == (each.reason is not None), name
        assert each.value is None or math.isfinite(each.value), name
        assert of.pairs or each.reason is Undefined.NO_PAIRS


def test_words_are_given_the_nominal_ones_alone_and_pass_fail_the_binary_ones_too() -> None:
    assert set(names_for(table([[1, 0], [0, 1]], ["B", "A"]))) == NOMINAL
    assert set(names_for(table([[1, 0], [0, 1]], ["fail", "pass"]))) == NOMINAL | BINARY
    assert set(names_for(table([[1, 0], [0, 1]], ["pass", "fail"]))) == NOMINAL
    assert set(names_for(table([[1, 0], [0, 1]], [0, 1]))) == NUMERIC | BINARY
    assert set(names_for(table([[1, 0], [0, 1]], [1, 2]))) == NUMERIC


def test_asked_for_by_name_what_has_no_meaning_is_null_with_a_reason() -> None:
    assert reasons(table([[1, 0], [0, 1]], ["A", "B"]), "pearson", "mcc") == {
        "pearson": Undefined.NOT_FOR_WORDS,
        "mcc": Undefined.NOT_BINARY,
    }


def test_one_pair_has_no_correlation() -> None:
    agreeing, differing = one_cell(5, {(3, 3): 1}), one_cell(5, {(2, 4): 1})
    for name in (*CORRELATIONS, "lin_ccc"):
        assert reasons(agreeing)[name] == reasons(differing)[name] == Undefined.ONE_PAIR
    for name in (*KAPPAS, *ALPHAS):
        assert reasons(agreeing)[name] == Undefined.ONE_PAIR
        assert values(differing)[name] == 0
    assert values(agreeing, "exact", "mae", "bias", "gwet_ac1") == {"exact": 1, "mae": 0, "bias": 0, "gwet_ac1": 1}
    assert values(differing)["gwet_ac1"] == pytest.approx(-1 / 7)  # pe = .5 / 4 = .125; -.125 / .875


def test_two_pairs_that_agree_on_two_values_are_formally_perfect() -> None:
    found = values(AGREED_TWICE)
    for name in (*CORRELATIONS, *KAPPAS, *ALPHAS, "lin_ccc", "gwet_ac1", "gwet_ac2", "exact"):
        assert found[name] == pytest.approx(1), name


def test_a_constant_human_leaves_no_correlation_and_a_kappa_of_nothing() -> None:
    of = one_cell(5, {(3, 3): 30, (3, 4): 20})
    found = values(of)
    for name in (*CORRELATIONS, "lin_ccc"):
        assert reasons(of)[name] == Undefined.HUMAN_CONSTANT
    assert found["exact"] == 0.6
    assert [found[name] for name in KAPPAS] == [pytest.approx(0, abs=1e-12)] * 3
    # Pooled 80 and 20 of N = 100: 1 - 99 * 40 / (100^2 - 80^2 - 20^2) = 1 - 3960 / 3200.
    assert found["krippendorff_alpha_nominal"] == pytest.approx(-0.2375)
    # pe = (.8 * .2 + .2 * .8) / 4 = .08; (.6 - .08) / .92.
    assert found["gwet_ac1"] == pytest.approx(0.52 / 0.92)


def test_a_constant_judge_leaves_no_correlation_either() -> None:
    of = one_cell(5, {(2, 3): 20, (4, 3): 30})
    found = values(of)
    for name in (*CORRELATIONS, "lin_ccc"):
        assert reasons(of)[name] == Undefined.JUDGE_CONSTANT
    assert found["cohen_kappa"] == pytest.approx(0, abs=1e-12)
    # Pooled 20, 50, 30 of N = 100: 1 - 99 * 100 / (10,000 - 400 - 2,500 - 900) = 1 - 9,900 / 6,200.
    assert found["krippendorff_alpha_nominal"] == pytest.approx(-0.597, abs=5e-4)
    # Mean 3.1, sum of squares 50 - 100 * .01 = 49: 1 - 99 * 50 / (100 * 49).
    assert found["krippendorff_alpha_interval"] == pytest.approx(-0.010, abs=5e-4)


def test_both_constant_and_the_same_is_agreement_that_chance_could_not_tell_from_itself() -> None:
    of = one_cell(5, {(4, 4): 50})
    for name in (*CORRELATIONS, *KAPPAS, *ALPHAS, "lin_ccc"):
        assert reasons(of)[name] == Undefined.BOTH_CONSTANT
    assert values(of, "exact", "gwet_ac1", "gwet_ac2") == {"exact": 1, "gwet_ac1": 1, "gwet_ac2": 1}


def test_both_constant_and_different_is_disagreement() -> None:
    of = one_cell(5, {(2, 4): 50})
    found = values(of)
    for name in (*CORRELATIONS, "lin_ccc"):
        assert reasons(of)[name] == Undefined.BOTH_CONSTANT
    assert found["exact"] == 0
    assert [found[name] for name in KAPPAS] == [0, 0, 0]
    assert [found[name] for name in ALPHAS] == [pytest.approx(1 / 50 - 1)] * 3
    assert found["gwet_ac1"] == pytest.approx(-1 / 7)
    assert values(one_cell(2, {(1, 2): 50}))["gwet_ac1"] == pytest.approx(-1)


def test_where_nearly_all_is_one_value_kappa_is_low_though_both_agree() -> None:
    found = values(one_cell(5, {(5, 5): 98, (5, 4): 1, (4, 5): 1}))
    assert found["exact"] == 0.98
    assert found["pearson"] == pytest.approx(-1 / 99)
    assert found["cohen_kappa"] == pytest.approx(-0.010, abs=5e-4)
    assert found["gwet_ac1"] == pytest.approx(0.980, abs=5e-4)


def test_ac2_is_high_for_a_judge_that_is_never_right() -> None:
    found = values(one_cell(5, {(3, 4): 100}))
    assert found["exact"] == 0
    assert found["bias"] == found["mae"] == found["within_one"] == 1
    # Weights 15/16 at a distance of one, 18.75 in sum: pe = 18.75 / 20 * (.5 * .5 + .5 * .5) = .46875.
    assert found["gwet_ac2"] == pytest.approx((15 / 16 - 0.46875) / (1 - 0.46875))
    assert found["gwet_ac2"] == pytest.approx(0.88, abs=0.005)


@pytest.mark.parametrize(
    ("counts", "ac1", "kappa"),
    [
        # By hand, the paradox of kappa: pa = .944, p = .972, pe = 2 * .972 * .028 = .0544; (.944 - .0544) / .9456.
        ([[118, 5], [2, 0]], 0.9408, -0.0234),
        # Gwet 2014, 100 pregnancies, as in the overview of R's irrCAC: AC1 .8493305, kappa .7964094.
        # pa = .89, p = .13 .255 .615,
        # pe = (.1131 + .1900 + .2368) / 2 = .2699; (.89 - .2699) / .7301.
        ([[13, 0, 0], [0, 20, 7], [0, 4, 56]], 0.8493305, 0.7964094),
    ],
)
def test_ac1_beside_kappa(counts: list[list[int]], ac1: float, kappa: float) -> None:
    found = values(table(counts))
    assert found["gwet_ac1"] == pytest.approx(ac1, abs=5e-5)
    assert found["cohen_kappa"] == pytest.approx(kappa, abs=5e-5)


def test_ac2_of_two_values_is_ac1_and_of_three_weighs_by_the_square_of_the_distance() -> None:
    two = values(table([[7, 2], [3, 8]]))
    assert two["gwet_ac2"] == pytest.approx(two["gwet_ac1"])
    # Weights 1, 3/4, 0. pa = (5 + 4 + 3 + 3/4 (2 + 1 + 1 + 2) + 0) / 18 = 16.5 / 18.
    # Pooled 14, 13, 9 of 36: sum p (1 - p) = (14 * 22 + 13 * 23 + 9 * 27) / 1296 = 850 / 1296.
    # Sum of weights 3 + 4 * 3/4 = 6: pe = 6 / 6 * 850 / 1296.
    found = values(table([[5, 2, 0], [1, 4, 1], [0, 2, 3]]))
    chance = 850 / 1296
    expected = (16.5 / 18 - chance) / (1 - chance)
    assert found["gwet_ac2"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("counts", "name", "reason"),
    [
        ([[5, 5], [0, 0]], "sensitivity", Undefined.NO_POSITIVES),
        ([[5, 5], [0, 0]], "balanced_accuracy", Undefined.NO_POSITIVES),
        ([[5, 5], [0, 0]], "mcc", Undefined.NO_POSITIVES),
        ([[0, 0], [5, 5]], "specificity", Undefined.NO_NEGATIVES),
        ([[0, 0], [5, 5]], "balanced_accuracy", Undefined.NO_NEGATIVES),
        ([[0, 0], [5, 5]], "mcc", Undefined.NO_NEGATIVES),
        ([[5, 0], [5, 0]], "precision", Undefined.NO_JUDGED_POSITIVES),
        ([[0, 5], [0, 5]], "npv", Undefined.NO_JUDGED_NEGATIVES),
        ([[0, 5], [0, 5]], "mcc", Undefined.JUDGE_CONSTANT),
        ([[5, 0], [0, 0]], "f1", Undefined.NO_POSITIVES),
        ([[0, 0], [0, 0]], "f1", Undefined.NO_PAIRS),
    ],
)
def test_binary_ones_without_what_they_divide_by_are_null(counts: list[list[int]], name: str, reason: str) -> None:
    assert reasons(table(counts, ["fail", "pass"]))[name] == reason


def test_binary_ones_by_hand() -> None:
    found = values(table([[40, 10], [5, 45]], ["fail", "pass"]))
    assert found["sensitivity"] == pytest.approx(45 / 50)
    assert found["specificity"] == pytest.approx(40 / 50)
    assert found["precision"] == pytest.approx(45 / 55)
    assert found["npv"] == pytest.approx(40 / 45)
    assert found["f1"] == pytest.approx(90 / 105)
    assert found["balanced_accuracy"] == pytest.approx(0.85)
    assert found["mcc"] == pytest.approx((45 * 40 - 10 * 5) / math.sqrt(50 * 50 * 55 * 45))


def test_within_one_is_one_place_of_the_values_and_tenths_are_not_lost_to_rounding() -> None:
    tenths = [step / 10 for step in range(11)]
    of = Table.from_pairs(tenths, [(0.2, 0.3), (0.3, 0.2), (0.7, 0.8), (0.1, 0.3)])
    assert values(of)["within_one"] == 0.75
    uneven = Table.from_pairs([0, 0.5, 1, 3], [(1, 3), (0.5, 1), (0, 1), (3, 3)])
    assert values(uneven)["within_one"] == 0.75
    between = Table.from_pairs([0, 0.5, 1, 3], [(0.5, 2), (0.5, 1)], [1, 2])  # 2 is half a place above 1
    assert values(between)["within_one"] == 0.5


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.25, 0.5, 1.0])), min_size=2, max_size=40))
def test_the_area_under_the_curve_is_that_of_scikit_learn_and_of_mann_and_whitney(
    pairs: list[tuple[int, float]],
) -> None:
    import sklearn.metrics

    of = Table.from_pairs([0, 1], pairs, [0.0, 0.25, 0.5, 1.0])
    assert "auc" in names_for(of)
    ours = evaluate(of, ["auc"])["auc"]
    negatives, positives = ([score for human, score in pairs if human == side] for side in (0, 1))
    if not negatives or not positives:
        assert (ours.value, ours.reason) == (None, "human_constant")
        return
    human, judge = zip(*pairs, strict=True)
    u = scipy.stats.mannwhitneyu(positives, negatives).statistic
    assert ours.value == pytest.approx(sklearn.metrics.roc_auc_score(human, judge))
    assert ours.value == pytest.approx(u / len(positives) / len(negatives))
    interval = measure(of, ["auc"])["auc"]
    assert interval.lower is not None
    assert interval.upper is not None
    assert interval.value is not None
    assert 0 <= interval.lower <= interval.value <= interval.upper <= 1


def test_only_two_classes_have_an_area_under_the_curve() -> None:
    for of in (table([[1, 0], [0, 1]], [0, 1]), table([[1, 0], [0, 1]], ["fail", "pass"]), AGREED_TWICE):
        assert "auc" not in names_for(of)
    assert reasons(AGREED_TWICE, "auc") == {"auc": "not_binary"}
