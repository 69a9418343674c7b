"""Flags on tables of few pairs, one-sided judges and rare values."""

import pytest

from service.stats.flags import Flag, flags_of
from service.stats.intervals import measure
from service.stats.table import Table
from service.stats.trust import chance_flags
from tests.stats.tables import one_cell, table


@pytest.mark.parametrize(
    ("cells", "flags"),
    [
        ({}, [Flag.INSUFFICIENT]),
        ({(3, 3): 1}, [Flag.INSUFFICIENT]),
        ({(3, 3): 15, (2, 2): 14}, [Flag.INSUFFICIENT]),
        ({(3, 3): 15, (2, 2): 15}, []),
        ({(3, 3): 15, (2, 3): 15}, [Flag.JUDGE_CONSTANT, Flag.DEGENERATE]),
        ({(3, 3): 15, (3, 2): 15}, [Flag.LOW_PREVALENCE, Flag.DEGENERATE]),
        ({(3, 3): 30}, [Flag.JUDGE_CONSTANT, Flag.LOW_PREVALENCE, Flag.DEGENERATE]),
        ({(3, 3): 90, (2, 2): 10}, []),
        ({(3, 3): 36, (2, 2): 2, (1, 1): 2}, [Flag.TOO_FEW_OF_A_CLASS]),
        ({(3, 3): 36, (2, 2): 2, (1, 1): 3}, []),
        ({(3, 3): 30, (2, 2): 4, (3, 2): 8}, [Flag.LOW_PREVALENCE, Flag.TOO_FEW_OF_A_CLASS]),
        ({(3, 3): 50, (3, 2): 41, (2, 2): 9}, [Flag.LOW_PREVALENCE]),
    ],
)
def test_what_to_know_before_believing(cells: dict[tuple[int, int], int], flags: list[Flag]) -> None:
    assert flags_of(one_cell(5, cells)) == flags


def test_words_have_flags_as_well() -> None:
    assert flags_of(table([[95, 1], [2, 2]], ["A", "B"])) == [Flag.LOW_PREVALENCE, Flag.TOO_FEW_OF_A_CLASS]
    assert flags_of(table([[94, 1], [2, 5]], ["A", "B"])) == [Flag.LOW_PREVALENCE]


def test_a_judge_that_guesses_is_flagged() -> None:
    guessing = Table.from_counts([1, 2, 3], [[20, 20, 20], [20, 20, 20], [20, 20, 20]])
    able = Table.from_counts([1, 2, 3], [[20, 2, 0], [2, 20, 2], [0, 2, 20]])
    contrary = Table.from_counts(["fail", "pass"], [[2, 30], [30, 2]])
    few = Table.from_counts([1, 2], [[5, 5], [5, 5]])
    found = [chance_flags(table, measure(table)) for table in (guessing, able, contrary, few)]
    assert found == [[Flag.NOT_BETTER_THAN_CHANCE], [], [Flag.NOT_BETTER_THAN_CHANCE], []]
