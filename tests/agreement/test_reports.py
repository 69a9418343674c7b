"""From items by way of counters to reports: what comes out is what the raw pairs say."""

import math
from collections.abc import Iterable
from itertools import permutations
from typing import Any

import krippendorff
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from service.agreement.coding import Coding
from service.agreement.counters import read_agreed
from service.agreement.reports import (
    headline_statistics,
    human_ceiling,
    measure_table,
    sampling_design,
)
from service.contracts.labels import Selection
from service.stats.duels import Alignment
from service.stats.flags import Flag
from service.stats.influence import influences, smoothed
from service.stats.intervals import Measure, measure
from service.stats.statistics import evaluate
from service.stats.table import Table
from service.stats.undefined import Undefined
from tests.agreement.items import (
    ANNOTATORS,
    ANY,
    FIVE,
    STEPPED,
    WORDS,
    ZERO_ONE,
    Item,
    by_annotator,
    counted,
    drawn_as,
    items,
    pairs_of,
    redrawn,
    report,
    rows_of,
    simulated,
)
from tests.stats.duels import alt_test_of
from tests.stats.oracles import binary_from_libraries, from_libraries, quietly

few = settings(max_examples=20, deadline=None)
SOME = st.sampled_from([*STEPPED, ANY]).flatmap(lambda coding: st.tuples(st.just(coding), items(coding)))
STEPPED_SOME = st.sampled_from(STEPPED).flatmap(lambda coding: st.tuples(st.just(coding), items(coding)))


def numbers_in(found: Any) -> Iterable[float]:
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, list):
        for each in found:
            yield from numbers_in(each)
    elif isinstance(found, float):
        yield found


@few
@given(SOME, st.sampled_from(["random", "targeted", "all"]))
def test_whatever_there_is_the_report_is_finite_and_says_why_not(
    some: tuple[Coding, list[Item]], selection: Selection
) -> None:
    found = report(*some, selection)
    assert all(math.isfinite(each) for each in numbers_in(msgspec.to_builtins(found)))
    for each in (*found.statistics.values(), *found.human_ceiling.statistics.values()):
        assert (each.lower is None or each.value is None) == (each.reason is not None)
        if each.value is not None and each.lower is not None and each.upper is not None:
            assert each.lower <= each.value <= each.upper
    assert found.coverage.judged == sum(item.judge is not None for item in some[1])


@few
@given(STEPPED_SOME)
def test_statistics_are_those_of_the_raw_pairs(some: tuple[Coding, list[Item]]) -> None:
    coding, told = some
    for selection, how in (("random", "r"), ("all", "rtd")):
        table = Table.from_pairs(coding.values or (), pairs_of(told, how))
        found = report(coding, told, "all" if selection == "all" else "random")
        values = {name: (each.value, each.reason) for name, each in found.statistics.items() if each.value is None}
        expected = evaluate(table)
        assert found.pairs == table.pairs
        assert found.table.counts == table.counts.tolist()
        assert list(found.statistics) == list(expected)
        assert values == {name: tuple(each) for name, each in expected.items() if each.value is None}
        assert [each.value for each in found.statistics.values()] == [each.value for each in expected.values()]


@pytest.mark.parametrize(("coding", "seed"), [(FIVE, 1), (FIVE, 2), (ZERO_ONE, 3)])
def test_statistics_are_those_of_scipy_scikit_learn_and_krippendorff(coding: Coding, seed: int) -> None:
    told = simulated(seed, 80, 3, highest=coding.scale.max)
    table = Table.from_pairs(coding.values or (), pairs_of(told))
    oracles = from_libraries(table) | (binary_from_libraries(table) if coding is ZERO_ONE else {})
    found = report(coding, told)
    for name, oracle in oracles.items():
        assert found.statistics[name].value == pytest.approx(quietly(oracle), abs=1e-9), name


