"""The labels that a judge chooses from: its own words for the usual ones, no foreign ones, each name once."""

import pytest

from service.contracts.judges import Choice
from service.judging.methods.choices import MOST_OF_NAMES, foreign_labels, name_problems, with_own_words

USUAL = [Choice(label="fail", score=0, aliases=["bad"]), Choice(label="pass", score=1)]


def test_without_own_words_the_usual_choices_stay() -> None:
    assert with_own_words(USUAL, []) == USUAL


def test_own_words_describe_and_rename_but_do_not_score() -> None:
    own = [Choice(label="fail", score=0.5, description="Breaks a rule.", aliases=["nope"])]
    assert with_own_words(USUAL, own) == [
        Choice(label="fail", score=0, description="Breaks a rule.", aliases=["bad", "nope"]),
        USUAL[1],
    ]


def test_own_words_change_no_usual_choice_in_place() -> None:
    with_own_words(USUAL, [Choice(label="fail", aliases=["nope"])])
    assert USUAL[0].aliases == ["bad"]


def test_own_words_keep_the_order_of_the_usual_choices() -> None:
    own = [Choice(label="pass"), Choice(label="fail")]
    assert [each.label for each in with_own_words(USUAL, own)] == ["fail", "pass"]


def test_a_label_that_the_method_does_not_have_is_named_by_its_place() -> None:
    own = [Choice(label="pass"), Choice(label="maybe"), Choice(label="Pass")]
    assert foreign_labels(USUAL, own) == [
        ("/choices/1/label", "must be one of fail, pass"),
        ("/choices/2/label", "must be one of fail, pass"),
    ]


@pytest.mark.parametrize(
    ("choices", "pointers"),
    [
        ([], []),
        ([Choice(label="a", aliases=["x", "y"]), Choice(label="b")], []),
        ([Choice(label="a"), Choice(label="a"), Choice(label="a")], ["/choices/1/label", "/choices/2/label"]),
        ([Choice(label="a", aliases=["x"]), Choice(label="x")], ["/choices/1/label"]),
        ([Choice(label="a", aliases=["x"]), Choice(label="b", aliases=["y", "x"])], ["/choices/1/aliases/1"]),
        ([Choice(label="a", aliases=["a"])], ["/choices/0/aliases/0"]),
        ([Choice(label="a", aliases=["x", "x"])], ["/choices/0/aliases/1"]),
    ],
)
def test_a_name_belongs_to_one_choice_and_the_later_one_is_at_fault(choices: list[Choice], pointers: list[str]) -> None:
    assert [pointer for pointer, _ in name_problems(choices)] == pointers


def test_all_names_together_have_a_limit_as_building_their_pattern_takes_time() -> None:
    aliases = [f"{n:0100}" for n in range(MOST_OF_NAMES // 100 - 1)]
    within = Choice(label="l" * 100, aliases=aliases)
    assert name_problems([within]) == []
    [(pointer, detail)] = name_problems([within, Choice(label="m")])
    assert pointer == "/choices"
    assert f"{MOST_OF_NAMES + 1} characters together" in detail
