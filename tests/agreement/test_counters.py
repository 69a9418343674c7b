"""Counters read back are what the items are."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.agreement.axes import judge_axis, person_axis
from service.agreement.coding import Coding
from service.agreement.counters import (
    Agreed,
    read_agreed,
    read_ceiling,
    read_labelled,
    read_pairs,
    read_panel,
    read_seen,
)
from service.contracts.labels import Selection
from service.stats.coarse import MANY, as_names, binned, coarsened
from service.stats.duels import Alignment, duels_of
from service.stats.statistics import evaluate
from service.stats.table import Table
from tests.agreement.items import (
    ANY,
    FIVE,
    HALVES,
    OTHER,
    SERIES,
    STEPPED,
    WORDS,
    Item,
    added,
    by_annotator,
    counted,
    drawn_as,
    items,
    pairs_of,
    rows_of,
    scored,
)
from tests.stats.coincidences import coincidences_of
from tests.stats.duels import tally
from tests.stats.tables import drawn

few = settings(max_examples=25, deadline=None)
SOME = st.sampled_from([*STEPPED, ANY]).flatmap(lambda coding: st.tuples(st.just(coding), items(coding)))
STEPPED_SOME = st.sampled_from(STEPPED).flatmap(lambda coding: st.tuples(st.just(coding), items(coding)))


def same(one: Agreed, other: Agreed) -> bool:
    return (
        one.table.values == other.table.values
        and one.table.columns == other.table.columns
        and bool((one.table.counts == other.table.counts).all())
        and one[4:] == other[4:]
    )


@few
@given(SOME)
def test_random_and_targeted_labels_and_what_both_make_together_are_all(some: tuple[Coding, list[Item]]) -> None:
    coding, told = some
    mixed = counted(rows_of(coding, told))
    kept: list[tuple[Selection, str]] = [("random", "r"), ("targeted", "td"), ("all", "rtd")]
    for selection, how in kept:
        alone = counted(rows_of(coding, drawn_as(told, how, "r")))
        assert same(read_agreed(coding, mixed, selection), read_agreed(coding, alone, "random")), selection


@few
@given(STEPPED_SOME)
def test_the_table_is_that_of_the_pairs(some: tuple[Coding, list[Item]]) -> None:
    coding, told = some
    found = read_agreed(coding, counted(rows_of(coding, told)), "random")
    expected = Table.from_pairs(coding.values or (), pairs_of(told))
    assert (found.table.values, found.table.columns) == (expected.values, expected.columns)
    assert found.table.counts.tolist() == expected.counts.tolist()
    judged = [item for item in told if item.judge is not None]
    assert found.items == sum(any(how == "r" for _, how in item.people.values()) for item in judged)
    names = {name for item in judged for name, (_, how) in item.people.items() if how == "r"}
    assert found.annotators == len(names)
    lengths = Counter(item.length for item in judged for _, how in item.people.values() if how == "r")
    assert Counter(dict(enumerate(np.bincount(found.cells.length, found.cells.counts)))) == lengths


@few
@given(STEPPED_SOME)
def test_the_duels_are_those_of_the_items(some: tuple[Coding, list[Item]]) -> None:
    coding, told = some
    labels = by_annotator(told, "rtd")
    code = {value: float(place) for place, value in enumerate(coding.values or ())}
    numbers = code if coding.is_words else {value: float(value) for value in coding.values or ()}
    items_of = [
        duels_of(
            numbers[item.judge],
            {name: numbers[said[row]] for name, said in labels.items() if said[row] is not None},
            Alignment.ACCURACY if coding.is_words else Alignment.RMSE,
        )
        for row, item in enumerate(told)
        if item.judge is not None
    ]
    found = read_agreed(coding, counted(rows_of(coding, told)), "all").wins
    assert found == dict(sorted(tally(items_of).items()))


@few
@given(STEPPED_SOME)
def test_coincidences_are_those_of_the_annotators_and_of_the_models(some: tuple[Coding, list[Item]]) -> None:
    coding, told = some
    rows, values = rows_of(coding, told), list(coding.values or ())
    for selection, how in (("random", "r"), ("all", "rtd")):
        labels = by_annotator(told, how)
        places = [
            [None if said[row] is None else values.index(said[row]) for said in labels.values()]
            for row in range(len(told))
        ]
        found = read_ceiling(coding, counted(rows, "ceiling", ""), "all" if selection == "all" else "random")
        expected = coincidences_of(places, len(values))
        assert found.axis.values == tuple(values)
        assert {m: pairs.tolist() for m, pairs in found.coincidences.items()} == {
            m: pairs.tolist() for m, pairs in expected.items()
        }
        assert found.items == sum(sum(place is not None for place in row) > 1 for row in places)
    models = [[None if v is None else values.index(v) for v in (item.judge, item.other)] for item in told]
    panel = read_panel(coding, counted(rows, "panel", "judge@1"))
    expected = coincidences_of(models, len(values))
    assert {m: pairs.tolist() for m, pairs in panel.coincidences.items()} == {
        m: pairs.tolist() for m, pairs in expected.items()
    }


@few
@given(STEPPED_SOME)
def test_two_series_meet_with_the_other_in_the_rows(some: tuple[Coding, list[Item]]) -> None:
    coding, told = some
    fields = counted(rows_of(coding, told), "between", f"{OTHER}|{SERIES}")  # large sorts before small
    met = [(item.judge, item.other) for item in told if item.judge is not None and item.other is not None]
    table = read_pairs(coding, fields, transposed=False).table
    assert table.counts.tolist() == Table.from_pairs(coding.values or (), met).counts.tolist()
    assert read_pairs(coding, fields, transposed=True).table.counts.tolist() == table.counts.T.tolist()


def test_what_a_series_did_is_told_by_its_events() -> None:
    fields = {
        "outcome\tscored\t": 5,
        "outcome\tunscored\trefused": 2,
        "score\t4\t3": 4,
        "score\t2\t13": 1,
        "repeat\t4\t2": 1,
        "rest\t4": 3,
    }
    seen = read_seen(FIVE, fields)
    assert seen.outcomes == {("scored", ""): 5, ("unscored", "refused"): 2}
    assert (seen.scores[3, 3], seen.scores[1, 13], seen.scores.sum()) == (4, 1, 5)
    assert (seen.repeats[3, 1], seen.repeats.sum()) == (1, 1)
    assert not seen.orders.any()
    words = read_seen(WORDS, {"orders\tA\tB": 2, "orders\ttie\ttie": 5})
    assert words.orders.tolist() == [[0, 0, 2], [0, 5, 0], [0, 0, 0]]


def test_means_and_the_rest_are_those_of_random_labels() -> None:
    told = [
        Item({"ann": (4, "r"), "d": (5, "r")}, 3),
        Item({"d": (1, "t")}, 2),
        Item({}, 5),
        Item({"d": (1, "r")}, None),
    ]
    [found] = read_labelled(counted(rows_of(FIVE, told)), scored(FIVE, told)).values()
    by_doubt = [Item({"ann": (2, "d"), "d": (4, "d")}, 4), Item({"ann": (2, "d"), "d": (4, "r")}, 5, doubt=1)]
    agreed = counted(rows_of(FIVE, [*told, *by_doubt]))
    assert [each.means for each in read_labelled(agreed, {}).values()] == [
        {(4.5, "3"): 1, (3.0, "4"): 1},
        {(3.0, "5"): 1},
    ]
    assert found.means == {(4.5, "3"): 1}
    assert found.rest == {"2": 1, "5": 1}


def test_a_judge_between_the_levels_has_its_own_columns() -> None:
    told = [Item({"ann": (4, "r")}, 11 / 3), Item({"ann": (1, "r")}, 2), Item({"ann": (5, "r")}, 14 / 3)]
    found = read_agreed(FIVE, counted(rows_of(FIVE, told)), "random")
    assert found.table.values == (1, 2, 3, 4, 5)
    assert found.table.columns == pytest.approx((2, 11 / 3, 14 / 3), abs=1e-9)
    assert found.moments is None


def test_without_steps_both_sides_have_what_was_said() -> None:
    told = [Item({"ann": (2.5, "r")}, 7.3), Item({"ann": (9.99, "r")}, 2.5)]
    found = read_agreed(ANY, counted(rows_of(ANY, told)), "random")
    assert ANY.grid == pytest.approx(0.02)
    assert found.table.values == pytest.approx((2.5, 10))  # 9.99 is nearest to two points of the grid
    assert found.table.columns == pytest.approx((2.5, 7.3))
    assert found.moments is not None
    assert (found.moments.n, found.moments.x) == (2, round(12.49 / ANY.unit))
    nothing = read_agreed(ANY, {}, "random")
    assert (nothing.table.values, nothing.table.pairs) == ((0, 10), 0)


def test_what_cant_be_is_left_out() -> None:
    fields = {"pair\tr\t4\t4\t0\t": 2, "pair\tr\t9\t4\t0\t": 1, "pair\tr\tx\t4\t0\t": 1, "pair\tr\t3.5\t4\t0\t": 1}
    fields |= {"pair\tr\t3\tnan\t0\t": 1, "pair\tr\t3\t3\t0\t": -1}
    assert read_agreed(FIVE, fields, "random").table.counts.sum() == 2
    assert read_agreed(WORDS, {"pair\tr\tA\tC\t0\t": 1, "pair\tr\tA\tB\t0\t": 1}, "random").table.pairs == 1


def test_a_label_beside_its_level_is_on_it() -> None:
    assert person_axis(HALVES, ["0.5000001", "-1", "0.26"]).places == {"0.5000001": 3, "-1": 0}
    assert judge_axis(HALVES, ["0.5", "0.26"]).values == (0.26, 0.5)


@few
@given(SOME, st.integers(0, 12))
def test_windows_add(some: tuple[Coding, list[Item]], at: int) -> None:
    coding, told = some
    parts = [counted(rows_of(coding, part)) for part in (told[:at], told[at:])]
    assert same(read_agreed(coding, added(parts), "all"), read_agreed(coding, counted(rows_of(coding, told)), "all"))


class TestCoarserForms:
    @given(st.lists(st.integers(0, 9), min_size=2, max_size=120), st.integers(1, 41))
    def test_bins_are_few_and_in_order_and_keep_the_mean(self, counts: list[int], most: int) -> None:
        values, said = np.arange(len(counts)) / 3, np.array(counts)
        places, means = binned(values, said, most)
        assert len(means) <= most
        assert (np.diff(places) >= 0).all()
        kept = np.bincount(places, said, minlength=len(means))
        assert kept.sum() == said.sum()
        if said.any():
            assert (kept > 0).all()
            assert (np.diff(means) > 0).all()
            assert kept @ means == pytest.approx(said @ values)

    def test_a_table_of_a_hundred_values_becomes_one_of_twelve_that_says_about_the_same(self) -> None:
        fine = drawn(1, 101, 5000)
        coarse = coarsened(fine)
        assert len(coarse.values) <= MANY
        assert coarse.values == coarse.columns
        names = ["pearson", "spearman", "kendall_tau_b", "krippendorff_alpha_ordinal"]
        one, other = evaluate(fine, names), evaluate(coarse, names)
        assert [one[name].value for name in names] == pytest.approx([other[name].value for name in names], abs=0.025)

    def test_names_keep_what_is_equal(self) -> None:
        fine = drawn(2, 101, 5000)
        assert evaluate(fine, ["exact"]) == evaluate(as_names(fine), ["exact"])
        few_values = drawn(3, 5, 100)
        assert as_names(few_values) is coarsened(few_values) is few_values
