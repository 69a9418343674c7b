"""The page on sizing: its tables are those of the model, and the overlays bear what it says."""

import re
from typing import Any

import pytest

from tests.benchmarks.sizing import RECORDED, TEXT, Load, between, most_a_second, needs, tables
from tests.deploy.test_kubernetes import rendered
from tests.test_docs import page

TOOK = between(*RECORDED[:2], TEXT)


def containers(overlay: str) -> dict[str, Any]:
    pods = [each["spec"]["template"]["spec"] for each in rendered(overlay) if each["kind"] == "Deployment"]
    return {each["name"]: each for pod in pods for each in pod["containers"]}


def mb(amount: str) -> float:
    return float(amount.removesuffix("Mi")) * 1.048576


def test_the_tables_of_the_page_are_those_of_the_model() -> None:
    """If this fails: put what `python -m tests.benchmarks.sizing --recorded` prints into the page."""
    for table in tables(*RECORDED):
        assert table in page("sizing.md")
    for took in (TOOK, RECORDED[2]):
        assert f"{most_a_second(took, 0.6):,.0f} " in page("sizing.md")


def test_more_judgments_need_more_and_a_shorter_time_less() -> None:
    little, much, short = (needs(TOOK, load) for load in (Load(1e6, 30), Load(1e8, 30), Load(1e8, 1)))
    assert much.memory_gb == pytest.approx(100 * little.memory_gb)
    assert short.memory_gb == pytest.approx(much.memory_gb / 30)
    assert (short.workers, short.store_core) == (much.workers, much.store_core)
    assert needs(TOOK, Load(1e8, 1, max_calls=1024)).workers == 7


def test_between_two_texts_is_a_straight_line() -> None:
    short, long = RECORDED[:2]
    assert between(short, long, short.text) == short
    assert between(short, long, (short.text + long.text) / 2).memory == pytest.approx((short.memory + long.memory) / 2)


def test_one_worker_bears_what_the_small_overlay_says() -> None:
    assert needs(TOOK, Load(3.68e6, 1)).workers == 1
    assert needs(TOOK, Load(3.7e6, 1)).workers == 2
    assert "3.7 million a day" in page("sizing.md")


def test_the_large_overlay_scales_to_the_workers_of_a_hundred_million() -> None:
    [scaled] = [each["spec"] for each in rendered("large") if each["kind"] == "ScaledObject"]
    assert scaled["maxReplicaCount"] >= needs(TOOK, Load(1e8, 1)).workers
    assert f"up to {scaled['maxReplicaCount']} workers" in page("sizing.md")


@pytest.mark.parametrize("overlay", ["small", "large"])
def test_requests_and_limits_have_room_for_what_was_measured(overlay: str) -> None:
    found = containers(overlay)
    for name, used in (("api", TOOK.api_mb), ("worker", TOOK.worker_mb)):
        resources = found[name]["resources"]
        assert mb(resources["requests"]["memory"]) > 1.25 * used
        assert mb(resources["limits"]["memory"]) > 3 * used
    cores = re.fullmatch(r"(\d+)m", found["worker"]["resources"]["requests"]["cpu"])
    assert cores
    assert int(cores[1]) / 1000 >= needs(TOOK, Load(3.68e6, 1)).peak_rate * TOOK.worker_ms / 1000 / 0.6
