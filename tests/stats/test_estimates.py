"""The corrected mean: against the formula on rows, a sum done by hand, the rules for few labels, and its coverage."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.stats.estimates import LEAST_LABELS, Estimate, LabelledCells, Mean, Tables, estimate, ppi_mean
from tests.stats.populations import near

PASS_FAIL = (0, 1)
FIVE = (1, 2, 3, 4, 5)
Z = 1.959964


def tables(labelled: Sequence[Sequence[int]], unlabelled: Sequence[int], values: Sequence[float] = PASS_FAIL) -> Tables:
    return Tables(np.array(labelled, dtype=np.int64), np.array(unlabelled, dtype=np.int64), values, values)


def of_pass_fail(labelled: Sequence[Sequence[int]], unlabelled: Sequence[int]) -> Estimate:
    return estimate(tables(labelled, unlabelled), PASS_FAIL, pass_fail=True)


def of_five(labelled: Sequence[Sequence[int]], unlabelled: Sequence[int]) -> Estimate:
    return estimate(tables(labelled, unlabelled, FIVE), FIVE, pass_fail=False)


def by_rows(y: np.ndarray, f: np.ndarray, rest: np.ndarray) -> tuple[float, float, float]:
    """Value, standard error and lambda row by row, as ppi_py's ppi_mean_ci and calc_lam_glm compute them."""
    n, unlabelled = len(y), len(rest)
    covariance = 2 * ((y - y.mean()) @ (f - f.mean())) / n
    weight = float(np.clip(covariance / (2 * (1 + n / unlabelled) * np.cov(np.concatenate([f, rest]))), 0, 1))
    value = float((weight * rest).mean() + (y - weight * f).mean())
    imputed, rectifier = (weight * rest).std() / math.sqrt(unlabelled), (y - weight * f).std() / math.sqrt(n)
    return value, math.sqrt(imputed**2 + rectifier**2), weight


def test_a_sum_done_by_hand() -> None:
    """n = 100, N = 1000; means Y .7, f .75, F .7; V(Y) .21, V(f) .1875, C = .65 - .7 * .75 = .125.

    Of 1100 scores 775 pass: V_p = .704545 * .295455 * 1100 / 1099 = .208351; lambda = .125 / (1.1 * .208351) = .545409.
    value = .7 + .545409 * (.7 - .75) = .672729.
    se^2 = .297471 * .21 / 1000 + (.21 + .055776 - .136352) / 100 = .0013567.
    """
    found = ppi_mean([tables([[20, 10], [5, 65]], [300, 700])])
    assert found.weight == pytest.approx(0.545409, abs=1e-6)
    assert found.value == pytest.approx(0.672729, abs=1e-6)
    assert found.standard_error**2 == pytest.approx(0.0013567, abs=1e-7)
    assert found.variance_of_labels == pytest.approx(0.0021)


@pytest.mark.parametrize("errors", [0, 5])
def test_the_mean_of_items_that_are_nearly_all_labelled_is_nearly_known(errors: int) -> None:
    """Half items in each cell move it by .0009 with 1000 labels; the interval has a tenth of that width."""
    found = of_pass_fail([[50, errors], [errors, 950 - 2 * errors]], [1, 9]).corrected_mean
    assert found.lower is not None
    assert found.upper is not None
    assert found.value == pytest.approx((950 - errors + 9) / 1010, abs=0.001)
    assert found.lower <= (950 - errors + 9) / 1010 <= found.upper
    assert found.upper - found.lower < 0.005


