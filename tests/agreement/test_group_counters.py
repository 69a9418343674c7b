"""The counters of groups: those of all groups together are the counters of all items."""

from collections import Counter
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from service.agreement.group_counters import group_counters, in_window, items_of_group, window_counters
from service.agreement.labelling import put_labels
from service.agreement.series_names import series_name
from service.contracts.items import Item
from service.contracts.labels import NewLabel
from service.contracts.refusals import Refused
from service.store import clock
from service.store.agreement_counters import Wanted
from tests.store.labelled import FAILED, KEEP_S, MODELS, judge_of, judged

HOUR_MS = 3_600_000


async def test_groups_add_up_to_all_items(redis: Redis) -> None:
    judge = judge_of(MODELS)
    for n in range(12):
        for group in ("v1", "v2"):
            values: list[float | str | None] = [1 + n % 5, FAILED if n == 3 else 1 + n * 2 % 5]
            await judged(redis, judge, Item(id=f"{group}-{n}", output=f"{group}{n}", group=group, case=str(n)), values)
    labels = [
        NewLabel(item_id=f"{group}-{n}", criterion="wit", annotator=annotator, score=1 + (n + shift) % 5)
        for group in ("v1", "v2")
        for annotator, shift in (("ann", 0), ("ben", 1))
        for n in range(shift, 9)
    ]
    await put_labels(redis, labels, keep_s=KEEP_S)
    series = [series_name("wit@1", model) for model in (*MODELS, "panel")]
    wanted = [Wanted(kind, name, "wit") for kind in ("agreed", "seen") for name in series]
    wanted += [Wanted("panel", "wit@1", "wit"), Wanted("ceiling", "", "wit")]
    wanted += [Wanted("between", "|".join(sorted(series[:2])), "wit")]
    for window in ("all", "24h"):
        whole = await window_counters(redis, window)(wanted)
        parts = [await group_counters(redis, "wit", group, window, keep_s=KEEP_S) for group in ("v1", "v2")]
        read = [await part(wanted) for part in parts]
        assert all(whole)
        assert [dict(Counter(one) + Counter(other)) for one, other in zip(*read, strict=True)] == [
            dict(+Counter(each)) for each in whole
        ]


async def test_only_the_contents_of_the_group_count(redis: Redis) -> None:
    judge = judge_of()
    for group, score in (("v1", 2), ("v2", 4)):
        await judged(redis, judge, Item(id="t", output=f"text of {group}", group=group), [score])
    await put_labels(redis, [NewLabel(item_id="t", criterion="wit", annotator="ann", score=4)], keep_s=KEEP_S)
    [first], [second] = [await items_of_group(redis, "wit", group, keep_s=KEEP_S) for group in ("v1", "v2")]
    assert (len(first.item.scores), len(first.item.labels)) == (1, 0)
    assert (len(second.item.scores), len(second.item.labels)) == (1, 1)


async def test_a_window_leaves_out_older_judgments(redis: Redis) -> None:
    judge, keep_s = judge_of(), 30 * 86_400
    await judged(redis, judge, Item(id="new", output="a", group="v1"), [2])
    await judged(redis, judge, Item(id="old", output="b", group="v1"), [2], ago=timedelta(hours=2))
    read = await group_counters(redis, "wit", "v1", "24h", keep_s=keep_s)
    [seen] = await read([Wanted("seen", series_name("wit@1", judge.models[0]), "wit")])
    assert seen["outcome\tscored\t"] == seen["rest\t2"] == 2
    now = clock.now_ms()
    is_in = in_window("24h", now)
    assert [is_in(now // HOUR_MS - hours) for hours in (0, 23, 24, 25, 48)] == [True, True, True, False, False]
    assert in_window("all", now)(0)


async def test_a_group_that_nobody_judged_is_refused(redis: Redis) -> None:
    with pytest.raises(Refused, match="no item of the group 'v1' was judged on 'wit'"):
        await items_of_group(redis, "wit", "v1", keep_s=KEEP_S)
