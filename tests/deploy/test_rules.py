"""Prometheus' configuration and rules, by its own tool: alerts fire for what they are there for, and for that alone."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.deploy.conftest import RULES
from tests.flows.conftest import Judged, Serve
from tests.polling import until

NEEDED = {
    "JudgeAgreementBelowFloor",
    "JudgeIndistinguishableFromChance",
    "JudgeAgreementFell",
    "JudgeScoreDrift",
    "JudgeChanged",
    "ServedModelChanged",
    "JudgedTrafficChanged",
    "JudgeParseFailures",
    "JudgeConstant",
    "JudgeUnlabelled",
    "PanelDriftsApart",
    "AgreementStale",
    "ArchiveFails",
    "ArchiveLags",
    "NoWorkers",
    "QueueGrowing",
    "ProviderErrors",
}

ON_JUDGES = {
    "JudgeAgreementBelowFloor",
    "JudgeIndistinguishableFromChance",
    "JudgeAgreementFell",
    "JudgeScoreDrift",
    "JudgeParseFailures",
    "JudgeConstant",
    "JudgeUnlabelled",
    "PanelDriftsApart",
    "JudgmentsFailed",
}
COUNTED = ("judged_judgments_total", "judged_score_total")


def run(*argv: str, text: str | None = None) -> str:
    """What it printed; fails where it found anything wrong."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def alerts() -> set[str]:
    groups = yaml.safe_load((RULES / "rules.yml").read_text())["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}


def test_the_configuration_is_one(promtool: str) -> None:
    run(promtool, "check", "config", str(RULES / "prometheus.yml"))


def test_the_rules_are_rules(promtool: str) -> None:
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", str(RULES / "rules.yml"))


@pytest.mark.timeout(300)  # promtool uses both cores for some seconds, if they are free
@pytest.mark.parametrize("name", ["rules_test.yml", "rules_days_test.yml"])
def test_alerts_fire_and_stay_silent_as_they_should(promtool: str, name: str) -> None:
    run(promtool, "test", "rules", str(RULES / name))


def test_every_alert_is_there_and_is_tested_to_fire_and_to_stay_silent() -> None:
    assert alerts() >= NEEDED
    tests = yaml.safe_load((RULES / "rules_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    fires = {case["alertname"] for case in cases if case.get("exp_alerts")}
    assert fires == alerts()


def silenced(change: Callable[[str, str], tuple[str, str]]) -> str:
    """The tests of the alerts on judges with other series, of which none may raise an alert."""
    tests = yaml.safe_load((RULES / "rules_test.yml").read_text())["tests"]
    kept = []
    for test in tests:
        cases = [each | {"exp_alerts": []} for each in test["alert_rule_test"] if each["alertname"] in ON_JUDGES]
        series = (change(each["series"], each["values"]) for each in test["input_series"])
        if cases:
            inputs = [{"series": name, "values": values} for name, values in series]
            kept.append(test | {"input_series": inputs, "alert_rule_test": cases})
    assert {case["alertname"] for test in kept for case in test["alert_rule_test"]} == ON_JUDGES
    return str(yaml.safe_dump({"rule_files": [str(RULES / "rules.yml")], "evaluation_interval": "5m", "tests": kept}))


def of_baselines(series: str, values: str) -> tuple[str, str]:
    return series.replace('model="', 'model="control/'), values


def of_single_judgments(series: str, values: str) -> tuple[str, str]:
    """Every counter is increased once."""
    return series, "_x30 0x30 1x5000" if series.startswith(COUNTED) else values


def of_few_labels(series: str, values: str) -> tuple[str, str]:
    """Nine pairs of a label and a score, or of two models' scores, whatever the other gauges are."""
    return series, "9x5000" if "agreement_pairs{" in series else values


@pytest.mark.parametrize(
    ("change", "alerts_meant"),
    [
        (of_baselines, ON_JUDGES),
        (of_single_judgments, {"JudgeParseFailures", "JudgeConstant", "JudgeUnlabelled", "JudgmentsFailed"}),
        (
            of_few_labels,
            {
                "JudgeAgreementBelowFloor",
                "JudgeIndistinguishableFromChance",
                "JudgeAgreementFell",
                "PanelDriftsApart",
            },
        ),
    ],
)
def test_baselines_single_judgments_and_few_labels_raise_no_alert(
    promtool: str, tmp_path: Path, change: Callable[[str, str], tuple[str, str]], alerts_meant: set[str]
) -> None:
    """The same series that raise each alert, changed in this one respect."""
    told = yaml.safe_load(silenced(change))
    for test in told["tests"]:
        test["alert_rule_test"] = [each for each in test["alert_rule_test"] if each["alertname"] in alerts_meant]
    told["tests"] = [test for test in told["tests"] if test["alert_rule_test"]]
    file = tmp_path / "changed.yml"
    file.write_text(yaml.safe_dump(told))
    run(promtool, "test", "rules", str(file))


async def test_the_metrics_of_a_service_at_work_have_no_fault(serve: Serve, promtool: str) -> None:
    judged: Judged = await serve(changes={"worker": {"refresh_seconds": 0.2}})
    await judged.judge([{"id": f"t/{number}", "output": "word " * number} for number in range(9)])
    said = [
        {"item_id": f"t/{number}", "criterion": "helpfulness", "annotator": "ann", "score": 3} for number in range(9)
    ]
    assert (await judged.client.post("/v1/labels", json={"labels": said})).status_code == 200

    async def with_gauges() -> str | None:
        shown = (await judged.client.get("/metrics")).text
        return shown if "judged_agreement_exact{" in shown else None

    run(promtool, "check", "metrics", text=await until(with_gauges, "the gauges"))