def test_two_valued_scales_get_half_an_item_a_cell_in_every_term() -> None:
    """n = 102, 71 of them pass by the labels, 76 by the judge, 65.5 by both: C = 65.5 / 102 - 71 * 76 / 102^2.

    Of the 1100 items 1000 are left to chance; the interval takes the others' labels, 70 passes, as they are.
    """
    found = of_pass_fail([[20, 10], [5, 65]], [300, 700])
    n, my, mf = 102, 71 / 102, 76 / 102
    covariance = 65.5 / n - my * mf
    passes = (76 + 700) / 1102
    weight = covariance / ((1 + n / 1000) * passes * (1 - passes) * 1102 / 1101)
    variance = weight**2 * 0.21 / 1000 + (my * (1 - my) + weight**2 * mf * (1 - mf) - 2 * weight * covariance) / n
    slope = weight * (1 + n / 1000)
    of_these = (my * (1 - my) + slope**2 * mf * (1 - mf) - 2 * slope * covariance) / n * 1000 / 1100
    middle = (70 + 1000 * (slope * 0.7 + my - slope * mf)) / 1100
    assert found.method == "ppi++"
    assert found.reason is None
    assert found.corrected_mean.value == pytest.approx(weight * 0.7 + my - weight * mf, abs=1e-12)
    assert found.corrected_mean.lower == pytest.approx(middle - Z * math.sqrt(of_these), abs=1e-12)
    assert found.corrected_mean.upper == pytest.approx(middle + Z * math.sqrt(of_these), abs=1e-12)
    assert (found.labels, found.unlabelled) == (100, 1000)
    assert found.labels_worth.factor == pytest.approx(my * (1 - my) / n / variance)
    assert found.labels_worth.effective_labels == pytest.approx(100 * my * (1 - my) / n / variance)


def test_other_scales_get_nothing_added() -> None:
    labelled = [[5, 3, 1, 0, 0], [2, 9, 6, 1, 0], [0, 4, 12, 8, 1], [0, 0, 5, 15, 9], [0, 0, 1, 6, 12]]
    found, plain = (
        of_five(labelled, [50, 100, 200, 300, 150]),
        ppi_mean([tables(labelled, [50, 100, 200, 300, 150], FIVE)]),
    )
    assert found.corrected_mean.value == plain.value


cells = st.lists(st.integers(0, 9), min_size=9, max_size=9)


@given(
    cells, st.lists(st.integers(0, 50), min_size=3, max_size=3), st.sampled_from([(1, 2, 3), (0, 0.5, 3), (-1, 0, 1)])
)
def test_tables_give_what_the_rows_give(counts: list[int], unlabelled: list[int], values: Sequence[float]) -> None:
    counts, unlabelled = [counts[0] + 1, *counts[1:-1], counts[-1] + 1], [unlabelled[0] + 1, *unlabelled[1:]]
    table = np.array(counts).reshape(3, 3)
    y = np.repeat(np.repeat(values, 3), table.ravel())
    f = np.repeat(np.tile(values, 3), table.ravel())
    value, standard_error, weight = by_rows(y, f, np.repeat(values, unlabelled))
    found = ppi_mean([Tables(table, np.array(unlabelled), values, values)])
    assert found.value == pytest.approx(value, abs=1e-9)
    assert found.standard_error == pytest.approx(standard_error, abs=1e-9)
    assert found.weight == pytest.approx(weight, abs=1e-9)


def test_means_of_annotators_and_of_panels_are_values_like_others() -> None:
    """Rows 1, 1.5, 2 (two annotators' means) against columns 1, 4/3, 5/3, 2 (a panel of three)."""
    random = np.random.default_rng(3)
    human, judge = (1, 1.5, 2), (1, 4 / 3, 5 / 3, 2)
    table, rest = random.integers(1, 12, size=(3, 4)), random.integers(1, 99, size=4)
    y, f = np.repeat(np.repeat(human, 4), table.ravel()), np.repeat(np.tile(judge, 3), table.ravel())
    found = ppi_mean([Tables(table, rest, human, judge)])
    assert found[:3] == pytest.approx(by_rows(y, f, np.repeat(judge, rest)), abs=1e-12)


def test_annotators_who_disagree_make_half_a_pass() -> None:
    """(4 * 1/2 + 6) / 10 = .8, as 8 of 10; in a larger sample their halves count towards the rarer class."""
    few = Tables(np.array([[0, 0], [1, 3], [0, 6]]), np.array([0, 0]), (0, 0.5, 1), (0, 1))
    mean = estimate(few, (0, 1), pass_fail=True).corrected_mean
    assert (mean.value, mean.lower) == pytest.approx((0.8, 0.4902), abs=1e-4)
    halves = Tables(np.array([[3, 0], [2, 1], [0, 94]]), np.array([10, 90]), (0, 0.5, 1), (0, 1))
    assert estimate(halves, (0, 1), pass_fail=True).reason == "rare_class"  # 4.5 fails
    enough = Tables(np.array([[3, 0], [2, 2], [0, 93]]), np.array([10, 90]), (0, 0.5, 1), (0, 1))
    assert estimate(enough, (0, 1), pass_fail=True).method == "ppi++"  # 5


