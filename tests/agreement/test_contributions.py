"""Counters recounted from items: by hand, and properties of any items."""

from collections import Counter
from itertools import combinations
from urllib.parse import quote, unquote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.agreement.coding import Coding
from service.agreement.contributions import EVERY, Counted, Row, recount
from service.agreement.counter_fields import quoted, unquoted
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
    over_time,
    rows_of,
)

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
        "mean\t3\t4": 1,
        # to b's 2 the judge's 4 is as far as ann's 4, to ann's 4 nearer than b
        "duel\tr\tann\t0": 1,
        "duel\tr\tb%2F%C3%B6\t-1": 1,
        # of all three, ann (4 + 1 against 4 + 1) and b (0 + 1 against 4 + 9) stay as they are; d is 1 + 9 against 0 + 4
        "duel\tx\td\t-1": 1,
    }
    assert [sums[f"cluster\tr\tp{place}"] for place in range(6)] == [2, 100, 150, 75**2 + 25**2, 2 * 75**2, 75 * 100]
    assert [sums[f"cluster\tr\te{place}"] for place in range(5)] == [2, 1, 4, 2, 1]
    assert [sums.get(f"cluster\tt\te{place}", 0) for place in range(5)] == [1, 0, 1, 0, 0]
    assert [sums.get(f"cluster\tx\te{place}", 0) for place in range(5)] == [0, 0, 9 - 4 - 1, 3 - 2, 1 - 1]


def test_moments_are_whole_units_where_the_score_need_not_be_on_a_level() -> None:
    """Of 1 to 5 a unit is .0001; the judge's 3.33333 is 23333 of them, the label 4 is 30000."""
    assert FIVE.unit == pytest.approx(1e-4)
    fields = counted(rows_of(FIVE, [Item({"d": (4, "t")}, 3.33333)], expected=True))
    moments = {name: count for name, count in fields.items() if name.startswith("moment")}
    sums = {"n": 1, "x": 30000, "y": 23333, "xx": 30000**2, "yy": 23333**2, "xy": 30000 * 23333, "ad": 6667}
    assert moments == {f"moment\tt\t{name}": count for name, count in sums.items()}


def test_labels_of_other_contents_and_off_the_scale_count_nowhere() -> None:
    row = Row(
        criterion="c",
        labels={
            "a": msgspec.structs.replace(label(FIVE, 4), off_scale=True),
            "b": label(FIVE, 4, content="c0"),
            "c": label(FIVE, 4, content=""),
        },
        judged={(SERIES, "c1"): judged(FIVE, 4, at_ms=7)},
        first_label_ms=3,
    )
    found = recount([row], EVERY)
    assert found == {
        Counted("ceiling", "", "c", 3): {"item\tr": 2},
        Counted("seen", SERIES, "c", 7): {"rest\t4": 1},
    }


def test_a_pair_is_in_the_bucket_of_its_judgment_and_a_meeting_in_that_of_the_later_one() -> None:
    row = Row(
        criterion="c",
        labels={"a": label(FIVE, 4)},
        judged={(SERIES, "c1"): judged(FIVE, 4, at_ms=7), (OTHER, "c1"): judged(FIVE, 2, at_ms=9)},
        first_label_ms=3,
    )
    found = recount([row], EVERY)
    assert {(each.kind, each.series, each.at_ms) for each in found} == {
        ("agreed", SERIES, 7),
        ("agreed", OTHER, 9),
        ("ceiling", "", 3),
        ("between", f"{OTHER}|{SERIES}", 9),
        ("panel", "judge@1", 9),
    }
    assert found[Counted("between", f"{OTHER}|{SERIES}", "c", 9)] == {"pair\t2\t4": 1}
    assert found[Counted("panel", "judge@1", "c", 9)] == {"coders\t2\t2\t4": 1}


def test_a_label_worth_no_number_has_no_mean_and_grades_have() -> None:
    grades = counted(rows_of(GRADES, [Item({"ann": ("good", "r"), "d": ("fair", "r")}, "poor")]))
    assert grades["mean\t2.75\tpoor"] == 1
    words = counted(rows_of(WORDS, [Item({"ann": ("A", "r")}, "A")]))
    assert not [name for name in words if name.startswith("mean")]


@few
@given(SOME)
def test_pairs_annotators_and_meetings_are_those_of_the_rows(some: tuple[Coding, list[Item]]) -> None:
    coding, given_items = some
    rows = rows_of(coding, given_items)
    pairs: Counter[str] = Counter()
    met: Counter[str] = Counter()
    for row in rows:
        mine, theirs = (row.judged.get((series, "c1")) for series in (SERIES, OTHER))
        for each in row.labels.values() if mine else ():
            assert mine is not None
            pairs[f"pair\t{each.selection}\t{each.key}\t{mine.key}\t{mine.length}\t{mine.own}"] += 1
        if mine and theirs:
            met[f"pair\t{theirs.key}\t{mine.key}"] += 1
    fields = counted(rows)
    assert {name: count for name, count in fields.items() if name.startswith("pair")} == pairs
    assert counted(rows, "between", f"{OTHER}|{SERIES}") == met
    assert sum(fields.get(f"item\t{group}", 0) for group in "rtx") == sum(
        bool(row.labels) for row in rows if (SERIES, "c1") in row.judged
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
@given(SOME, st.integers(0, 12))
def test_items_add_in_any_order_and_any_parts(some: tuple[Coding, list[Item]], at: int) -> None:
    coding, given_items = some
    rows = rows_of(coding, given_items)
    whole = over_time(recount(rows, EVERY))
    parts = [over_time(recount(part, EVERY)) for part in (rows[at:], rows[:at])]
    together = {key: added(part.get(key, {}) for part in parts) for key in {*parts[0], *parts[1]}}
    assert {key: fields for key, fields in together.items() if fields} == whole


@few
@given(SOME)
def test_no_counter_is_zero_and_none_but_the_cross_group_is_negative(some: tuple[Coding, list[Item]]) -> None:
    coding, given_items = some
    for fields in recount(rows_of(coding, given_items), EVERY).values():
        assert all(fields.values())
        assert all(count > 0 for name, count in fields.items() if name.split("\t")[1] != "x")
