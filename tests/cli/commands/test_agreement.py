"""`judged agreement`: its requests, output and exit codes."""

import json

import pytest

from service.cli.main import main
from tests.cli.stub_api import Row, ScriptedApi

Captured = pytest.CaptureFixture[str]


def measure(
    value: float | None, lower: float | None = None, upper: float | None = None, reason: str | None = None
) -> Row:
    return {"value": value, "lower": lower, "upper": upper, "reason": reason}


REPORT: Row = {
    "judge": {"name": "wit", "version": 3, "digest": "sha256:ab"},
    "model": "openai/gpt",
    "criterion": "wit",
    "window": "7d",
    "selection": "all",
    "pairs": 40,
    "items": 20,
    "annotators": 2,
    "table": {"values": [1, 2, 3], "counts": [[10, 2, 0], [3, 10, 0], [0, 5, 10]]},
    "statistics": {
        "exact": measure(0.75, 0.6, 0.86),
        "spearman": measure(0.7, 0.5, 0.8),
        "cohen_kappa": measure(0.02, -0.1, 0.12),
        "kendall_tau_b": measure(None, reason="judge_constant"),
    },
    "trust": {
        "verdict": "better_than_baselines",
        "because": ["100% of people's 40 labels are within one point of its score.", "It beats text length."],
        "more_labels": None,
    },
    "baselines": {"control/length": {"exact": measure(0.3, 0.2, 0.4), "kendall_tau_b": measure(None)}},
    "human_ceiling": {"statistics": {"exact": measure(0.8, 0.7, 0.9), "spearman": measure(None, reason="no_pairs")}},
    "coverage": {"judged": 100, "scored": 95, "unscored": 4, "failed": 1, "by_reason": {"no_score": 4, "timeout": 1}},
    "flags": ["low_prevalence"],
}


ESTIMATE: Row = {
    "judge_mean": measure(3.9, 3.8, 4.0),
    "corrected_mean": measure(3.2, 2.9, 3.5),
    "method": "ppi++",
    "reason": None,
    "labels": 100,
    "unlabelled": 900,
    "labels_worth": {"factor": 1.8, "effective_labels": 180.0},
}