def test_one_rater_an_item_has_the_intervals_of_the_table() -> None:
    told = simulated(4, 120, 1)
    found = report(FIVE, told)
    assert sampling_design(FIVE, read_agreed(FIVE, counted(rows_of(FIVE, told)), "random")) is None
    assert found.statistics == measure(Table.from_pairs((1, 2, 3, 4, 5), pairs_of(told)))


def test_several_raters_an_item_widen_every_interval_by_its_own_design_effect() -> None:
    told = simulated(5, 100, 4)
    against = read_agreed(FIVE, counted(rows_of(FIVE, told)), "random")
    design = sampling_design(FIVE, against)
    assert design is not None
    assert (design.worth, design.same_for_all) == (100, 4)
    found, naive = report(FIVE, told).statistics, measure(against.table)
    wider = {name: (width(found[name]) / width(naive[name])) ** 2 for name in found}
    assert all(1 <= each < 4.3 for each in wider.values()), wider
    of_pairs = influences(smoothed(against.table), ["bias", "spearman"])
    for name, influence in of_pairs.items():
        effect = design.effect(against.table, influence.cells)
        assert wider[name] == pytest.approx(effect, rel=0.15)
        assert effect == pytest.approx(by_items(told, influence.cells), rel=0.15)


def by_items(told: list[Item], cells: np.ndarray) -> float:
    """The design effect from the items themselves."""
    rows = [[cells[int(v) - 1, int(item.judge or 0) - 1] for v, _ in item.people.values()] for item in told]
    mean = np.mean([each for row in rows for each in row])
    sums = [sum(each - mean for each in row) for row in rows]
    return float(np.square(sums).sum() / sum((each - mean) ** 2 for row in rows for each in row))


def test_raters_that_only_repeat_each_other_are_worth_one() -> None:
    alone = simulated(6, 200, 1)
    told = [item._replace(people=dict.fromkeys(ANNOTATORS, item.people["ann"])) for item in alone]
    one, four = report(FIVE, alone).statistics, report(FIVE, told).statistics
    for name in ("pearson", "bias", "cohen_kappa_quadratic", "exact"):
        assert width(four[name]) == pytest.approx(width(one[name]), rel=0.03), name
    words = [Item(dict.fromkeys(ANNOTATORS, ("A", "r")), "A" if row % 3 else "B") for row in range(90)]
    design = sampling_design(WORDS, read_agreed(WORDS, counted(rows_of(WORDS, words)), "random"))
    assert design is not None
    assert design.worth == pytest.approx(90)


def width(each: Measure) -> float:
    assert each.lower is not None
    assert each.upper is not None
    return each.upper - each.lower


@few
@given(STEPPED_SOME)
def test_the_alternative_annotator_test_is_that_of_the_rows(some: tuple[Coding, list[Item]]) -> None:
    coding, told = some
    code = {value: float(place if coding.is_words else value) for place, value in enumerate(coding.values or ())}
    told = told * 8
    labels = {name: [None if v is None else code[v] for v in said] for name, said in by_annotator(told).items()}
    judge = [None if item.judge is None else code[item.judge] for item in told]
    expected = alt_test_of(judge, labels, Alignment.ACCURACY if coding.is_words else Alignment.RMSE)
    assert report(coding, told).alt_test == expected


