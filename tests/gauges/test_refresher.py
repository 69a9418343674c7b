"""A refresh: it sees every change, reads nothing twice, and shows a bounded number of samples."""

from itertools import pairwise

import httpx
import pytest
from redis.asyncio import Redis

from service.agreement.label_lists import LabelFilter, remove_labels
from service.agreement.labelling import put_labels
from service.contracts.items import Item
from service.gauges import refresher
from service.gauges.catalogue import AGREEMENT_GAUGES, PAIR_ENDS, PAIR_GAUGES, PANEL_GAUGES, QUEUE_GAUGES
from service.gauges.computing import Memo
from service.gauges.refresher import Refresher
from service.store import clock, gauges
from service.store.metric_families import metric_families
from tests.gauges.conftest import PEOPLE, SCORES, Scrape, say, score, values
from tests.store.labelled import KEEP_S, MODELS, judge_of, judged, label
from tests.store.made import MODEL


async def test_judges_past_the_cap_are_added_up_and_counted(
    redis: Redis, scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresher, "MAX_JUDGE_SERIES", 2)
    for version in range(1, 6):
        await score(redis, judge_of(version=version), 3, 4, first=2 * version)
        await say(redis, 3, 3, first=2 * version)
    shown = await scrape()
    pairs = values(shown["agreement_pairs"], "judge", "version", "model", window="7d")
    assert pairs == {("wit", "5", MODEL): 2, ("wit", "4", MODEL): 2, ("other", "", "other"): 6}
    assert values(shown["agreement_exact"], judge="other", window="7d") == {(): 0.5}
    assert shown["metrics_series_dropped"][0].value == 3
    await scrape()
    dropped = next(each for each in await metric_families(redis, "") if each.name == "metrics_series_dropped")
    assert dropped.samples[0].value == 6


async def refreshed_by(refresher: Refresher, redis: Redis) -> dict[tuple[str, ...], float | None]:
    """All gauges of this refresher after a refresh, by their names and labels."""
    await refresher.refresh()
    found = await gauges.load_gauges(redis)
    assert found is not None
    return {(gauge.name, *row.labels): row.value for gauge in found.gauges for row in gauge.rows}


async def test_a_refresher_sees_every_change(redis: Redis) -> None:
    """What it remembers from its last refresh is as good as what another one computes anew."""
    lasting, judge = Refresher(redis), judge_of()
    seen = []
    for number, value in enumerate([1, 2, 3]):
        await score(redis, judge, value, 4, first=2 * number)
        seen.append(await refreshed_by(lasting, redis))
        await say(redis, value, 5, first=2 * number)
        seen.append(await refreshed_by(lasting, redis))
        await say(redis, value + 1, first=2 * number)
        seen.append(await refreshed_by(lasting, redis))
        await remove_labels(redis, LabelFilter(item_id=f"t/{2 * number}"), keep_s=KEEP_S)
        seen.append(await refreshed_by(lasting, redis))
        assert seen[-1] == await refreshed_by(Refresher(redis), redis)
    assert all(before != after for before, after in pairwise(seen))


async def test_what_has_not_changed_is_not_read_again(redis: Redis) -> None:
    await score(redis, judge_of(), *SCORES, days=3)
    await say(redis, *PEOPLE)
    lasting = Refresher(redis)
    reads = []
    for _ in range(2):
        await redis.config_resetstat()
        await lasting.refresh()
        reads.append((await redis.info("commandstats"))["cmdstat_hgetall"]["calls"])
    assert reads[1] < reads[0] / 2


async def test_what_is_added_up_takes_turns(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresher, "MAX_JUDGE_SERIES", 0)
    monkeypatch.setattr(refresher, "MAX_ADDED_UP", 1)
    criteria = ("tact", "thrift", "wit")
    lasting, judges = Refresher(redis), [judge_of(criterion=each) for each in criteria]

    async def means() -> dict[str, float | None]:
        found = await refreshed_by(lasting, redis)
        named = {each: found.get(("judge_mean", "other", "", each, "other", "all")) for each in criteria}
        return {each: value for each, value in named.items() if value is not None}

    for number, judge in enumerate(judges):
        await score(redis, judge, 2, first=number)
    assert [len(await means()) for _ in range(4)] == [1, 2, 3, 3]
    for number, judge in enumerate(judges):
        await score(redis, judge, 4, first=10 + number)
    newer = [sum(value == 3 for value in (await means()).values()) for _ in range(4)]
    assert newer[-1] == 3
    assert newer == sorted(newer)