def test_a_judge_that_is_no_use_is_not_used() -> None:
    against = of_five([[0, 0, 0, 0, 20], [0] * 5, [0] * 5, [0] * 5, [40, 0, 0, 0, 0]], [500, 0, 0, 0, 500])
    assert against.method == "ppi++"
    assert against.corrected_mean.value == pytest.approx((20 + 200) / 60)
    assert against.labels_worth.factor == pytest.approx(1)
    constant = of_five([[0, 0, 0, 20, 0], [0] * 5, [0] * 5, [0] * 5, [0, 0, 0, 40, 0]], [0, 0, 0, 900, 0])
    assert constant.corrected_mean.value == pytest.approx((20 + 200) / 60)
    assert constant.judge_mean.value == 4


def test_labels_are_worth_as_much_as_the_judge_is_right() -> None:
    """With many unlabelled items the factor is 1 / (1 - R^2): here R^2 = .64 for symmetric errors of a tenth."""
    found = estimate(tables([[4500, 500], [500, 4500]], [5_000_000, 5_000_000]), (0, 1), pass_fail=True).labels_worth
    assert found.factor == pytest.approx(1 / (1 - 0.64), rel=0.01)
    assert found.effective_labels == pytest.approx(10_000 / 0.36, rel=0.01)


def test_a_perfect_judge_makes_every_item_a_label() -> None:
    """V(Y) / n over V(Y) / (n + N): 1 + N / n."""
    found = of_five(np.diag([20] * 5).tolist(), [180] * 5)
    assert found.labels_worth.factor == pytest.approx(10, rel=0.01)


@pytest.mark.parametrize(
    ("labelled", "unlabelled", "reason"),
    [
        ([[0, 0], [0, 0]], [10, 90], "no_labels"),
        ([[10, 5], [4, 30]], [10, 90], "few_labels"),  # 49
        ([[20, 10], [5, 65]], [0, 0], "no_unlabelled"),
        ([[4, 0], [0, 96]], [10, 90], "rare_class"),
        ([[90, 6], [0, 4]], [10, 90], "rare_class"),
        ([[5, 0], [0, 95]], [10, 90], None),
        ([[10, 5], [5, 30]], [10, 90], None),  # 50
    ],
)
def test_few_labels_speak_for_themselves(labelled: list[list[int]], unlabelled: list[int], reason: str | None) -> None:
    found = of_pass_fail(labelled, unlabelled)
    assert found.reason == reason
    assert found.method == ("ppi++" if reason is None else "labels_only")
    if reason is not None:
        assert found.labels_worth.effective_labels == found.labels


def test_a_share_of_labels_alone_has_wilsons_interval() -> None:
    """8 of 10: (.8 + 3.8415 / 20 +- 1.96 sqrt(.16 / 10 + 3.8415 / 400)) / 1.38415 = .4902, .9433."""
    mean = of_pass_fail([[2, 0], [0, 8]], [0, 0]).corrected_mean
    assert (mean.value, mean.lower, mean.upper) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)


def test_other_means_of_labels_alone_have_a_t_interval_with_pseudo_items() -> None:
    labelled = np.diag([7, 10, 13, 10, 7]).tolist()
    first = of_five(labelled, [0] * 5).corrected_mean
    assert first == of_five(labelled, [0] * 5).corrected_mean
    assert first.value == 3
    half = 2.0129 * math.sqrt((7 * 4 * 2 + 10 * 1 * 2) / 47 / 49)  # t of 46 degrees of freedom, two pseudo-items
    assert first.lower == pytest.approx(3 - half, abs=0.01)
    assert first.upper == pytest.approx(3 + half, abs=0.01)


def test_without_anything_there_is_no_mean() -> None:
    found = of_five([[0] * 5] * 5, [0] * 5)
    assert found.judge_mean == found.corrected_mean == Mean(value=None)
    assert found.labels_worth.factor is None
    assert (found.method, found.reason, found.labels_worth.effective_labels) == ("labels_only", "no_labels", 0)