@pytest.mark.parametrize("seed", range(4))
def test_the_ceiling_is_krippendorffs_over_all_annotators(seed: int) -> None:
    random = np.random.default_rng(seed)
    told = [
        item._replace(people={k: v for k, v in item.people.items() if random.random() < 0.7})
        for item in simulated(seed, 60, 4)
    ]
    found = report(FIVE, told).human_ceiling
    said = [[math.nan if v is None else v for v in each] for each in by_annotator(told).values()]
    for level in ("nominal", "ordinal", "interval"):
        expected = krippendorff.alpha(np.array(said, dtype=float), level_of_measurement=level, value_domain=range(1, 6))
        each = found.statistics[f"krippendorff_alpha_{level}"]
        assert each.value == pytest.approx(expected, abs=1e-9)
        assert (each.lower or 1) < (each.value or 0) < (each.upper or 0)
    assert found.items == sum(len(item.people) > 1 for item in told)
    assert found.leave_one_out.ratings == sum(len(item.people) for item in told if len(item.people) > 1)
    ordered = [both for item in told for both in permutations([value for value, _ in item.people.values()], 2)]
    one, other = zip(*ordered, strict=True)
    assert found.statistics["pearson"].value == pytest.approx(float(stats.pearsonr(one, other).statistic), abs=1e-9)
    assert found.statistics["bias"].value == 0


def test_without_two_annotators_the_ceiling_is_null_with_a_reason() -> None:
    for coding, told in ((FIVE, simulated(1, 40, 1)), (WORDS, [Item({"d": ("A", "r")}, "B")]), (ANY, [])):
        found = report(coding, told).human_ceiling
        assert (found.pairs, found.items) == (0, 0)
        assert {each.reason for each in found.statistics.values()} <= {
            Undefined.NO_PAIRS,
            Undefined.FRACTIONAL,
            Undefined.NO_STEP,
        }
        assert found.leave_one_out.pearson.value is None


def test_means_of_a_panel_are_exact_whatever_fractions_they_are() -> None:
    random = np.random.default_rng(7)
    told = [
        item._replace(judge=float(np.mean(np.clip(int(item.judge or 0) + random.integers(-1, 2, 3), 1, 5))))
        for item in simulated(7, 150, 2)
    ]
    found = report(FIVE, told)
    human, judge = (np.array(side, dtype=float) for side in zip(*pairs_of(told), strict=True))
    assert found.table.columns is not msgspec.UNSET
    assert found.table.columns == pytest.approx(np.unique(np.round(judge, 9)))
    assert found.resolution is None
    expected = {
        "pearson": stats.pearsonr(human, judge).statistic,
        "spearman": stats.spearmanr(human, np.round(judge, 9)).statistic,
        "kendall_tau_b": stats.kendalltau(human, np.round(judge, 9)).statistic,
        "bias": np.mean(judge - human),
        "mae": np.mean(np.abs(judge - human)),
        "within_one": np.mean(np.abs(judge - human) <= 1 + 1e-9),
    }
    for name, value in expected.items():
        assert found.statistics[name].value == pytest.approx(float(value), abs=1e-9), name
    assert found.statistics["cohen_kappa_quadratic"].reason is Undefined.FRACTIONAL


@pytest.mark.parametrize(("coding", "expected"), [(ANY, False), (FIVE, True)])
def test_scores_without_steps_keep_their_moments_and_nearly_their_ranks(coding: Coding, expected: bool) -> None:
    random = np.random.default_rng(8)
    quality = random.uniform(0.2, 0.8, 600)
    low, high = coding.scale.min, coding.scale.max
    judged = low + (high - low) * np.clip(quality + 0.1 * random.standard_normal(600), 0, 1)
    people = low + (high - low) * np.clip(quality + 0.15 * random.standard_normal(600), 0, 1)
    if coding is FIVE:
        people = np.round(people)
    told = [Item({"d": (float(h), "r")}, float(j)) for h, j in zip(people, judged, strict=True)]
    found = report(coding, told, expected=expected)
    assert found.resolution == coding.grid
    value = {name: each.value for name, each in found.statistics.items()}
    within = 1e-6 if coding is ANY else 5e-6  # of 1 to 5 there are fewer units
    assert value["pearson"] == pytest.approx(float(stats.pearsonr(people, judged).statistic), abs=within)
    assert value["bias"] == pytest.approx(float(np.mean(judged - people)), abs=coding.unit)
    assert value["mae"] == pytest.approx(float(np.mean(np.abs(judged - people))), abs=coding.unit)
    assert value["rmse"] == pytest.approx(float(np.sqrt(np.mean((judged - people) ** 2))), abs=coding.unit)
    moved = (people.mean() - judged.mean()) ** 2
    ccc = 2 * np.cov(people, judged, ddof=0)[0, 1] / (people.var() + judged.var() + moved)
    assert value["lin_ccc"] == pytest.approx(float(ccc), abs=within)
    assert value["spearman"] == pytest.approx(float(stats.spearmanr(people, judged).statistic), abs=1e-3)
    assert found.statistics["cohen_kappa"].reason is Undefined.FRACTIONAL
    assert (found.statistics["within_one"].reason is Undefined.NO_STEP) == (coding is ANY)
    # about Fisher's interval, which holds for scores as even as these
    middle, reach = math.atanh(value["pearson"] or 0), 1.96 / math.sqrt(597)
    assert found.statistics["pearson"].lower == pytest.approx(math.tanh(middle - reach), abs=0.02)
    assert found.statistics["pearson"].upper == pytest.approx(math.tanh(middle + reach), abs=0.02)


