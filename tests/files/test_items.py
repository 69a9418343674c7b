"""Items from cells by the names of their columns."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.files.items import CellError, ColumnsError, as_text, check_item_columns, item_from_cells

numbers = st.one_of(st.integers(-(10**9), 10**9), st.floats(-1e9, 1e9), st.none())


@given(st.lists(numbers, min_size=1, max_size=4), st.text(min_size=1, max_size=8).filter(str.strip))
def test_people_s_values_come_back(values: list[float | int | None], criterion: str) -> None:
    named = {f"human.{criterion}.{place}": "" if value is None else repr(value) for place, value in enumerate(values)}
    item = item_from_cells(named | {"output": "x"})
    assert item == {"output": "x", "human": {criterion: values}}


def values_of(texts: list[Any], decimal: str = ".") -> list[Any]:
    [values] = item_from_cells({f"human.c.{at}": text for at, text in enumerate(texts)}, decimal)["human"].values()
    found: list[Any] = values
    return found


def test_what_is_no_number_is_a_word() -> None:
    told = ["pass", " A ", "nan", "inf", "1,5", "1e", "04", "+2", ".5", "3.", "1_000", "١"]
    assert values_of(told) == ["pass", "A", "nan", "inf", "1,5", "1e", 4, 2, 0.5, 3.0, "1_000", "١"]


def test_a_comma_can_be_a_decimal_sign() -> None:
    assert values_of(["4,5", "4.5", " -,5", "4", "1,000,5", "a,5", ""], ",") == [
        4.5,
        4.5,
        -0.5,
        4,
        "1,000,5",
        "a,5",
        None,
    ]


def test_json_s_own_truth_is_a_label() -> None:
    assert values_of([True, False, 4, None]) == ["true", "false", 4, None]


def test_a_criterion_s_name_may_have_dots() -> None:
    names = ["human.a.b.1", "human.a.0"]
    check_item_columns(names)
    assert item_from_cells(dict(zip(names, ["3", "2"], strict=True)))["human"] == {"a.b": [None, 3], "a": [2]}


def test_empty_cells_are_missing_but_one_of_several_outputs_may_be_empty() -> None:
    assert item_from_cells({"id": "", "output": "", "metadata.x": "", "human.c.0": ""}) == {"human": {"c": [None]}}
    assert item_from_cells({"outputs.0": "", "outputs.1": ""}) == {"human": {}}
    assert item_from_cells({"outputs.1": "y"})["outputs"] == ["", "y"]


def test_whole_numbers_are_texts_where_texts_are_wanted() -> None:
    assert [as_text(each) for each in (7, 7.0, 7.5, True, "7", None)] == ["7", "7", 7.5, True, "7", None]
    assert item_from_cells({"id": 12})["id"] == "12"


def test_headers_that_can_t_be_used_are_refused_with_their_places() -> None:
    with pytest.raises(ColumnsError) as refused:
        check_item_columns(["output", "nonsense", "human.c", "human..0", "output", "human.c.1000", ""])
    assert sorted(position for position, _ in refused.value.faults) == [1, 2, 3, 4, 5]
    with pytest.raises(ColumnsError, match=r"'ouput' is not a column of an item \(id, input.*did you mean 'output'"):
        check_item_columns(["ouput"])


def test_a_list_that_is_none_is_refused_with_its_place() -> None:
    with pytest.raises(CellError) as refused:
        item_from_cells({"outputs": "[["})
    assert refused.value.pointer == "/outputs"


def test_group_and_case_are_columns_whose_whole_numbers_are_texts() -> None:
    check_item_columns(["output", "group", "case"])
    assert item_from_cells({"output": "x", "group": 2, "case": 31.0}) == {
        "output": "x",
        "group": "2",
        "case": "31",
        "human": {},
    }
    assert item_from_cells({"output": "x", "group": "", "case": None}) == {"output": "x", "human": {}}
