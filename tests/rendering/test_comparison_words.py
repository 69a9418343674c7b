"""A comparison in sentences. (`tests/cli/tables/test_comparison_view.py` has them as a terminal shows them.)"""

from service.rendering.amounts import counted
from service.rendering.comparison_words import (
    LEAST_LABELLED,
    decision,
    design_text,
    next_steps,
    outcomes_text,
    served_text,
)
from service.stats.compare import LEAST_LABELLED_ITEMS
from tests.cli.tables.test_comparison_view import COMPARISON


def test_the_number_of_labels_that_decide_is_that_of_the_statistics() -> None:
    assert LEAST_LABELLED == LEAST_LABELLED_ITEMS


def test_what_is_compared_and_how_it_ends() -> None:
    assert design_text(COMPARISON) == "60 cases that both have; left out: 4 of v2 alone"
    assert outcomes_text(COMPARISON) == "v2 wins 30 cases, loses 10, ties 20, by the judge"
    assert outcomes_text({**COMPARISON, "wins": None}) is None
    assert counted(1, "case") == "1 case"
    judge = {**COMPARISON, "decided": "a", "decided_by": "judge"}
    assert decision(judge) == "v1 is better than v2, by the judge alone"
    assert list(next_steps(judge)) == [
        "its bias may differ from v1 to v2: label 20 random items of each, and the labels decide"
    ]


def test_another_served_model_is_a_warning() -> None:
    assert served_text({**COMPARISON, "flags": []}) is None
    warning = served_text({**COMPARISON, "flags": ["served_model_changed"]})
    assert warning == "another model answered under this name too; only the answers of gpt-2 are compared"


def test_the_name_of_a_group_does_not_turn_a_sentence_around() -> None:
    odd = {**COMPARISON, "decided": "b", "decided_by": "labels", "b": {**COMPARISON["b"], "group": "v2\u202e"}}
    assert decision(odd) == "v2\ufffd is better than v1, by the labels"