@pytest.mark.parametrize("most", [0, 20, 150, 400])
async def test_there_are_never_more_samples_than_the_cap(
    redis: Redis, scrape: Scrape, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    for module, name, limit in (
        (refresher, "MAX_GAUGE_SERIES", most),
        (gauges, "MAX_GAUGE_SERIES", most),
        (refresher, "OTHERS", most // 4),
        (refresher, "BESIDE", most // 4),
    ):
        monkeypatch.setattr(module, name, limit)
    for version in range(1, 4):
        judge = judge_of(models=MODELS, version=version)
        for number, each in enumerate(SCORES):
            item = Item(id=f"t/{version}/{number}", output="text")
            await judged(redis, judge, item, [each, min(each + version, 5)])
            await put_labels(redis, [label(f"t/{version}/{number}", "ann", PEOPLE[number])], keep_s=KEEP_S)
    shown = await scrape()
    samples = [each for name in AGREEMENT_GAUGES for each in shown.get(name, [])]
    assert len(samples) <= most
    assert shown["metrics_series_dropped"][0].value > 0
    refreshed = await gauges.load_gauges(redis)
    assert refreshed is not None
    assert sum(len(each.rows) for each in refreshed.gauges) == len(samples)


async def test_values_come_before_the_ends_of_intervals(
    redis: Redis, scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ends of people and panels are left out first, and are not counted as dropped."""
    judge = judge_of(models=MODELS)
    for number, each in enumerate(SCORES):
        await judged(redis, judge, Item(id=f"t/{number}", output="text"), [each, min(each + 1, 5)])
    shown = await scrape()
    values_only = sum(len(shown[name]) for name in (*PAIR_GAUGES, *PANEL_GAUGES, *QUEUE_GAUGES) if name in shown)
    assert "panel_agreement_exact_lower" in shown
    monkeypatch.setattr(refresher, "BESIDE", values_only)
    shown = await scrape()
    assert "panel_agreement_exact" in shown
    assert not shown.keys() & PAIR_ENDS.keys()
    assert all(each.value == 0 for each in shown.get("metrics_series_dropped", []))


async def test_nothing_judged_yet_is_a_time_and_nothing_else(redis: Redis, scrape: Scrape) -> None:
    before = clock.now_ms() / 1000
    shown = await scrape()
    assert shown["agreement_refreshed_timestamp_seconds"][0].value >= before
    assert not set(AGREEMENT_GAUGES) & set(shown)


async def test_before_the_first_refresh_there_are_no_gauges(api: httpx.AsyncClient) -> None:
    assert "agreement" not in (await api.get("/metrics")).text


async def test_a_refresher_sees_what_comes_after_its_first_look(redis: Redis, api: httpx.AsyncClient) -> None:
    refresher = Refresher(redis)
    judge = judge_of()
    await score(redis, judge, 3, days=5)
    pairs = []
    for values_said in ((), (3,), (4,)):
        await say(redis, *values_said)
        await refresher.refresh()
        refreshed = await gauges.load_gauges(redis)
        assert refreshed is not None
        rows = {each.name: dict(each.rows) for each in refreshed.gauges}
        key = ("wit", "1", "wit", MODEL, "7d")
        pairs.append((rows["agreement_pairs"][key], rows["agreement_exact"].get(key)))
    assert pairs == [(0, None), (1, 1.0), (1, 0.0)]


def test_what_does_not_change_is_computed_once() -> None:
    memo, computed = Memo(), []

    def look(fields: dict[str, int]) -> int:
        return memo.of("a", fields, lambda: computed.append(fields) or len(computed))  # type: ignore[func-returns-value]

    for _ in range(3):
        memo.turn()
        assert (look({"x": 1, "y": 2}), look({"y": 2, "x": 1})) == (1, 1)
    assert look({"x": 2, "y": 2}) == 2
    memo.turn()
    memo.turn()
    assert look({"x": 1, "y": 2}) == 3
    assert len(computed) == 3
