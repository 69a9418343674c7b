"""An agreement report as text."""

from datetime import UTC, datetime

import pytest

from service.cli.tables.agreement_report import (
    both_scales,
    chance_finding,
    confusion_grid,
    estimate_lines,
    finding_lines,
    headline_lines,
    note_lines,
    retirement_lines,
    trust_lines,
)
from service.rendering.confusion_table import ConfusionTable
from service.rendering.trust_words import STATISTIC_MEANINGS, VERDICT_WORDS
from service.stats.statistics import STATISTICS
from service.stats.trust import TrustVerdict
from tests.cli.commands.test_agreement import ESTIMATE, REPORT, measure
from tests.cli.stub_api import Row


@pytest.mark.parametrize(
    ("statistics", "said"),
    [
        ({"spearman": measure(0.1, -0.1, 0.3)}, "NOT DISTINGUISHABLE FROM CHANCE: the interval contains 0"),
        ({"cohen_kappa": measure(0.0, 0.0, 0.3)}, "NOT DISTINGUISHABLE FROM CHANCE: the interval contains 0"),
        ({"spearman": measure(-0.5, -0.6, -0.3)}, "WORSE THAN CHANCE"),
        ({"spearman": measure(None, reason="judge_constant")},
         "NOT DISTINGUISHABLE FROM CHANCE: spearman is undefined (the judge gave one value alone)"),
        ({"spearman": measure(1.0, reason="one_pair")},
         "NOT DISTINGUISHABLE FROM CHANCE: spearman has no interval (one pair alone)"),
        ({"cohen_kappa": measure(0.4, 0.2, 0.6)}, "better than chance"),
        ({"exact": measure(0.4, 0.2, 0.6)}, "no statistic tells it from chance"),
    ],
)  # fmt: skip
def test_a_worthless_judge_is_seen_to_be_worthless(statistics: Row, said: str) -> None:
    assert chance_finding(statistics).startswith(said)
    flags = ["not_better_than_chance", "one of a later version"]
    first, *others = finding_lines({**REPORT, "trust": None, "statistics": statistics, "flags": flags})
    assert first.startswith(said)
    assert others == ["one of a later version"]


def test_what_the_verdict_says_is_not_said_again() -> None:
    flags = ["not_better_than_chance", "insufficient", "one of a later version"]
    assert list(finding_lines({**REPORT, "flags": flags})) == ["one of a later version"]
    assert list(trust_lines({"verdict": None, "because": ["It is one."]})) == [
        "Verdict: a baseline, no judge",
        "- It is one.",
    ]


def test_every_verdict_and_statistic_has_words() -> None:
    assert VERDICT_WORDS.keys() == set(TrustVerdict)
    assert STATISTIC_MEANINGS.keys() == STATISTICS.keys()