def test_agreement_shows_what_to_believe_the_figures_and_who_said_what(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {"/v1/agreement": [(200, REPORT)], "/v1/estimates": [(200, ESTIMATE)]}
    asked = ["--model", "openai/gpt", "--window", "7d", "--selection", "all"]
    assert main(["agreement", "wit", *asked, "--url", api.url]) == 0
    assert [(each.path, each.query) for each in api.asked] == [
        ("/v1/agreement", {"judge": "wit", "model": "openai/gpt", "window": "7d", "selection": "all"}),
        ("/v1/estimates", {"judge": "wit", "model": "openai/gpt", "window": "7d"}),
    ]
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[:7] == [
        "Verdict: better than the baselines",
        "- 100% of people's 40 labels are within one point of its score.",
        "- It beats text length.",
        "",
        "wit@3 openai/gpt on wit; last 7d; all labelled items",
        "40 pairs on 20 items by 2 annotators",
        "95 of 100 judgments have a score; 4 unscored, 1 failed (4 no_score, 1 timeout)",
    ]
    assert lines[7] == (
        "! nine labels in ten are the same: kappas are low however often both agree; look at exact and gwet_ac1"
    )
    assert [" ".join(line.split()) for line in lines[9:14]] == [
        "statistic value 95% interval text length people among themselves in words",
        "exact 0.750 0.600 to 0.860 0.300 0.800 (0.700 to 0.900) share of equal values",
        "spearman 0.700 0.500 to 0.800 correlation of the ranks; 0 is chance",
        "cohen_kappa 0.020 -0.100 to 0.120 equal values beyond chance; 0 is chance; not distinguishable from chance",
        "kendall_tau_b same order of two items, ties allowed for; 0 is chance; "
        "undefined: the judge gave one value alone",
    ]
    assert [line.split() for line in lines[16:21]] == [
        ["1", "2", "3", "all"],
        ["1", "[10]", "2", "·", "12"],
        ["2", "3", "[10]", "·", "13"],
        ["3", "·", "5", "[10]", "15"],
        ["all", "13", "17", "10", "40"],
    ]
    assert lines[22:] == [
        "the judge's mean is 3.900 (3.800 to 4.000)",
        "corrected by the labels, it is 3.200 (2.900 to 3.500)",
        "your 100 labels act like 180, thanks to 900 more judged items",
    ]


def test_agreement_prints_json_for_machines(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {"/v1/agreement": [(200, REPORT)]}
    assert main(["agreement", "wit", "--json", "--url", api.url]) == 0
    assert json.loads(capsys.readouterr().out) == REPORT


def test_agreement_of_two_judges_asks_for_no_estimate(api: ScriptedApi, capsys: Captured) -> None:
    other = {"judge": {"name": None, "version": None, "digest": "sha256:cd"}, "model": "panel"}
    api.answers = {"/v1/agreement": [(200, {**REPORT, "other": other, "trust": None})]}
    assert main(["agreement", "wit", "--other", "sha256:cd:panel", "--url", api.url]) == 0
    assert api.asked[0].query == {"judge": "wit", "window": "7d", "other": "sha256:cd:panel"}
    printed = capsys.readouterr().out
    assert "against sha256:cd panel" in printed
    assert "Rows: the other judge." in printed


def test_agreement_does_without_an_estimate_where_labels_are_no_numbers(api: ScriptedApi, capsys: Captured) -> None:
    refusal = {"title": "Unprocessable Content", "detail": "it has no numbers"}
    api.answers = {"/v1/agreement": [(200, REPORT)], "/v1/estimates": [(422, refusal)]}
    assert main(["agreement", "wit", "--url", api.url]) == 0
    assert "mean" not in capsys.readouterr().out
    api.answers["/v1/estimates"] = [(503, refusal)]
    assert main(["agreement", "wit", "--url", api.url]) == 2


def test_agreement_says_why_it_is_refused(api: ScriptedApi, capsys: Captured) -> None:
    errors = [{"pointer": "/judge", "detail": "there is no judge wit"}]
    api.answers = {"/v1/agreement": [(422, {"detail": "/judge: there is no judge wit", "errors": errors})]}
    assert main(["agreement", "wit", "--url", api.url]) == 2
    assert capsys.readouterr().err == "refused (422): /judge: there is no judge wit\n"


CALIBRATION: Row = {
    "judge": {"name": "wit", "version": 3, "digest": "sha256:ab"},
    "model": "openai/gpt",
    "criterion": "wit",
    "window": "7d",
    "selection": "random",
    "items": 60,
    "scale_min": 1,
    "scale_max": 5,
    "rows": [
        {
            "judge": 1,
            "items": 0,
            "human": {"value": None, "lower": None, "upper": None},
            "fitted": None,
            "item_lower": None,
            "item_upper": None,
            "reason": "outside_labelled_range",
        },
        {
            "judge": 5,
            "items": 60,
            "human": {"value": 4.0, "lower": 3.5, "upper": 4.5},
            "fitted": 4.2,
            "item_lower": 3,
            "item_upper": 5,
            "reason": None,
        },
    ],
    "reason": None,
    "error": {"before": 0.9, "before_reason": None, "after": 0.125, "after_reason": None},
    "item_coverage": 0.9,
    "item_reason": None,
    "mapped": None,
    "prevalence": None,
}


def test_a_calibration_is_a_table_and_a_diagram(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {"/v1/calibration": [(200, CALIBRATION)]}
    assert main(["agreement", "wit", "--calibration", "--window", "7d", "--url", api.url]) == 0
    assert [(each.path, each.query) for each in api.asked] == [("/v1/calibration", {"judge": "wit", "window": "7d"})]
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[:4] == [
        "wit@3 openai/gpt on wit; last 7d; items drawn at random",
        "60 labelled items",
        "the judge's values are 0.90 points away from people's means",
        "the values that they stand for are 0.12 points away, on items that the mapping has not seen",
    ]
    assert lines[5].split() == ["judge", "items", "people's", "mean", "stands", "for", "one", "item"]
    assert lines[6].split()[:3] == ["1", "0", "unknown"]
    assert " ".join(lines[7].split()[:9]) == "5 60 4.00 (3.50 to 4.50) 4.20 3 to"
    assert lines[7].endswith("·" + " " * 24 + "-----o-x---" + " " * 4 + "·")
    assert lines[9].startswith("From 1 to 5: people's mean (o)")
    assert lines[10].startswith("90% of single items")


def test_a_calibration_is_printed_as_json_and_not_of_two_judges(api: ScriptedApi, capsys: Captured) -> None:
    api.answers = {"/v1/calibration": [(200, CALIBRATION)]}
    assert main(["agreement", "wit", "--calibration", "--json", "--url", api.url]) == 0
    assert json.loads(capsys.readouterr().out) == CALIBRATION
    assert main(["agreement", "wit", "--calibration", "--other", "a:b", "--url", api.url]) == 2
    assert "leave out --other" in capsys.readouterr().err


def test_options_that_do_not_go_together_are_refused_before_any_call(api: ScriptedApi, capsys: Captured) -> None:
    assert main(["agreement", "wit", "--calibration", "--group", "g", "--url", api.url]) == 2
    assert "leave out --group" in capsys.readouterr().err
    assert main(["agreement", "wit", "--other", "a:b", "--selection", "targeted", "--url", api.url]) == 2
    assert "leave out --selection" in capsys.readouterr().err
    assert api.asked == []
