"""The counters of series, window by window, with the time before; empty buckets of the past are read once an hour."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from service.contracts.items import Item
from service.gauges.window_counters import GAUGE_WINDOWS, WindowReader
from service.store import clock, keys
from service.store.agreement_counters import Wanted
from tests.store.labelled import judge_of, judged
from tests.store.made import MODEL

HOUR_MS = 3_600_000
TODAY = 20_000  # days since the epoch
NOW_MS = (TODAY * 24 + 12) * HOUR_MS
SERIES = ("wit@1 a/x", "wit@1 a/y")


async def count(redis: Redis, kind: str, bucket: str, by: int = 1, series: str = SERIES[0]) -> None:
    await redis.hincrby(keys.agreement_counters(kind, bucket, series, "wit"), "n", by)  # type: ignore[misc]


def day(before: int) -> str:
    return f"d{TODAY - before}"


def hour(before: int) -> str:
    return f"h{TODAY * 24 + 12 - before}"


def begun(redis: Redis, now_ms: int = NOW_MS) -> WindowReader:
    reader = WindowReader(redis)
    reader.begin(now_ms)
    return reader


async def read(redis: Redis, reader: WindowReader | None = None, now_ms: int = NOW_MS) -> dict[str, tuple[int, int]]:
    """The sums of `seen`, over each window and over the time before."""
    reader = reader or begun(redis)
    reader.begin(now_ms)
    found = (await reader.counters("wit", SERIES[:1])).windows
    return {window: (each.seen.get("n", 0), each.reference_seen.get("n", 0)) for window, each in found.items()}


async def test_judgments_count_in_their_windows_and_in_the_time_before_them(redis: Redis) -> None:
    for days in (0, 3, 20, 60):
        item = Item(id=f"t/{days}", output=f"text {days}")
        await judged(redis, judge_of(), item, [4], ago=timedelta(days=days))
    windows = (await begun(redis, clock.now_ms()).counters("wit", [f"wit@1 {MODEL}"])).windows

    def scores(fields: Mapping[str, int]) -> int:
        return sum(number for field, number in fields.items() if field.startswith("score"))

    assert [scores(windows[name].seen) for name in GAUGE_WINDOWS] == [1, 2, 3, 4]
    assert [scores(windows[name].reference_seen) for name in GAUGE_WINDOWS] == [2, 1, 1, 0]


async def test_nothing_judged_is_empty_in_every_window(redis: Redis) -> None:
    found = (await begun(redis).counters("wit", SERIES)).windows
    assert tuple(found) == GAUGE_WINDOWS
    for each in found.values():
        assert (each.agreed, each.seen, each.reference_agreed, each.reference_seen) == ({}, {}, {}, {})
        assert not any(each.agreed_each)


@pytest.mark.parametrize(
    ("before", "windows", "references"),
    [
        (0, {"7d", "30d"}, set()),
        (1, {"7d", "30d"}, set()),
        (2, {"7d", "30d"}, {"24h"}),
        (7, {"7d", "30d"}, {"24h"}),
        (8, {"30d"}, {"24h", "7d"}),
        (30, {"30d"}, {"24h", "7d"}),
        (31, set(), {"24h", "7d", "30d"}),
        (37, set(), {"7d", "30d"}),
        (38, set(), {"30d"}),
        (90, set(), {"30d"}),
        (91, set(), set()),
    ],
)
async def test_a_day_counts_in_its_windows_or_as_the_time_before_them(
    redis: Redis, before: int, windows: set[str], references: set[str]
) -> None:
    await count(redis, "seen", day(before))
    found = await read(redis)
    assert {window for window, (seen, _) in found.items() if seen} == windows
    assert {window for window, (_, reference) in found.items() if reference} == references


async def test_hours_count_in_the_last_day_alone_and_all_times_have_a_bucket_of_their_own(redis: Redis) -> None:
    for before in (0, 24, 25):
        await count(redis, "seen", hour(before))
    await count(redis, "seen", "all", 7)
    assert await read(redis) == {"24h": (2, 0), "7d": (0, 0), "30d": (0, 0), "all": (7, 0)}


async def test_series_are_added_up_and_agreement_is_also_there_bucket_by_bucket(redis: Redis) -> None:
    for number, series in enumerate(SERIES, 1):
        for before in (0, 5):
            await count(redis, "seen", day(before), 10, series)
            await count(redis, "agreed", day(before), number, series)
    week = (await begun(redis).counters("wit", SERIES)).windows["7d"]
    assert (week.seen, week.agreed) == ({"n": 40}, {"n": 6})
    assert week.agreed_each[-8:] == [{}, {}, {"n": 3}, {}, {}, {}, {}, {"n": 3}]  # from the oldest day to today
    assert week.agreed_each[:-8] == [{}] * 30  # the time before


async def test_the_history_is_days_and_then_the_hours_since_yesterday_began(redis: Redis) -> None:
    buckets = (day(91), day(90), day(2), day(1), hour(37), hour(36), hour(0))
    for number, bucket in enumerate(buckets, 1):
        for kind in ("seen", "agreed"):
            await count(redis, kind, bucket, number)
    await count(redis, "seen", "all", 9)
    await count(redis, "agreed", "all", 9)
    history = (await begun(redis).counters("wit", SERIES)).history
    assert history.agreed == {"n": 9}
    assert history.days == [{"n": 2}, *[{}] * 87, {"n": 3}]
    assert history.hours == [{"n": 6}, *[{}] * 35, {"n": 7}]


async def test_an_empty_bucket_of_the_past_is_not_read_again_within_the_hour(redis: Redis) -> None:
    reader = begun(redis)
    assert (await read(redis, reader))["7d"] == (0, 0)
    await count(redis, "seen", day(3))
    assert (await read(redis, reader))["7d"] == (0, 0)
    assert (await read(redis, reader, NOW_MS + HOUR_MS))["7d"] == (1, 0)


@pytest.mark.parametrize("bucket", [hour(0), hour(1), day(0), day(1), "all"])
async def test_a_bucket_that_may_still_be_written_is_read_each_time(redis: Redis, bucket: str) -> None:
    reader = begun(redis)
    await read(redis, reader)
    await count(redis, "seen", bucket)
    assert any(seen for seen, _ in (await read(redis, reader)).values())


async def test_a_bucket_of_the_past_with_judgments_is_read_each_time(redis: Redis) -> None:
    """Labels may still be added to it."""
    reader = begun(redis)
    await count(redis, "seen", day(3))
    await read(redis, reader)
    await count(redis, "agreed", day(3))
    assert (await reader.counters("wit", SERIES[:1])).windows["7d"].agreed == {"n": 1}


async def test_a_total_adds_up_several_series_over_one_window(redis: Redis) -> None:
    for series in SERIES:
        for before in (0, 7, 8):
            await count(redis, "between", day(before), 1, series)
    wanted = [Wanted("between", series, "wit") for series in SERIES]
    reader = begun(redis)
    assert await reader.total(wanted, "7d") == {"n": 4}
    assert await reader.total(wanted[:1], "30d") == {"n": 3}
    assert await reader.total([], "30d") == {}


def scores(count: int) -> dict[str, int]:
    return {"score\t3\t0": count}


async def put(redis: Redis, series: str, bucket: str, seen: int, agreed: int = 1) -> None:
    names = {kind: keys.agreement_counters(kind, bucket, series, "wit") for kind in ("seen", "agreed")}
    await redis.hset(names["seen"], mapping=scores(seen))  # type: ignore[misc]
    await redis.hset(names["agreed"], mapping={"n": agreed})  # type: ignore[misc]


async def test_the_reference_is_the_first_served_model_with_a_hundred_scores_before_the_window(redis: Redis) -> None:
    new, short, long, oldest = (f"wit@1 a/x m-{n}" for n in (4, 3, 2, 1))
    for series, before, seen in ((new, 0, 50), (new, 9, 99), (short, 10, 99), (long, 11, 100), (oldest, 12, 500)):
        await put(redis, series, day(before), seen, before or 1)
        await put(redis, series, "all", seen)
    reader = begun(redis)
    found = await reader.counters("wit", [new], [[short], [long], [oldest]])
    week = found.windows["7d"]
    assert (week.seen, week.agreed) == (scores(50), {"n": 1})  # of the newest alone
    assert (week.reference_seen, week.reference_agreed) == (scores(100), {"n": 11})
    assert [each for each in week.agreed_each if each] == [{"n": 11}, {"n": 1}]
    assert [each["n"] for each in found.history.days if each] == [12, 11, 10, 9]  # of all, in the order of time
    assert found.history.agreed == {"n": 4}
    await put(redis, new, day(9), 100, 9)
    week = (await reader.counters("wit", [new], [[short], [long], [oldest]])).windows["7d"]
    assert (week.reference_seen, week.reference_agreed) == (scores(100), {"n": 9})