def test_nothing_to_compare_is_said_once() -> None:
    assert list(finding_lines({**REPORT, "trust": None, "pairs": 0, "flags": ["insufficient"]})) == [
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
    scales = ("1 to 5", "share of passes")
    assert list(estimate_lines(few, scales))[:2] == [
        "the judge's mean is 3.900 (3.800 to 4.000) on its own scale (1 to 5)",
        "by the labels alone people's mean on the labels' scale (share of passes) is 3.200 (2.900 to 3.500); "
        "the judge adds nothing yet: fewer than 50 items are labelled",
    ]
    assert list(estimate_lines(ESTIMATE, scales))[1].startswith("by the labels, people's mean on the labels' scale (")
    none = {**few, "corrected_mean": measure(None), "reason": "no_labels", "labels": 0}
    assert list(estimate_lines(none))[1:] == ["people's mean is unknown: no label was drawn at random"]


def test_scales_are_named_if_they_differ() -> None:
    assert both_scales(REPORT) is None
    unlike = {
        "table": {"values": ["fail", "pass"], "columns": [1, 2, 3, 4, 5], "counts": []},
        "statistics": {"exact": measure(None, reason="different_scales")},
    }
    assert both_scales(unlike) == ("1 to 5", "share of passes")
    assert both_scales({**unlike, "table": {"values": ["dull", "odd"], "columns": [0, 1]}}) == (
        "0 to 1",
        "dull, odd",
    )


def test_a_change_of_the_served_model_is_told_with_the_models() -> None:
    served = [
        {"served_model": "x-2", "last_seen": "2026-11-30T01:02:03Z", "scored": 20},
        {"served_model": "x-1", "last_seen": "2026-11-29T10:20:30.5Z", "scored": 40},
        {"served_model": None, "last_seen": "2026-11-01T00:00:00Z", "scored": 7},
        {"served_model": "x-0", "last_seen": "2026-10-01T00:00:00Z", "scored": 0},
    ]
    changed = {
        **REPORT,
        "trust": None,
        "served_model": "x-2",
        "served_models": served,
        "flags": ["served_model_changed"],
    }
    told = (
        "THE SERVED MODEL CHANGED: all figures are of x-2 alone; also answered: x-1 until 2026-11-29 10:20 UTC"
        " (40 scored), unknown until 2026-11-01 00:00 UTC (7 scored); show one with --served"
    )
    assert list(finding_lines(changed))[1:] == [told]
    assert list(finding_lines({**changed, "pairs": 0}))[1:] == [told]
    between = {name: value for name, value in changed.items() if name != "served_models"}
    assert list(finding_lines(between))[1:] == ["THE SERVED MODEL CHANGED: all figures are of x-2 alone"]


def test_the_judge_is_named_with_the_model_that_answered() -> None:
    named = {**REPORT, "model": "openai/gpt-x"}
    for served, shown in ((None, "gpt-x on"), ("gpt-x", "gpt-x on"), ("gpt-x-1", "gpt-x (gpt-x-1) on")):
        assert shown in next(headline_lines({**named, "served_model": served}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"model_retires_at": None}, []),
        (
            {"model_retires_at": "2026-12-02T00:00:00Z"},
            ["openai/gpt will be shut down on 2026-12-02 (1 day left)"],
        ),
        (
            {"model_retires_at": "2027-01-14T00:00:00Z", "model": "panel"},
            ["the first of its models will be shut down on 2027-01-14 (44 days left)"],
        ),
        ({"model_retires_at": "2026-11-30T00:00:00Z"}, ["openai/gpt was due to be shut down on 2026-11-30"]),
    ],
)
def test_a_shutdown_of_the_model_is_said(changes: Row, said: list[str]) -> None:
    lines = list(retirement_lines({**REPORT, **changes}, datetime(2026, 12, 1, tzinfo=UTC)))
    assert lines == [f"{each}: this report says nothing about the model that replaces it" for each in said]


def test_the_verdict_of_anchors_is_a_warning_if_something_changed_and_else_a_note() -> None:
    changed = {"verdict": "judge_changed", "because": ["the judge changed: …", "the provider answered as …"]}
    first, second, *_ = finding_lines({**REPORT, "anchors": changed})
    assert [first, second] == changed["because"]
    assert list(note_lines({"anchors": changed})) == []
    steady = {"verdict": "steady", "because": ["nothing changed …", "on 3 anchors …"]}
    assert list(note_lines({"anchors": steady})) == ["anchors: nothing changed …; on 3 anchors …"]
    assert list(finding_lines({**REPORT, "anchors": steady})) == list(finding_lines(REPORT))
    assert list(note_lines({"anchors": None})) == []


def test_the_grid_has_sums_and_brackets_around_equal_values() -> None:
    shown = confusion_grid(ConfusionTable(["fail", "a [b]"], ["a [b]", "fail"], [[0, 5], [4, 0]]))
    cells = [[str(cell) for cell in column.cells] for column in shown.columns]
    assert shown.row_count == 3
    assert cells[0] == ["fail", "a [b]", "all"]
    assert [len(column) for column in cells] == [3, 3, 3, 3]
