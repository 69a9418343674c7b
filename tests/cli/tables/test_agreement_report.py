"""An agreement report as text."""

import pytest

from service.cli.tables.agreement_report import chance_finding, estimate_lines, finding_lines, note_lines
from tests.cli.commands.test_agreement import ESTIMATE, REPORT, measure
from tests.cli.stub_api import Row


@pytest.mark.parametrize(
    ("statistics", "said"),
    [
        ({"spearman": measure(0.1, -0.1, 0.3)}, "NOT DISTINGUISHABLE FROM CHANCE: the interval contains 0"),
        ({"cohen_kappa": measure(0.0, 0.0, 0.3)}, "NOT DISTINGUISHABLE FROM CHANCE: the interval contains 0"),
        ({"spearman": measure(-0.5, -0.6, -0.3)}, "WORSE THAN CHANCE"),
        ({"spearman": measure(None, reason="judge_constant")},
         "NOT DISTINGUISHABLE FROM CHANCE: spearman is undefined (judge constant)"),
        ({"spearman": measure(1.0, reason="one_pair")},
         "NOT DISTINGUISHABLE FROM CHANCE: spearman has no interval (one pair)"),
        ({"cohen_kappa": measure(0.4, 0.2, 0.6)}, "better than chance"),
        ({"exact": measure(0.4, 0.2, 0.6)}, "no statistic tells it from chance"),
    ],
)  # fmt: skip
def test_a_worthless_judge_is_seen_to_be_worthless(statistics: Row, said: str) -> None:
    assert chance_finding(statistics).startswith(said)
    flags = ["not_better_than_chance", "one of a later version"]
    first, *others = finding_lines({**REPORT, "statistics": statistics, "flags": flags})
    assert first.startswith(said)
    assert others == ["one of a later version"]


def test_nothing_to_compare_is_said_once() -> None:
    assert list(finding_lines({**REPORT, "pairs": 0, "flags": ["insufficient"]})) == [
        "nothing to compare: no item was both scored by the judge and labelled by people"
    ]


def test_what_else_was_found_is_said_and_nothing_of_what_was_not() -> None:
    share = {"value": 0.75, "lower": 0.6, "upper": 0.9, "total": 40, "reason": None}
    none = {**share, "value": None, "total": 0, "reason": "no_pairs"}
    bias: Row = {
        "position": {"consistency": share, "first_preference": share, "p_value": 0.01},
        "repeats": {"exact": share, "alpha": 0.5, "deviation": 0.4},
        "length_bias": {"pairs": 40, "spearman": measure(0.4, 0.2, 0.6), "kendall_tau_b": measure(0.3, 0.1, 0.5)},
        "self_preference": measure(0.5, 0.1, 0.9),
    }
    test = {"winning_rate": 0.5, "passed": True, "duels": {"ann": {}, "bob": {}}}
    assert list(note_lines({"bias": bias, "alt_test": test})) == [
        "alternative annotator test passed: it may replace 50% of 2 annotators",
        "with the outputs in the other order it gives the same verdict for 75% of 40",
        "if the verdicts differ, it prefers the first output in 75% of 40",
        "asked again, it gives the same answer for 75% of 40",
        "it favours longer texts: its error, score minus label, correlates with length"
        " (spearman 0.400 (0.200 to 0.600))",
        "its error on texts of its own family of models is 0.500 (0.100 to 0.900) points above that on others'",
    ]
    unknown = {
        "position": None,
        "repeats": {"exact": none},
        "length_bias": {"spearman": measure(0.1, -0.2, 0.4)},
        "self_preference": measure(None, reason="no_own_texts"),
    }
    assert list(note_lines({"bias": unknown, "alt_test": {**test, "winning_rate": None}})) == []
    assert list(note_lines({})) == []


def test_an_estimate_says_what_it_rests_on() -> None:
    few = {**ESTIMATE, "method": "labels_only", "reason": "few_labels", "labels": 9}
    assert list(estimate_lines(few))[1] == (
        "by the labels alone it is 3.200 (2.900 to 3.500); the judge adds nothing yet: fewer than 50 items are labelled"
    )
    none = {**few, "corrected_mean": measure(None), "reason": "no_labels", "labels": 0}
    assert list(estimate_lines(none))[1:] == ["people's mean is unknown: no label was drawn at random"]
