"""The dashboards: what is checked in is what the code makes, and every panel says how to read it."""

import json
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.dashboards import all_dashboards
from service.rendering.trust_words import VERDICT_WORDS
from service.stats.trust import WORST_FIRST
from tests.deploy.conftest import DASHBOARDS, DEPLOY

NAMES = sorted(all_dashboards())


def panels_of(name: str) -> list[dict[str, Any]]:
    """All panels but rows."""
    shown = json.loads((DASHBOARDS / name).read_text())
    return [panel for panel in shown["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_checked_in_is_what_the_code_makes(name: str) -> None:
    """If this fails: python -m deploy.grafana.dashboards"""
    assert (DASHBOARDS / name).read_text(encoding="utf-8") == all_dashboards()[name]


def test_no_other_dashboard_is_checked_in() -> None:
    assert sorted(path.name for path in DASHBOARDS.glob("*.json")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_has_nothing_that_is_not_in_grafanas_schema(name: str) -> None:
    shown = json.loads((DASHBOARDS / name).read_text())
    known = json.loads(JSONEncoder().encode(Dashboard.from_json(shown)))
    assert known == shown, "a field is unknown to Grafana, or of another type"


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_has_a_title_a_unit_and_says_how_to_read_it(name: str) -> None:
    for panel in panels_of(name):
        assert panel["title"]
        assert len(panel["description"]) > 20, panel["title"]
        assert panel["targets"], panel["title"]
        assert panel["type"] == "table" or panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.parametrize("name", NAMES)
def test_panels_lie_side_by_side_on_the_grid(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads((DASHBOARDS / name).read_text())["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_trust_of_a_judge_is_shown_whole() -> None:
    queries = " ".join(target["expr"] for panel in panels_of("judge_trust.json") for target in panel["targets"])
    for metric in (
        "trust_verdict",
        "trust_statistic",
        "trust_statistic_lower",
        "trust_baseline_statistic",
        "trust_person_statistic",
        "trust_more_labels",
        "agreement_pairs",
        "agreement_${statistic}_lower",
        "agreement_${statistic}_upper",
        "human_ceiling_${statistic}",
        "panel_agreement_${statistic}",
        "panel_alpha",
        "judge_mean",
        "corrected_mean",
        "position_consistency_ratio",
        "repeat_consistency_ratio",
        "length_correlation",
        "score_shift_z",
        "score_psi_ratio",
        "agreement_cusum",
        "agreement_fall_evidence",
        "labels_total",
        "label_queue_items",
    ):
        assert f"judged_{metric}" in queries


def test_verdicts_have_their_words_and_the_worst_come_first() -> None:
    table = next(panel for panel in panels_of("judge_trust.json") if panel["title"].startswith("Can they be trusted?"))
    assert table["options"]["sortBy"] == [{"desc": False, "displayName": "verdict"}]
    properties = {
        each["id"]: each["value"]
        for override in table["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == "verdict"
        for each in override["properties"]
    }
    [mapping] = properties["mappings"]
    words = [mapping["options"][str(place)]["text"].split(" to tell")[0] for place in range(len(WORST_FIRST))]
    assert words == [VERDICT_WORDS[each].split(" to tell")[0] for each in WORST_FIRST]
    assert "${judged}/judges/" in properties["links"][0]["url"]


@pytest.mark.parametrize("name", NAMES)
def test_every_dashboard_links_to_the_pages(name: str) -> None:
    shown = json.loads((DASHBOARDS / name).read_text())
    [link] = [each for each in shown["links"] if each["type"] == "link"]
    assert link["url"] == "${judged}/"
    [variable] = [each for each in shown["templating"]["list"] if each["name"] == "judged"]
    assert variable["type"] == "textbox"
    assert variable["query"] == "http://127.0.0.1:8000"


def test_panels_of_the_chosen_judge_link_to_its_page() -> None:
    of_one = [
        panel
        for panel in panels_of("judge_trust.json")
        if any('judge="$judge"' in target["expr"] for target in panel["targets"]) and panel["type"] != "table"
    ]
    assert len(of_one) > 15
    for panel in of_one:
        [link] = panel["fieldConfig"]["defaults"]["links"]
        assert link["url"].startswith("${judged}/judges/${judge:percentencode}@${version}"), panel["title"]


def test_what_is_mounted_is_there() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for volume in services["grafana"]["volumes"] + services["prometheus"]["volumes"]:
        source = volume["source"] if isinstance(volume, dict) else volume.partition(":")[0]
        if source.startswith("./"):
            assert (DEPLOY / source).is_dir()
    (provider,) = yaml.safe_load((DASHBOARDS / "provisioning/dashboards/judged.yaml").read_text())["providers"]
    assert provider["options"]["path"] in {
        volume["target"] for volume in services["grafana"]["volumes"] if isinstance(volume, dict)
    }
    source, alerts = yaml.safe_load((DASHBOARDS / "provisioning/datasources/prometheus.yaml").read_text())[
        "datasources"
    ]
    assert (source["url"], alerts["url"]) == ("http://prometheus:9090", "http://alertmanager:9093")