def test_values_that_never_vary_have_an_interval_as_wide_as_the_scale_lets_unseen_ones_be() -> None:
    labelled = [[0] * 5, [0] * 5, [0] * 5, [0, 0, 20, 40, 20], [0] * 5]
    found = of_five(labelled, [100] * 5)
    assert (found.method, found.reason) == ("labels_only", "constant_labels")
    others = 1 - 80 / (80 + Z**2)  # 80 of 80 labels are 4: Wilson's upper end of the share of others
    assert found.corrected_mean.value == 4
    assert found.corrected_mean.lower == pytest.approx(4 - 3 * others)
    assert found.corrected_mean.upper == pytest.approx(4 + others)
    top = of_five([[0] * 5] * 5, [0, 0, 0, 0, 200]).judge_mean
    assert (top.value, top.upper) == (5, 5)
    assert top.lower == pytest.approx(5 - 4 * (1 - 200 / (200 + Z**2)))
    assert of_five([[0] * 5] * 5, [0, 0, 0, 0, 1]).judge_mean == Mean(value=5)


def test_the_judges_mean_is_over_all_its_scores() -> None:
    found = of_pass_fail([[20, 10], [5, 65]], [300, 700]).judge_mean
    assert (found.value, found.lower, found.upper) == pytest.approx((775 / 1100, 0.6769, 0.7308), abs=1e-4)  # Wilson


@pytest.mark.parametrize("scores", [20, 30, 50, 100])
@pytest.mark.parametrize(
    "shares", [(0.02, 0.03, 0.05, 0.1, 0.8), (0.6, 0.25, 0.12, 0.02, 0.01), (0.1, 0.2, 0.4, 0.2, 0.1)]
)
def test_the_interval_of_the_judges_mean_covers_that_of_all_that_it_could_judge(
    scores: int, shares: tuple[float, ...]
) -> None:
    """With the normal quantile and no pseudo-item it was .85 for 20 scores, most of them at an end."""
    true, held = float(np.dot(shares, range(1, 6))), []
    for drawn in np.random.default_rng(scores).multinomial(scores, shares, 500).tolist():
        found = of_five([[0] * 5] * 5, drawn).judge_mean
        assert found.lower is not None
        assert found.upper is not None
        held.append(found.lower - 1e-9 <= true <= found.upper + 1e-9)
    assert np.mean(held) > 0.92


@given(cells, st.lists(st.integers(0, 30), min_size=3, max_size=3), st.booleans())
def test_a_value_lies_in_its_interval_and_on_the_scale(counts: list[int], unlabelled: list[int], binary: bool) -> None:
    scale = (0, 1) if binary else (0, 1, 2)
    size = len(scale)
    table = np.array(counts).reshape(3, 3)[:size, :size]
    found = estimate(Tables(table, np.array(unlabelled[:size]), scale, scale), scale, pass_fail=binary)
    for mean in (found.judge_mean, found.corrected_mean):
        assert (mean.lower is None) == (mean.upper is None)
        if mean.lower is not None and mean.value is not None and mean.upper is not None:
            assert scale[0] <= mean.lower <= mean.value <= mean.upper <= scale[-1]
    assert (found.method == "ppi++") == (found.reason is None)
    assert found.labels >= LEAST_LABELS or found.method == "labels_only"


def test_windows_add() -> None:
    """Tables are sums: two halves together are the whole, whatever the order of their items."""
    halves = np.array([[9, 4], [2, 33]]), np.array([[11, 6], [3, 32]])
    whole = of_pass_fail((halves[0] + halves[1]).tolist(), [300, 700])
    assert whole == of_pass_fail((halves[1] + halves[0]).tolist(), [300, 700])
    assert whole == of_pass_fail([[20, 10], [5, 65]], [300, 700])


def covered(found: Estimate, truth: float) -> bool:
    mean = found.corrected_mean
    return mean.lower is not None and mean.upper is not None and mean.lower <= truth <= mean.upper


# Pass rate, sensitivity, specificity, labels: the cases of the specification's table.
TABLE = [
    (0.8, 0.9, 0.7, 100),
    (0.8, 0.9, 0.7, 300),
    (0.5, 0.85, 0.85, 100),
    (0.95, 0.95, 0.5, 100),
    (0.3, 0.7, 0.6, 100),
]


def drawn(passing: float, sensitivity: float, specificity: float, labels: int) -> Iterator[Tables]:
    """2000 samples of labelled items, each with 2000 unlabelled ones."""
    failing = [(1 - passing) * specificity, (1 - passing) * (1 - specificity)]
    chances = [*failing, passing * (1 - sensitivity), passing * sensitivity]
    judged = [chances[0] + chances[2], chances[1] + chances[3]]
    random = np.random.default_rng(11)
    labelled, rest = random.multinomial(labels, chances, size=2000), random.multinomial(2000, judged, size=2000)
    return (
        Tables(each.reshape(2, 2), unlabelled, (0, 1), (0, 1)) for each, unlabelled in zip(labelled, rest, strict=True)
    )


