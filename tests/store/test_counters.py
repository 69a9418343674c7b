"""The metrics that only grow: exact sums, a cap on series, histograms as Prometheus reads them."""

import math
from collections.abc import Iterable

import pytest
from prometheus_client.samples import Sample
from redis.asyncio import Redis

from service.store import counters, keys
from service.store.connection import connect
from service.store.counters import (
    JUDGMENTS,
    PROVIDER_RETRIES,
    PROVIDER_SECONDS,
    SCORES,
    Increment,
    WaitingCounts,
    increment,
    observe,
)
from service.store.errors import StoreUnavailableError
from service.store.metric_families import metric_families
from tests.store.outages import frozen


async def samples(redis: Redis) -> dict[str, list[Sample]]:
    """Every sample by the name of its family."""
    return {each.name: each.samples for each in await metric_families(redis, "judged_")}


async def add_capped(redis: Redis, increments: Iterable[Increment], cap: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "MAX_SERIES", cap)
    await counters.add_counts(redis, increments)


async def test_counts_add_up_under_their_labels(redis: Redis) -> None:
    for _ in range(3):
        await counters.add_counts(redis, [increment(JUDGMENTS, "wit", "1", "m", "scored", "", by=2)])
    await counters.add_counts(redis, [increment(JUDGMENTS, "wit", "1", "m", "failed", "auth")])
    got = {
        (each.labels["outcome"], each.labels["reason"]): each.value
        for each in (await samples(redis))["judged_judgments"]
    }
    assert got == {("scored", ""): 6, ("failed", "auth"): 1}


async def test_counts_whose_answer_was_lost_are_added_once(store_url: str, redis: Redis) -> None:
    """A frozen store carries out each try of the flush once it goes on."""
    client = connect(store_url, retries=1, max_connections=2, timeout_s=0.1)
    waiting = WaitingCounts(client)
    waiting.add([increment(PROVIDER_RETRIES, "p", "p/m")])
    await waiting.flush()
    waiting.add([increment(PROVIDER_RETRIES, "p", "p/m", by=10)])
    async with frozen(redis):
        with pytest.raises(StoreUnavailableError):
            await waiting.flush()
    waiting.add([increment(PROVIDER_RETRIES, "p", "p/m", by=100)])
    await waiting.flush()
    await client.aclose()
    assert (await samples(redis))["judged_provider_retries"][0].value == 111
    assert not waiting.are_there
    assert 0 < await redis.ttl(keys.counts_added(waiting._sender)) <= 86400


async def test_dollars_add_up_exactly(redis: Redis) -> None:
    for _ in range(10):
        await counters.add_counts(redis, [increment(counters.COST, "m", by=0.1)])
    assert (await samples(redis))["judged_cost_usd"][0].value == 1.0


async def test_a_histogram_is_cumulative_and_ends_with_its_count(redis: Redis) -> None:
    for seconds in (0.001, 0.005, 0.0051, 7, 1000):
        await counters.add_counts(redis, observe(PROVIDER_SECONDS, "p", "p/m", "200", value=seconds))
    got = (await samples(redis))["judged_provider_request_seconds"]
    buckets = {each.labels["le"]: each.value for each in got if each.name.endswith("_bucket")}
    assert (buckets["0.005"], buckets["0.01"], buckets["5.0"], buckets["10.0"]) == (2, 3, 3, 4)
    assert (buckets["300.0"], buckets["+Inf"]) == (4, 5)
    assert list(buckets.values()) == sorted(buckets.values())
    values = {each.name.rpartition("_")[2]: each.value for each in got if "le" not in each.labels}
    assert values["count"] == 5
    assert values["sum"] == pytest.approx(1007.0111)


async def test_series_past_the_cap_go_to_other_and_are_counted(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    def scored(model: str) -> Increment:
        return increment(SCORES, "wit", "1", model, "4")

    await add_capped(redis, [scored(f"m{number}") for number in range(5)], 3, monkeypatch)
    await add_capped(redis, [scored("m0"), scored("m4")], 3, monkeypatch)
    stored = await samples(redis)
    by_model = {each.labels["model"]: each.value for each in stored["judged_score"]}
    assert by_model == {"m0": 2, "m1": 1, "m2": 1, "other": 3}
    assert stored["judged_metrics_series_dropped"][0].value == 3
    assert sum(by_model.values()) == 7


async def test_closed_labels_keep_their_values_past_the_cap(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    await add_capped(redis, [increment(JUDGMENTS, "wit", "1", "m", "failed", "auth")], 0, monkeypatch)
    (sample,) = (await samples(redis))["judged_judgments"]
    assert sample.labels == {
        "judge": "other",
        "version": "other",
        "model": "other",
        "outcome": "failed",
        "reason": "auth",
    }


async def test_a_histogram_past_the_cap_stays_a_histogram(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    for model in ("p/a", "p/b"):
        await add_capped(redis, observe(PROVIDER_SECONDS, "p", model, "200", value=0.2), 2, monkeypatch)
    got = (await samples(redis))["judged_provider_request_seconds"]
    counts = {each.labels["model"]: each.value for each in got if each.name.endswith("_count")}
    assert counts == {"p/a": 1, "other": 1}


async def test_nothing_counted_yet_is_no_sample_and_never_nan(redis: Redis) -> None:
    families = await samples(redis)
    assert set(families) >= {"judged_judgments", "judged_judgment_seconds"}
    assert not any(math.isnan(each.value) for family in families.values() for each in family)
    assert families["judged_judgments"] == []


async def test_names_keep_their_order_of_labels_with_empty_ones(redis: Redis) -> None:
    await counters.add_counts(redis, [increment(JUDGMENTS, "inline", "", "m", "scored", "")])
    (sample,) = (await samples(redis))["judged_judgments"]
    assert (sample.labels["judge"], sample.labels["version"], sample.labels["reason"]) == ("inline", "", "")


async def test_what_no_metric_knows_is_left_out(redis: Redis) -> None:
    await redis.hset(keys.COUNTERS, "of_a_later_version\tx", "3")  # type: ignore[misc]
    assert all(family == [] for family in (await samples(redis)).values())