def test_intervals_of_a_coarser_table_are_about_as_wide() -> None:
    coding = Coding(msgspec.structs.replace(FIVE.scale, min=0, max=100))
    quality = np.random.default_rng(1).standard_normal((2, 800))
    sides = np.clip(np.round(60 + 15 * quality[0] + [[0], [8]] * quality), 0, 100).astype(int)
    pairs = list(zip(*sides.tolist(), strict=True))
    table = Table.from_pairs(coding.values or (), pairs)
    names = ["spearman", "kendall_tau_b", "mae", "cohen_kappa", "cohen_kappa_quadratic", "gwet_ac1"]
    found = measure_table(coding, table, names)
    random = np.random.default_rng(2)
    drawn = [
        Table.from_pairs(coding.values or (), [pairs[i] for i in random.integers(800, size=800)]) for _ in range(80)
    ]
    for name in names:
        values = [evaluate(each, [name])[name].value for each in drawn]
        assert width(found[name]) == pytest.approx(3.92 * float(np.std(np.array(values, dtype=float))), rel=0.3), name


def test_a_headline_is_a_part_of_the_report() -> None:
    told = simulated(9, 50, 2)
    names = ["exact", "spearman", "bias"]
    pairs, found = headline_statistics(FIVE, counted(rows_of(FIVE, told)), names)
    whole = report(FIVE, told)
    assert pairs == whole.pairs == 100
    assert found == {name: whole.statistics[name] for name in names}
    alone = human_ceiling(FIVE, counted(rows_of(FIVE, told), "ceiling", ""), "random", names).statistics
    assert alone == {name: whole.human_ceiling.statistics[name] for name in names}
    _, words = headline_statistics(WORDS, {"pair\tr\tA\tB\t0\t": 3}, ["pearson", "exact"])
    assert words["pearson"].reason is Undefined.NOT_FOR_WORDS
    assert words["exact"].value == 0


def test_a_judge_that_always_says_the_same_is_told_so() -> None:
    told = [item._replace(judge=4) for item in simulated(10, 60, 1)]
    found = report(FIVE, told)
    assert Flag.JUDGE_CONSTANT in found.flags
    assert found.statistics["pearson"].reason is Undefined.JUDGE_CONSTANT
    assert found.bias.length_correlation is None
    assert found.disattenuated_pearson.reason == "no_pairs"


def test_reports_are_additive_and_their_targeted_labels_apart() -> None:
    told = simulated(11, 60, 3)
    mixed = redrawn(told, ["r", "t", "r"])
    assert report(FIVE, mixed, "all") == report(FIVE, told, "random")
    assert report(FIVE, mixed, "targeted") == msgspec.structs.replace(
        report(FIVE, drawn_as(mixed, "t", "r"), "random"), coverage=report(FIVE, mixed).coverage
    )