@pytest.mark.slow
@pytest.mark.parametrize(("passing", "sensitivity", "specificity", "labels"), TABLE)
def test_smoothed_intervals_hold_the_pass_rate(
    passing: float, sensitivity: float, specificity: float, labels: int
) -> None:
    halves = LabelledCells(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.full(4, 0.5))
    found = [ppi_mean([each], halves) for each in drawn(passing, sensitivity, specificity, labels)]
    coverage = np.mean([abs(each.value - passing) <= Z * each.standard_error for each in found])
    print(f"pass {passing}, {labels} labels: PPI++ coverage {coverage:.3f}")
    assert 0.90 <= coverage <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize(
    ("passing", "sensitivity", "specificity", "labels"),
    [*TABLE, (0.95, 0.95, 0.5, 30), (0.95, 0.95, 0.5, 50), (0.98, 0.95, 0.5, 50)],
)
def test_published_intervals_hold_the_pass_rate(
    passing: float, sensitivity: float, specificity: float, labels: int
) -> None:
    """No upper limit: where a class is rare, Wilson speaks for the odder samples, which errs on the safe side."""
    found = [estimate(each, (0, 1), pass_fail=True) for each in drawn(passing, sensitivity, specificity, labels)]
    coverage = np.mean([covered(each, passing) for each in found])
    print(f"pass {passing}, {labels} labels: coverage {coverage:.3f}")
    assert coverage >= 0.90


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.4, 0.9, 1.6])
@pytest.mark.parametrize("labels", [30, 50, 100, 300])
def test_intervals_of_a_mean_hold_it_whatever_the_judges_bias(noise: float, labels: int) -> None:
    random = np.random.default_rng(12)
    people = random.choice(FIVE, p=[0.1, 0.15, 0.25, 0.3, 0.2], size=400_000)
    judge = np.clip(np.round(people + 0.7 + random.normal(0, noise, size=people.size)), 1, 5).astype(int)
    chances = np.histogram2d(people, judge, bins=[np.arange(0.5, 6)] * 2)[0] / people.size
    truth = float(chances.sum(axis=1) @ FIVE)
    hits, factors = 0, np.zeros(1000)
    samples = zip(
        random.multinomial(labels, chances.ravel(), size=1000),
        random.multinomial(20 * labels, chances.sum(axis=0), size=1000),
        strict=True,
    )
    for index, (labelled, rest) in enumerate(samples):
        found = estimate(Tables(labelled.reshape(5, 5), rest, FIVE, FIVE), FIVE, pass_fail=False)
        hits += covered(found, truth)
        factors[index] = found.labels_worth.factor
    print(f"noise {noise}, {labels} labels: coverage {hits / 1000:.3f}, a label worth {np.median(factors):.2f}")
    assert 0.90 <= hits / 1000 <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("labels", [20, 30, 50, 100, 300])
@pytest.mark.parametrize("top", [0.8, 0.95])
def test_intervals_of_a_mean_hold_it_near_the_top_of_a_scale(top: float, labels: int) -> None:
    """The judge says what people say nine times of ten, else it is one step off. The truth is that of all items."""
    people = np.array([0.05, 0.1, 0.15, 0.7, 0.0]) * (1 - top)
    people[4] = top
    chances = near(people.tolist(), 0.9)
    random = np.random.default_rng(13)
    hits, intervals = 0, 0
    for _ in range(1000):
        labelled = random.multinomial(labels, chances.ravel()).reshape(5, 5)
        rest = random.multinomial(20 * labels, chances.ravel()).reshape(5, 5)
        found = estimate(Tables(labelled, rest.sum(axis=0), FIVE, FIVE), FIVE, pass_fail=False)
        intervals += found.corrected_mean.lower is not None
        every = (labelled + rest).sum(axis=1)
        hits += covered(found, float(every @ FIVE) / float(every.sum()))
    print(f"top {top}, {labels} labels: coverage {hits / intervals:.3f} of {intervals}")
    assert hits / intervals >= 0.90
