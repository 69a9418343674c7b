"""The contributions of items to the counters: by hand, and against a plain recount of any items."""

from collections import Counter
from itertools import combinations
from urllib.parse import quote, unquote

import krippendorff
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.agreement.coding import Coding
from service.agreement.contributions import (
    COUNTER_KINDS,
    HOUR_MS,
    CodedItem,
    CounterGroup,
    contribution,
    difference,
    total,
    without_zeros,
)
from service.agreement.reports import panel_alpha
from service.contracts.names import quoted, unquoted
from tests.agreement.items import (
    ANY,
    FIVE,
    GRADES,
    OTHER,
    SERIES,
    STEPPED,
    WORDS,
    Item,
    added,
    counted,
    items,
    judged,
    label,
    rows_of,
    sum_of,
)
from tests.agreement.recounting import recount

few = settings(max_examples=30, deadline=None)
SOME = st.sampled_from([*STEPPED, ANY]).flatmap(lambda coding: st.tuples(st.just(coding), items(coding)))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_text_is_encoded_as_in_addresses(text: str) -> None:
    assert quoted(text) == quote(text, safe="")
    assert unquoted(quoted(text)) == text == unquote(quoted(text))


def test_an_item_done_by_hand() -> None:
    """Two random labels 4 and 2 and a targeted 5; the judge says 4. Per cent of the range: 75, 25, 100 and 75."""
    item = Item({"ann": (4, "r"), "b/ö": (2, "r"), "d": (5, "t")}, 4, None, 9, "y")
    fields = counted(rows_of(FIVE, [item]))
    sums = {name: count for name, count in fields.items() if name.startswith("cluster")}
    assert {name: count for name, count in fields.items() if name not in sums} == {
        "pair\tr\t4\t4\t9\ty": 1,
        "pair\tr\t2\t4\t9\ty": 1,
        "pair\tt\t5\t4\t9\ty": 1,
        "annotator\tr\tann": 1,
        "annotator\tr\tb%2F%C3%B6": 1,
        "annotator\tt\td": 1,
        "item\tr": 1,
        "item\tt": 1,
        "item\tx": -1,  # one item in all
        "drawn\t0": 1,
        "mean\t3\t4": 1,
        # to b's 2 the judge's 4 is as far as ann's 4, to ann's 4 nearer than b
        "duel\tr\tann\t0": 1,
        "duel\tr\tb%2F%C3%B6\t-1": 1,
        # of all three, ann (4 + 1 against 4 + 1) and b (0 + 1 against 4 + 9) stay as they are; d is 1 + 9 against 0 + 4
        "duel\tx\td\t-1": 1,
        # both random labels beside each other, and of all three those with the targeted one
        **{f"rater\tr\t{one}\t4\t{other}": 1 for one, other in ((4, 2), (2, 4))},
        **{f"rater\tx\t{one}\t4\t{other}": 1 for one, other in ((4, 5), (5, 4), (2, 5), (5, 2))},
        "rater_items\tr\titems": 1,
        "rater_items\tr\tsquares": 2**2,
        "rater_items\tx\tsquares": 6**2 - 2**2,  # one item in all
    }
    assert [sums[f"cluster\tr\tp{place}"] for place in range(6)] == [2, 100, 150, 75**2 + 25**2, 2 * 75**2, 75 * 100]
    assert [sums[f"cluster\tr\te{place}"] for place in range(5)] == [2, 1, 4, 2, 1]
    assert [sums.get(f"cluster\tt\te{place}", 0) for place in range(5)] == [1, 0, 1, 0, 0]
    assert [sums.get(f"cluster\tx\te{place}", 0) for place in range(5)] == [0, 0, 9 - 4 - 1, 3 - 2, 1 - 1]


