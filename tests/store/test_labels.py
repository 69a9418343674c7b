"""Labels and judgments in any order leave the counters that a recount from the stored rows gives."""

from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from service.agreement.contributions import EVERY, LABELLED, recount
from service.contracts.items import Item
from service.contracts.judges import Choice, Method, Scale
from service.store import agreement_counters as tallies
from service.store import clock, criteria, keys, labels, rebuilding
from service.store.agreement_counters import Wanted
from tests.store.labelled import KEEP_S, MODELS, Row, judge_of, judged, label
from tests.store.made import MODEL

KINDS = ("agreed", "ceiling", "between", "panel", "seen")


async def counters(redis: Redis, bucket: str = "all") -> dict[str, dict[str, int]]:
    found = {}
    for kind in KINDS:
        async for key in redis.scan_iter(f"judged:{kind}:{bucket}:*"):
            stored = await redis.hgetall(key)  # type: ignore[misc]
            found[key.decode()] = {field.decode(): int(count) for field, count in stored.items()}
    return found


async def recounted(redis: Redis) -> dict[str, dict[str, int]]:
    rows = []
    async for key in redis.scan_iter("judged:item:*"):
        rows += rebuilding.rows_of(await redis.hgetall(key))  # type: ignore[misc]
    total: dict[str, dict[str, int]] = {}
    for counted, fields in recount(rows, EVERY).items():
        place = total.setdefault(keys.tally(counted.kind, "all", counted.series, counted.criterion), {})
        for field, count in fields.items():
            place[field] = place.get(field, 0) + count
    return {
        key: kept
        for key, fields in total.items()
        if (kept := {field: count for field, count in fields.items() if count})
    }


async def assert_recounts(redis: Redis, kinds: tuple[str, ...]) -> None:
    """Whether the counters of these kinds are those of the rows, but for those of events, which rows do not tell."""
    stored = {
        key: {field: count for field, count in fields.items() if ":seen:" not in key or field.startswith("rest\t")}
        for key, fields in (await counters(redis)).items()
    }
    wanted = await recounted(redis)
    for kind in kinds:
        mine, theirs = (
            {key: fields for key, fields in found.items() if key.split(":")[1] == kind and fields}
            for found in (stored, wanted)
        )
        assert mine == theirs
    proof = await rebuilding.rebuild(redis, repair=False)
    assert (proof.differing, proof.examples) == (0, [])


class Kind(NamedTuple):
    """A way to judge, and what may be said then."""

    judge: Row
    values: list[Any]


KINDS_OF_JUDGES = {
    "rating": Kind({}, [1, 2, 3, 5]),
    "any number": Kind({"scale": Scale(min=0, max=10, step=None)}, [0, 1.5, 3.3333, 10]),
    "expected scores": Kind({"score_from": "logprobs"}, [1, 2, 5]),
    "pass_fail": Kind({"method": Method.PASS_FAIL}, ["pass", "fail"]),
    "category": Kind(
        {"method": Method.CATEGORY, "choices": [Choice(label="good", score=1), Choice(label="so so")]},
        ["good", "so so"],
    ),
}

ITEMS = st.sampled_from(["a", "b"])
ANNOTATORS = st.sampled_from(["ann", "b/o b", "ü\t:"])


def steps_of(kind: Kind, *texts: str) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    value, days_ago = st.sampled_from(kind.values), st.sampled_from([0, 1, 60, 900])
    values = st.lists(value | st.none(), min_size=2, max_size=2)
    judgments = st.tuples(st.just("judge"), ITEMS, st.sampled_from(texts), st.sampled_from([1, 2]), values, days_ago)
    given_labels = st.tuples(st.just("label"), ITEMS, ANNOTATORS, value, st.sampled_from(["random", "targeted"]))
    deletions = st.tuples(st.just("delete"), ITEMS, ANNOTATORS)
    return st.lists(st.one_of(judgments, given_labels, deletions), min_size=1, max_size=25)


async def take(redis: Redis, kind: Kind, step: tuple[Any, ...]) -> None:
    match step:
        case ("judge", item, text, version, values, days):
            judge = judge_of(MODELS, version, **kind.judge)
            await judged(redis, judge, Item(id=item, output=text), values, ago=timedelta(days=days))
        case ("label", item, annotator, value, selection):
            await labels.put(redis, [label(item, annotator, value, selection=selection)], keep_s=KEEP_S)
        case ("delete", item, annotator):
            await labels.delete(redis, item, "wit", annotator, keep_s=KEEP_S)


