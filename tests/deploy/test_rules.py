"""Prometheus' configuration and rules, by its own tool: alerts fire for what they are there for, and for that alone."""

import subprocess

import yaml

from tests.deploy.conftest import RULES
from tests.flows.conftest import Judged, Serve
from tests.polling import until

NEEDED = {
    "JudgeAgreementBelowFloor",
    "JudgeIndistinguishableFromChance",
    "JudgeAgreementFell",
    "JudgeScoreDrift",
    "JudgeParseFailures",
    "JudgeConstant",
    "JudgeUnlabelled",
    "PanelDriftsApart",
    "AgreementStale",
    "NoWorkers",
    "QueueGrowing",
    "ProviderErrors",
}


def run(*argv: str, text: str | None = None) -> str:
    """What it printed; fails where it found anything wrong."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def alerts() -> set[str]:
    groups = yaml.safe_load((RULES / "rules.yml").read_text())["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}


def test_the_configuration_is_one(promtool: str) -> None:
    run(promtool, "check", "config", str(RULES / "prometheus.yml"))


def test_the_rules_are_rules(promtool: str) -> None:
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", str(RULES / "rules.yml"))


def test_alerts_fire_and_stay_silent_as_they_should(promtool: str) -> None:
    run(promtool, "test", "rules", str(RULES / "rules_test.yml"))


def test_every_alert_is_there_and_is_tested_to_fire_and_to_stay_silent() -> None:
    assert alerts() >= NEEDED
    tests = yaml.safe_load((RULES / "rules_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    fires = {case["alertname"] for case in cases if case.get("exp_alerts")}
    assert fires == alerts()


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