def test_labels_drawn_by_doubt_count_with_their_items_level_and_those_picked_by_hand_do_not() -> None:
    item = Item({"ann": (4, "d"), "bob": (2, "t"), "d": (5, "r")}, 4, doubt=3)
    fields = counted(rows_of(FIVE, [item]))
    wanted = ("pair", "annotator", "drawn", "mean", "item")
    assert {name: count for name, count in fields.items() if name.split("\t")[0] in wanted} == {
        "pair\td\t4\t4\t0\t\t3": 1,
        "pair\tt\t2\t4\t0\t": 1,
        "pair\tr\t5\t4\t0\t\t3": 1,
        "annotator\td\tann": 1,
        "annotator\tt\tbob": 1,
        "annotator\tr\td": 1,
        "drawn\t3": 1,
        "mean\t4.5\t4\t3": 1,
        "item\tr": 1,
        "item\tt": 1,
        "item\tx": -1,
    }
    assert counted(rows_of(FIVE, [item]), "seen") == {}
    by_hand = rows_of(FIVE, [Item({"bob": (2, "t")}, 4, doubt=3)])
    assert counted(by_hand, "seen") == {"rest\t4\t3": 1}
    assert not [name for name in counted(by_hand) if name.startswith(("drawn", "mean"))]


def test_moments_are_whole_units_where_the_score_need_not_be_on_a_level() -> None:
    """Of 1 to 5 a unit is .0001; the judge's 3.33333 is 23333 of them, the label 4 is 30000."""
    assert FIVE.unit == pytest.approx(1e-4)
    fields = counted(rows_of(FIVE, [Item({"d": (4, "t")}, 3.33333)], expected=True))
    moments = {name: count for name, count in fields.items() if name.startswith("moment")}
    sums = {"n": 1, "x": 30000, "y": 23333, "xx": 30000**2, "yy": 23333**2, "xy": 30000 * 23333, "ad": 6667}
    assert moments == {f"moment\tt\t{name}": count for name, count in sums.items()}


def test_labels_of_other_contents_and_off_the_scale_count_nowhere() -> None:
    item = CodedItem(
        labels={
            "a": msgspec.structs.replace(label(FIVE, 4), is_off_scale=True),
            "b": label(FIVE, 4, content="c0"),
            "c": label(FIVE, 4, content=""),
        },
        scores={"c1": {SERIES: judged(FIVE, 4, at_ms=7 * HOUR_MS)}},
        first_label_ms=3 * HOUR_MS,
    )
    assert contribution(item) == {
        CounterGroup("ceiling", "", 3): {"item\tr": 2},
        CounterGroup("seen", SERIES, 7): {"rest\t4": 1},
        CounterGroup("labels", "", 3): {
            "label\tall": 3,
            "label\tunmatched": 1,
            "label\toff_scale": 1,
            "label\tearlier": 1,
        },
    }


def test_a_pair_is_in_the_hour_of_its_judgment_and_a_meeting_in_that_of_the_later_one() -> None:
    item = CodedItem(
        labels={"a": label(FIVE, 4)},
        scores={
            "c1": {SERIES: judged(FIVE, 4, at_ms=7 * HOUR_MS), OTHER: judged(FIVE, 2, at_ms=10 * HOUR_MS - 1)},
        },
        first_label_ms=4 * HOUR_MS - 1,
    )
    found = contribution(item)
    assert found.keys() == {
        ("agreed", SERIES, 7),
        ("agreed", OTHER, 9),
        ("ceiling", "", 3),
        ("labels", "", 3),
        ("between", f"{OTHER}|{SERIES}", 9),
        ("panel", "judge@1", 9),
    }
    assert found[CounterGroup("between", f"{OTHER}|{SERIES}", 9)] == {"pair\t2\t4": 1}
    assert found[CounterGroup("panel", "judge@1", 9)] == {"coders\t2\t2\t4": 1}


@few
@given(st.lists(st.dictionaries(st.sampled_from("abcde"), st.integers(1, 5)), min_size=1, max_size=12))
def test_the_alpha_of_panels_with_missing_members_is_that_of_the_library(panels: list[dict[str, int]]) -> None:
    """As it is when members come one after the other, each as a change of the item."""
    counters: Counter[str] = Counter()
    for members in panels:
        item = CodedItem()
        for name, value in members.items():
            scores = item.scores.get("c1", {}) | {f"judge@1 openai/{name}": judged(FIVE, value)}
            after = msgspec.structs.replace(item, scores={"c1": scores})
            counters.update(total([difference(contribution(item), contribution(after))], "panel", "judge@1"))
            item = after
    found = panel_alpha(FIVE, without_zeros(counters)).value
    values = np.array([[members.get(name, np.nan) for members in panels] for name in "abcde"])
    expected = krippendorff_alpha(values)
    assert found == (None if expected is None else pytest.approx(expected))