RUN = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("kind", KINDS_OF_JUDGES.values(), ids=KINDS_OF_JUDGES)
@RUN
@given(data=st.data())
async def test_any_order_of_judgments_labels_and_deletions_recounts(
    redis: Redis, kind: Kind, data: st.DataObject
) -> None:
    await redis.flushall()
    for step in data.draw(steps_of(kind, "text")):
        await take(redis, kind, step)
    await assert_recounts(redis, EVERY)


@RUN
@given(steps=steps_of(KINDS_OF_JUDGES["rating"], "text", "other text", "third text"))
async def test_so_it_does_while_items_get_other_texts(redis: Redis, steps: list[tuple[Any, ...]]) -> None:
    """What was said of a text that nobody labelled is counted, and let go once there is another."""
    await redis.flushall()
    for step in steps:
        await take(redis, KINDS_OF_JUDGES["rating"], step)
    await assert_recounts(redis, LABELLED)


async def pairs(redis: Redis, model: str = MODEL, bucket: str = "all") -> dict[str, int]:
    """How often a label (first) met a judgment (second), whatever else is known of the pair."""
    [found] = await tallies.read(redis, [Wanted("agreed", f"wit@1 {model}", "wit")], [bucket])
    met: dict[str, int] = {}
    for field, count in found.items():
        if field.startswith("pair\t"):
            _, _, human, judge, *_ = field.split("\t")
            met[f"{human} {judge}"] = met.get(f"{human} {judge}", 0) + count
    return met


ITEM = Item(id="t-1", output="a joke")
JUDGE = judge_of()


@pytest.mark.parametrize("first", ["label", "judgment"])
async def test_a_pair_is_counted_once_whichever_comes_first_and_however_often(redis: Redis, first: str) -> None:
    async def both(order: list[str]) -> None:
        for each in order:
            if each == "label":
                await labels.put(redis, [label("t-1", "ann", 3)], keep_s=KEEP_S)
            else:
                await judged(redis, JUDGE, ITEM, [4])

    order = ["label", "judgment"] if first == "label" else ["judgment", "label"]
    await both([*order, "label", *order])
    assert await pairs(redis) == {"3 4": 1}
    assert await redis.hget(keys.COUNTERS, "labels_total\twit") == b"1"  # type: ignore[misc]


async def test_a_new_value_replaces_the_old_one_and_a_deletion_takes_it_back(redis: Redis) -> None:
    await judged(redis, JUDGE, ITEM, [4])
    for score in (3, 5):
        await labels.put(redis, [label("t-1", "ann", score)], keep_s=KEEP_S)
    assert await pairs(redis) == {"5 4": 1}
    assert [each.score for each in await labels.of_item(redis, "t-1")] == [5]
    assert await labels.delete(redis, "t-1", "wit", "ann", keep_s=KEEP_S)
    assert not await labels.delete(redis, "t-1", "wit", "ann", keep_s=KEEP_S)
    assert await pairs(redis) == {}
    assert not await redis.keys("judged:agreed:*")


async def test_a_late_label_is_counted_at_the_time_of_the_judgment(redis: Redis) -> None:
    await judged(redis, JUDGE, ITEM, [4], ago=timedelta(days=3))
    await labels.put(redis, [label("t-1", "ann", 3)], keep_s=KEEP_S)
    now_ms = clock.now_ms()
    [then], [today], [hour] = (
        tallies.days(now_ms, first=-3, last=-3),
        tallies.days(now_ms, first=0, last=0),
        tallies.hours(now_ms, first=-72, last=-72),
    )
    assert await pairs(redis, bucket=then) == {"3 4": 1}
    assert await pairs(redis, bucket=today) == {}
    assert await pairs(redis, bucket=hour) == {}  # hours are kept for two days
    assert await pairs(redis) == {"3 4": 1}


async def test_a_label_belongs_to_the_content_that_it_was_given_for(redis: Redis) -> None:
    await judged(redis, JUDGE, ITEM, [4])
    await labels.put(redis, [label("t-1", "ann", 3)], keep_s=KEEP_S)
    await judged(redis, JUDGE, Item(id="t-1", output="another joke"), [1])
    assert await pairs(redis) == {"3 4": 1}
    await labels.put(redis, [label("t-1", "bob", 2)], keep_s=KEEP_S)
    assert await pairs(redis) == {"3 4": 1, "2 1": 1}
    await labels.put(redis, [label("t-1", "ann", 3)], keep_s=KEEP_S)  # of what it is now
    assert await pairs(redis) == {"3 1": 1, "2 1": 1}
    await judged(redis, JUDGE, Item(id="t-1", output="another joke"), [5])
    assert await pairs(redis) == {"3 5": 1, "2 5": 1}
    await assert_recounts(redis, LABELLED)


