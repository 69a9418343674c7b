"""The gauges of anchors: those of each model of each judge with judged anchors, and none for the others."""

from datetime import timedelta

from redis.asyncio import Redis

from service.contracts.items import Item
from service.gauges.anchor_figures import AnchorReader
from service.gauges.refresher import Refresher
from service.store import anchors, clock
from service.store.gauges import load_gauges
from service.store.judges import put_judge
from tests.store.anchored import anchor_items, marked, repeated
from tests.store.labelled import judge_of, judged
from tests.store.made import MODEL

ITEMS = anchor_items(30)
USUAL = [2 + number % 3 for number in range(30)]


async def gauges_of(redis: Redis) -> dict[str, dict[tuple[str, ...], float | None]]:
    await Refresher(redis).refresh()
    saved = await load_gauges(redis)
    assert saved is not None
    return {
        each.name: {row.labels: row.value for row in each.rows}
        for each in saved.gauges
        if each.name.startswith("anchor_")
    }


async def test_a_changed_judge_shows(redis: Redis) -> None:
    await put_judge(redis, "wit", judge_of().definition)
    await marked(redis, ITEMS)
    assert {tuple(rows) for rows in (await gauges_of(redis)).values()} == {()}
    await repeated(redis, ITEMS, *[USUAL] * 4, [each + 1 for each in USUAL])
    found = await gauges_of(redis)
    labels = ("wit", "1", "wit", MODEL)
    assert {tuple(rows) for rows in found.values()} == {(labels,)}
    assert (found["anchor_shift_evidence"][labels] or 0) > 100
    assert found["anchor_shift_points"][labels] == 1
    assert (found["anchor_shift_points_lower"][labels] or 0) > 0.5
    assert found["anchor_shift_repeats"][labels] == 120
    assert (found["anchor_shift_of_judge"][labels], found["anchor_shift_of_traffic"][labels]) == (1, 0)


async def test_changed_texts_show_if_the_shift_is_of_the_last_day_alone(redis: Redis) -> None:
    judge = judge_of()
    await put_judge(redis, "wit", judge.definition)
    await marked(redis, ITEMS)
    await repeated(redis, ITEMS, *[USUAL] * 6)
    for number in range(100):
        for score, days in ((4.0, 5.0), (2.0, 0.0)):
            item = Item(id=f"t-{number}-{days}", output="text")
            await judged(redis, judge, item, [score + number % 2], ago=timedelta(days=days))
    found = await gauges_of(redis)
    labels = ("wit", "1", "wit", MODEL)
    assert (found["anchor_shift_of_judge"][labels], found["anchor_shift_of_traffic"][labels]) == (0, 1)


async def test_too_few_repeats_have_no_verdict(redis: Redis) -> None:
    await put_judge(redis, "wit", judge_of().definition)
    await marked(redis, ITEMS)
    await repeated(redis, ITEMS, USUAL, USUAL)
    found = await gauges_of(redis)
    assert [list(found[f"anchor_shift_of_{whose}"]) for whose in ("judge", "traffic")] == [[], []]
    assert list(found["anchor_shift_repeats"].values()) == [30]


async def test_scores_are_read_again_once_there_are_others(redis: Redis) -> None:
    await put_judge(redis, "wit", judge_of().definition)
    await marked(redis, ITEMS)
    reader = AnchorReader(redis)
    assert await reader.figures(clock.now_ms()) == []
    await repeated(redis, ITEMS, USUAL)
    for _ in range(2):
        [(labels, _)] = await reader.figures(clock.now_ms())
        assert labels == ("wit", "1", "wit", MODEL)
    await anchors.delete_anchors(redis, "wit")
    assert await reader.figures(clock.now_ms()) == []