def krippendorff_alpha(values: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> float | None:
    """Coders x items, ordinal; None if it is undefined."""
    pairable = values[:, (~np.isnan(values)).sum(axis=0) > 1]
    if len(np.unique(pairable[~np.isnan(pairable)])) < 2:
        return None
    return float(krippendorff.alpha(pairable, level_of_measurement="ordinal", value_domain=[1, 2, 3, 4, 5]))


def test_a_label_worth_no_number_has_no_mean_and_grades_have() -> None:
    grades = counted(rows_of(GRADES, [Item({"ann": ("good", "r"), "d": ("fair", "r")}, "poor")]))
    assert grades["mean\t2.75\tpoor"] == 1
    words = counted(rows_of(WORDS, [Item({"ann": ("A", "r")}, "A")]))
    assert not [name for name in words if name.startswith("mean")]


@few
@given(SOME)
def test_any_items_contribute_as_much_as_a_plain_recount_finds(some: tuple[Coding, list[Item]]) -> None:
    """The baselines of every second item are known: the last judge's score and the first's stand for them."""
    coding, given_items = some
    rows = [with_baselines(row) if place % 2 else row for place, row in enumerate(rows_of(coding, given_items))]
    assert {tuple(group): fields for group, fields in sum_of(rows).items()} == recount(rows, COUNTER_KINDS)


def with_baselines(row: CodedItem) -> CodedItem:
    """The item with the scores of its judges as those of the baselines, if it has any."""
    scores = row.scores["c1"]
    given = [*scores.values()]
    known = {f"judge@1 ~{name}": each for name, each in zip(("length", "overlap"), given[::-1] * 2, strict=False)}
    return msgspec.structs.replace(row, scores={"c1": {**scores, **known}})


@few
@given(SOME)
def test_pairs_annotators_and_meetings_are_those_of_the_rows(some: tuple[Coding, list[Item]]) -> None:
    coding, given_items = some
    rows = rows_of(coding, given_items)
    pairs: Counter[str] = Counter()
    met: Counter[str] = Counter()
    for row in rows:
        mine, theirs = (row.scores["c1"].get(series) for series in (SERIES, OTHER))
        for each in row.labels.values() if mine else ():
            assert mine is not None
            level = f"\t{row.doubt}" if row.doubt and each.drawing != "t" else ""
            pairs[f"pair\t{each.drawing}\t{each.key}\t{mine.key}\t{mine.length}\t{mine.own}{level}"] += 1
        if mine and theirs:
            met[f"pair\t{theirs.key}\t{mine.key}"] += 1
    fields = counted(rows)
    assert {name: count for name, count in fields.items() if name.startswith("pair")} == pairs
    assert counted(rows, "between", f"{OTHER}|{SERIES}") == met
    assert sum(fields.get(f"item\t{group}", 0) for group in "rtx") == sum(
        bool(row.labels) for row in rows if SERIES in row.scores["c1"]
    )


@few
@given(SOME)
def test_coders_are_the_ordered_pairs_of_annotators(some: tuple[Coding, list[Item]]) -> None:
    coding, given_items = some
    rows = rows_of(coding, given_items)
    expected: Counter[str] = Counter()
    for row in rows:
        keys = sorted(each.key for each in row.labels.values() if each.selection == "r")
        for one, other in combinations(keys, 2):
            expected[f"coders\tr\t{len(keys)}\t{one}\t{other}"] += 2 if one == other else 1
    found = counted(rows, "ceiling", "")
    assert {name: count for name, count in found.items() if name.startswith("coders\tr")} == expected


@few
@given(SOME, SOME)
def test_a_difference_leads_from_one_state_to_another(
    one: tuple[Coding, list[Item]], other: tuple[Coding, list[Item]]
) -> None:
    before, after = (sum_of(rows_of(coding, given_items)) for coding, given_items in (one, other))
    change = difference(before, after)
    assert all(all(fields.values()) for fields in change.values())
    reached = {group: added([before.get(group, {}), change.get(group, {})]) for group in {*before, *change}}
    assert {group: fields for group, fields in reached.items() if fields} == after


@few
@given(SOME)
def test_no_counter_but_those_of_the_cross_group_is_negative(some: tuple[Coding, list[Item]]) -> None:
    coding, given_items = some
    for fields in sum_of(rows_of(coding, given_items)).values():
        assert all(count > 0 for name, count in fields.items() if name.split("\t")[1] != "x")