async def test_what_is_not_scored_is_no_pair_and_leaves_the_last_that_was(redis: Redis) -> None:
    await labels.put(redis, [label("t-1", "ann", 3)], keep_s=KEEP_S)
    await judged(redis, JUDGE, ITEM, [None])
    assert await pairs(redis) == {}
    await judged(redis, JUDGE, ITEM, [4])
    await judged(redis, JUDGE, ITEM, [None])
    assert await pairs(redis) == {"3 4": 1}
    [seen] = await tallies.read(redis, [Wanted("seen", f"wit@1 {MODEL}", "wit")], ["all"])
    assert (seen["outcome\tscored\t"], seen["outcome\tunscored\tno_score"]) == (1, 2)


async def test_labels_off_the_scale_are_refused_whole(redis: Redis) -> None:
    await labels.admit(redis, [JUDGE.definition], keep_s=KEEP_S)
    bad = [label("t-1", "ann", 3), label("t-2", "ann", 9), label("t-3", "ann", 2.5), label("t-4", "ann", "pass")]
    with pytest.raises(labels.OffScaleLabelsError) as caught:
        await labels.put(redis, bad, keep_s=KEEP_S)
    assert [(index, field) for index, field, _ in caught.value.problems] == [(1, "score"), (2, "score"), (3, "label")]
    assert not await redis.keys("judged:item:*")


async def test_labels_from_before_the_scale_are_checked_when_it_comes(redis: Redis) -> None:
    early = [label("t-1", "ann", 3), label("t-1", "bob", 9), label("t-2", "ann", 4)]
    await labels.put(redis, early, keep_s=KEEP_S)
    await judged(redis, JUDGE, ITEM, [4])
    assert await pairs(redis) == {"3 4": 1}
    assert [(each.annotator, each.counted) for each in await labels.of_item(redis, "t-1")] == [
        ("ann", True),
        ("bob", False),
    ]
    await assert_recounts(redis, EVERY)


async def test_a_criterion_has_one_scale(redis: Redis) -> None:
    wider = judge_of(scale=Scale(min=1, max=10)).definition
    other = judge_of(criterion="depth", scale=Scale(min=1, max=10)).definition
    assert await criteria.register(redis, [JUDGE.definition, other]) == []
    [(position, detail)] = await criteria.register(redis, [JUDGE.definition, wider, other])
    assert position == 1
    assert "from 1 to 5" in detail


async def test_a_rebuild_finds_and_mends_what_does_not_fit(redis: Redis) -> None:
    await judged(redis, JUDGE, ITEM, [4])
    await labels.put(redis, [label("t-1", "ann", 3), label("t-1", "bob", 4)], keep_s=KEEP_S)
    sound = await counters(redis)
    key = f"judged:agreed:all:wit@1 {MODEL}:wit"
    await redis.hincrby(key, "item\tr", 7)  # type: ignore[misc]
    await redis.hset("judged:agreed:all:nobody@1 x/y:wit", "item\tr", "1")  # type: ignore[misc]
    found = await rebuilding.rebuild(redis, repair=False)
    assert (found.items, found.labels, found.differing, found.repaired) == (1, 2, 2, False)
    assert {(each.hash, each.stored, each.recounted) for each in found.examples} == {
        (key, 8, 1),
        ("judged:agreed:all:nobody@1 x/y:wit", 1, 0),
    }
    assert (await rebuilding.rebuild(redis, repair=True)).repaired
    assert await counters(redis) == sound
    assert (await rebuilding.rebuild(redis, repair=False)).differing == 0


async def test_a_judgment_again_tells_how_far_a_judge_repeats_itself(redis: Redis) -> None:
    await judged(redis, JUDGE, ITEM, [4])
    await judged(redis, JUDGE, ITEM, [5])
    await judged(redis, JUDGE, ITEM, [5], cached=True)  # tells nothing: it is the same answer
    [seen] = await tallies.read(redis, [Wanted("seen", f"wit@1 {MODEL}", "wit")], ["all"])
    assert {field: count for field, count in seen.items() if field.startswith("repeat")} == {"repeat\t4\t5": 1}


async def test_an_item_that_nobody_labels_goes_when_its_time_is_over(redis: Redis) -> None:
    await judged(redis, JUDGE, ITEM, [4])
    assert 0 < await redis.ttl(keys.item("t-1")) <= KEEP_S
    await labels.put(redis, [label("t-1", "ann", 3)], keep_s=KEEP_S)
    assert await redis.ttl(keys.item("t-1")) == -1
    await judged(redis, JUDGE, ITEM, [5])
    assert await redis.ttl(keys.item("t-1")) == -1
    await labels.delete(redis, "t-1", "wit", "ann", keep_s=KEEP_S)
    assert 0 < await redis.ttl(keys.item("t-1")) <= KEEP_S
