"""The counters of series, window by window."""

from datetime import timedelta

from redis.asyncio import Redis

from service.contracts.items import Item
from service.store import clock
from service.store.agreement_counters import Wanted
from tests.store.labelled import judge_of, judged
from tests.store.made import MODEL
from worker.gauges.window_counters import GAUGE_WINDOWS, WindowReader

SERIES = f"wit@1 {MODEL}"


async def scored(redis: Redis, *days_ago: float) -> None:
    for number, days in enumerate(days_ago):
        item = Item(id=f"t/{days}/{number}", output=f"text {number} {days}")
        await judged(redis, judge_of(), item, [4], ago=timedelta(days=days))


async def test_each_window_has_its_own_and_the_time_before_it(redis: Redis) -> None:
    await scored(redis, 0, 3, 20, 60)
    windows = await WindowReader(redis).windows("wit", [SERIES], clock.now_ms())

    def count(fields: object) -> int:
        assert isinstance(fields, dict)
        return sum(number for field, number in fields.items() if field.startswith("score"))

    assert {name: count(each.seen) for name, each in windows.items()} == {"24h": 1, "7d": 2, "30d": 3, "all": 4}
    assert {name: count(each.reference_seen) for name, each in windows.items()} == {
        "24h": 2,
        "7d": 1,
        "30d": 1,
        "all": 0,
    }
    assert tuple(windows) == GAUGE_WINDOWS


async def test_what_is_judged_later_is_seen_by_the_same_reader(redis: Redis) -> None:
    reader = WindowReader(redis)
    for expected in (1, 2):
        await scored(redis, *[0.0] * expected)
        reader.begin(clock.now_ms())
        total = await reader.total([Wanted("seen", SERIES, "wit")], "7d", clock.now_ms())
        assert sum(number for field, number in total.items() if field.startswith("outcome")) > 0
