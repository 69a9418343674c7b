"""Labels and judgments in any order leave the counters that a plain recount of the same items gives."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any, NamedTuple

import krippendorff
import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from service.agreement.admission import admit_judges
from service.agreement.coding import Coding
from service.agreement.contributions import COUNTER_KINDS, LABEL_KINDS, CodedItem, CodedLabel, CounterKind
from service.agreement.label_lists import remove_label
from service.agreement.labelling import OffScaleLabelsError, labels_of_item, put_labels
from service.agreement.rebuilding import rebuild
from service.agreement.recording import MAX_ATTEMPTS, record_judgments
from service.agreement.reports import panel_alpha
from service.agreement.rival_fields import judges_scores
from service.agreement.stored_items import coded_item
from service.contracts.criteria import CriterionScale
from service.contracts.items import Item, content_digest
from service.contracts.judges import Choice, Method, Scale
from service.contracts.refusals import Refused
from service.store import agreement_counters as tallies
from service.store import clock, keys
from service.store.agreement_counters import Wanted
from service.store.errors import BusyError
from service.store.items import all_items, load_item
from tests.agreement.following import FollowedItem
from tests.agreement.recounting import recount
from tests.store.labelled import FAILED, KEEP_S, Row, judge_of, judged, label, one
from tests.store.made import MODEL, committed

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
FIVE_MODELS = tuple(f"openai/gpt-{letter}" for letter in "abcde")


async def counters(redis: Redis) -> dict[str, dict[str, int]]:
    """All counters but those of events, which an item's state does not tell."""
    stored = await tallies.all_counters(redis, COUNTER_KINDS)
    kept = {
        key: {field: count for field, count in fields.items() if ":seen:" not in key or field.startswith("rest\t")}
        for key, fields in stored.items()
    }
    return {key: fields for key, fields in kept.items() if fields}


def recounted(items: list[CodedItem], kinds: tuple[CounterKind, ...]) -> dict[str, dict[str, int]]:
    now_ms = clock.now_ms()
    total: dict[str, Counter[str]] = {}
    for counted, fields in recount(items, kinds).items():
        buckets = ["all"]
        if (counted.hour // 24 + 1) * DAY_MS + 400 * DAY_MS > now_ms:
            buckets.append(f"d{counted.hour // 24}")
        if (counted.hour + 1) * HOUR_MS + 48 * HOUR_MS > now_ms:
            buckets.append(f"h{counted.hour}")
        for bucket in buckets:
            key = f"judged:{counted.kind}:{bucket}:{counted.series}:wit"
            total.setdefault(key, Counter()).update(fields)
    kept = {key: {field: n for field, n in fields.items() if n} for key, fields in total.items()}
    return {key: fields for key, fields in kept.items() if fields}


async def stored_items(redis: Redis) -> dict[str, CodedItem]:
    found = {}
    async for item_id in redis.scan_iter("judged:item:*"):
        name = item_id.decode().removeprefix("judged:item:")
        stored = await load_item(redis, name)
        if "wit" in stored.states:
            found[name] = coded_item(stored.states["wit"])
    return found


async def assert_recounts(redis: Redis, kinds: tuple[CounterKind, ...]) -> None:
    """Whether the counters of these kinds, in every bucket, are those of the stored items."""
    found = {key: fields for key, fields in (await counters(redis)).items() if key.split(":")[1] in kinds}
    assert found == recounted(list((await stored_items(redis)).values()), kinds)
    proof = await rebuild(redis, repair=False)
    assert (proof.differing, proof.examples) == (0, [])


class Kind(NamedTuple):
    """A kind of judge, and the values that it and people may give."""

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
SERVED = st.dictionaries(st.sampled_from(FIVE_MODELS[:3]), st.sampled_from(["m-1", "m 2|"]))
ANNOTATORS = st.sampled_from(["ann", "b/o b", "ü\t:", "d"])


def steps_of(kind: Kind, *texts: str) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    value, days_ago = st.sampled_from(kind.values), st.sampled_from([0, 1, 60, 900])
    votes = st.dictionaries(st.sampled_from(FIVE_MODELS), value | st.none() | st.just(FAILED), min_size=1)
    judgments = st.tuples(
        st.just("judge"), ITEMS, st.sampled_from(texts), st.sampled_from([1, 2]), votes, days_ago, SERVED
    )
    given_labels = st.tuples(st.just("label"), ITEMS, ANNOTATORS, value, st.sampled_from(["random", "targeted"]))
    deletions = st.tuples(st.just("delete"), ITEMS, ANNOTATORS)
    return st.lists(st.one_of(judgments, judgments, given_labels, deletions), min_size=1, max_size=25)


class Following:
    """Takes each step in the store and beside it."""

    def __init__(self, redis: Redis, kind: Kind) -> None:
        self.redis = redis
        self.kind = kind
        self.items = {name: FollowedItem() for name in ("a", "b")}
        self.has_scale = False

    async def take(self, step: tuple[Any, ...]) -> None:
        definition = judge_of(**self.kind.judge).definition
        match step:
            case ("judge", item, text, version, votes, days, served):
                judge = judge_of(tuple(votes), version, **self.kind.judge)
                ago = timedelta(days=days)
                told = Item(id=item, output=text)
                made = await judged(self.redis, judge, told, list(votes.values()), ago=ago, served=served)
                if not self.has_scale:
                    self.has_scale = True
                    for each in self.items.values():
                        each.recoded(definition)
                self.items[item].judged(made)
            case ("label", item, annotator, value, selection):
                given_label = label(item, annotator, value, selection=selection)
                await put_labels(self.redis, [given_label], keep_s=KEEP_S)
                self.items[item].labelled(given_label, definition if self.has_scale else None)
            case ("delete", item, annotator):
                was_there = self.items[item].labels.pop(annotator, None) is not None
                assert await remove_label(self.redis, item, "wit", annotator, keep_s=KEEP_S) is was_there

    async def check(self, kinds: tuple[CounterKind, ...]) -> None:
        found = await stored_items(self.redis)
        for name, followed in self.items.items():
            stored, mine = found.get(name, CodedItem()), followed.item
            labels = {who: as_sent(each) for who, each in stored.labels.items()}
            scores = {content: judges_scores(theirs) for content, theirs in stored.scores.items()}
            assert (labels, scores) == (mine.labels, mine.scores)
            assert stored.labels or scores == stored.scores, "only a labelled item has scores of baselines"
            assert bool(stored.first_label_ms) == bool(mine.labels)
        await assert_recounts(self.redis, kinds)
        labelled = [name for name, each in self.items.items() if each.labels]
        assert sum([each.is_labelled async for each in all_items(self.redis)]) == len(labelled)
        for name in labelled:
            assert await self.redis.ttl(keys.item(name)) == -1


def as_sent(stored: CodedLabel) -> CodedLabel:
    """Without its time, and targeted again if the random half of the queue has come to its item."""
    selection = "t" if stored.is_promoted else stored.selection
    return msgspec.structs.replace(stored, at_ms=0, selection=selection, is_promoted=False)


RUN = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("kind", KINDS_OF_JUDGES.values(), ids=KINDS_OF_JUDGES)
@RUN
@given(data=st.data())
async def test_any_order_of_judgments_labels_and_deletions_recounts(
    redis: Redis, kind: Kind, data: st.DataObject
) -> None:
    """With panels of up to five models, of which some give no score or no answer."""
    await redis.flushall()
    following = Following(redis, kind)
    for step in data.draw(steps_of(kind, "text")):
        await following.take(step)
    await following.check(COUNTER_KINDS)


@RUN
@given(steps=steps_of(KINDS_OF_JUDGES["rating"], "text", "other text", "third text"))
async def test_so_it_does_while_items_get_other_texts(redis: Redis, steps: list[tuple[Any, ...]]) -> None:
    """Scores of a text that nobody labelled stay counted, and leave the item once there is another text."""
    await redis.flushall()
    following = Following(redis, KINDS_OF_JUDGES["rating"])
    for step in steps:
        await following.take(step)
    await following.check(LABEL_KINDS)


@RUN
@given(
    batch=st.lists(
        st.tuples(
            ITEMS,
            st.sampled_from([1, 2]),
            st.dictionaries(st.sampled_from(FIVE_MODELS), st.sampled_from([1, 4, None, FAILED]), min_size=1),
            SERVED,
        ),
        min_size=1,
        max_size=12,
    ),
    labels=st.lists(st.tuples(ITEMS, ANNOTATORS, st.sampled_from([1, 3, 5])), max_size=6),
    again=st.lists(st.integers(0, 11), max_size=6),
)
async def test_judgments_that_are_stored_together_and_again_recount(
    redis: Redis, batch: list[Any], labels: list[Any], again: list[int]
) -> None:
    """In one call, beside labels that come at the same time; some judgments are delivered once more."""
    await redis.flushall()
    await admit_judges(redis, [judge_of()], keep_s=KEEP_S)
    made = []
    for item, version, votes, served in batch:
        judge = judge_of(tuple(votes), version)
        record = await committed(redis, 1, judges=[judge])
        told = Item(id=item, output="text")
        made.append(one(record, judge, told, list(votes.values()), ago=timedelta(), cached=False, served=served))
    await asyncio.gather(
        record_judgments(redis, [*made, *(made[each % len(made)] for each in again)], keep_s=KEEP_S),
        put_labels(redis, [label(*each) for each in labels], keep_s=KEEP_S),
        record_judgments(redis, made[::2], keep_s=KEEP_S),
    )
    await assert_recounts(redis, COUNTER_KINDS)
    seen = await tallies.all_counters(redis, ["seen"])
    outcomes = sum(
        count
        for key, fields in seen.items()
        for field, count in fields.items()
        if key.startswith("judged:seen:all:") and field.startswith("outcome\t")
    )
    assert outcomes == sum(len(votes) + (len(votes) > 1) for _, _, votes, _ in batch)


async def test_the_alpha_of_a_panel_that_comes_model_by_model_is_that_of_the_library(redis: Redis) -> None:
    panels = [(1, 2, 4), (2, 5, 3), (3, 3, 1), (4, 1, 5), (5, 4, 2), (2, 2, 3)]
    for number, panel in enumerate(panels):
        for model, value in zip(FIVE_MODELS, panel, strict=False):
            await judged(redis, judge_of((model,)), Item(id=f"t-{number}", output="text"), [value])
    [fields] = await tallies.read_windows(redis, [Wanted("panel", "wit@1", "wit")], ["all"])
    scale = CriterionScale(kind="numbers", min=1, max=5, step=1)
    expected = krippendorff.alpha(np.array(panels).T, level_of_measurement="ordinal", value_domain=[1, 2, 3, 4, 5])
    assert panel_alpha(Coding(scale), fields).value == pytest.approx(expected)


async def test_a_label_is_bound_to_an_answer_while_the_rest_of_the_panel_fails(redis: Redis) -> None:
    await put_labels(redis, [label("t-1", "ann", 3)], keep_s=KEEP_S)
    await judged(redis, judge_of(FIVE_MODELS[:3]), ITEM, [4, FAILED, FAILED])
    assert await pairs(redis, FIVE_MODELS[0]) == {"3 4": 1}


async def test_an_item_that_changes_all_the_time_is_busy(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    await judged(redis, JUDGE, ITEM, [4])
    hgetall = 0

    async def changed_first(*args: Any, **kwargs: Any) -> Any:
        nonlocal hgetall
        hgetall += 1
        await redis.hset(keys.item("t-1"), keys.item_state("wit"), f"other{hgetall} [{{}},{{}},0]")  # type: ignore[misc]
        return await apply_changes(*args, **kwargs)

    from service.agreement import label_changes, recording
    from service.store.changes import apply_changes

    monkeypatch.setattr(recording, "apply_changes", changed_first)
    monkeypatch.setattr(label_changes, "apply_changes", changed_first)
    with pytest.raises(BusyError):
        await put_labels(redis, [label("t-1", "ann", 3)], keep_s=KEEP_S)
    assert hgetall == MAX_ATTEMPTS
    with pytest.raises(BusyError):
        await judged(redis, JUDGE, ITEM, [4])


async def pairs(redis: Redis, model: str = MODEL, bucket: str = "all") -> dict[str, int]:
    """How often a label (first) met a judgment (second), whatever else is known of the pair."""
    [found] = await tallies.read_windows(redis, [Wanted("agreed", f"wit@1 {model}", "wit")], [bucket])
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
                await put_labels(redis, [label("t-1", "ann", 3)], keep_s=KEEP_S)
            else:
                await judged(redis, JUDGE, ITEM, [4])

    order = ["label", "judgment"] if first == "label" else ["judgment", "label"]
    await both([*order, "label", *order])
    assert await pairs(redis) == {"3 4": 1}
    assert await redis.hget(keys.COUNTERS, "labels_total\twit") == b"1"  # type: ignore[misc]


async def test_a_new_value_replaces_the_old_one_and_a_deletion_takes_it_back(redis: Redis) -> None:
    await judged(redis, JUDGE, ITEM, [4])
    for score in (3, 5):
        await put_labels(redis, [label("t-1", "ann", score)], keep_s=KEEP_S)
    assert await pairs(redis) == {"5 4": 1}
    assert [each.score for each in await labels_of_item(redis, "t-1")] == [5]
    assert await remove_label(redis, "t-1", "wit", "ann", keep_s=KEEP_S)
    assert not await remove_label(redis, "t-1", "wit", "ann", keep_s=KEEP_S)
    assert await pairs(redis) == {}
    assert not await redis.keys("judged:agreed:*")


async def test_a_late_label_is_counted_at_the_time_of_the_judgment(redis: Redis) -> None:
    await judged(redis, JUDGE, ITEM, [4], ago=timedelta(days=3))
    await put_labels(redis, [label("t-1", "ann", 3)], keep_s=KEEP_S)
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
    await put_labels(redis, [label("t-1", "ann", 3)], keep_s=KEEP_S)
    await judged(redis, JUDGE, Item(id="t-1", output="another joke"), [1])
    assert await pairs(redis) == {"3 4": 1}
    await put_labels(redis, [label("t-1", "bob", 2)], keep_s=KEEP_S)
    assert await pairs(redis) == {"3 4": 1, "2 1": 1}
    await put_labels(redis, [label("t-1", "ann", 3)], keep_s=KEEP_S)  # of what it is now
    assert await pairs(redis) == {"3 1": 1, "2 1": 1}
    await judged(redis, JUDGE, Item(id="t-1", output="another joke"), [5])
    assert await pairs(redis) == {"3 5": 1, "2 5": 1}
    await assert_recounts(redis, LABEL_KINDS)


async def test_a_label_about_other_texts_than_the_newest_is_refused(redis: Redis) -> None:
    old, new = Item(id="t-0", output="old"), Item(id="t-0", output="new")
    await judged(redis, judge_of(), old, [3])
    about_old = msgspec.structs.replace(label("t-0", "ann", 4), content=content_digest(old))
    assert (await put_labels(redis, [about_old], keep_s=KEEP_S)).stored == 1
    assert (await put_labels(redis, [about_old], keep_s=KEEP_S)).unchanged == 1
    await judged(redis, judge_of(), new, [3])
    other = label("t-1", "ann", 4)
    with pytest.raises(Refused, match=r"/labels/1/content: item 't-0' has other texts by now") as refused:
        await put_labels(redis, [other, about_old], keep_s=KEEP_S)
    assert refused.value.kind == "item-changed"
    assert await labels_of_item(redis, "t-1") == []  # nothing is stored
    about_new = msgspec.structs.replace(about_old, content=content_digest(new))
    assert (await put_labels(redis, [about_new], keep_s=KEEP_S)).stored == 1


async def test_what_is_not_scored_is_no_pair_and_leaves_the_last_that_was(redis: Redis) -> None:
    await put_labels(redis, [label("t-1", "ann", 3)], keep_s=KEEP_S)
    await judged(redis, JUDGE, ITEM, [None])
    assert await pairs(redis) == {}
    await judged(redis, JUDGE, ITEM, [4])
    await judged(redis, JUDGE, ITEM, [None])
    assert await pairs(redis) == {"3 4": 1}
    [seen] = await tallies.read_windows(redis, [Wanted("seen", f"wit@1 {MODEL}", "wit")], ["all"])
    assert (seen["outcome\tscored\t"], seen["outcome\tunscored\tno_score"]) == (1, 2)


async def test_labels_off_the_scale_are_refused_whole(redis: Redis) -> None:
    await admit_judges(redis, [JUDGE], keep_s=KEEP_S)
    bad = [label("t-1", "ann", 3), label("t-2", "ann", 9), label("t-3", "ann", 2.5), label("t-4", "ann", "pass")]
    with pytest.raises(OffScaleLabelsError) as caught:
        await put_labels(redis, bad, keep_s=KEEP_S)
    assert [(index, field) for index, field, _ in caught.value.problems] == [(1, "score"), (2, "score"), (3, "label")]
    assert not await redis.keys("judged:item:*")


async def test_labels_from_before_the_scale_are_checked_when_it_comes(redis: Redis) -> None:
    early = [label("t-1", "ann", 3), label("t-1", "bob", 9), label("t-2", "ann", 4)]
    await put_labels(redis, early, keep_s=KEEP_S)
    await judged(redis, JUDGE, ITEM, [4])
    assert await pairs(redis) == {"3 4": 1}
    assert [(each.annotator, each.counted) for each in await labels_of_item(redis, "t-1")] == [
        ("ann", True),
        ("bob", False),
    ]
    await assert_recounts(redis, COUNTER_KINDS)


async def test_a_rebuild_finds_and_mends_what_does_not_fit(redis: Redis) -> None:
    await judged(redis, JUDGE, ITEM, [4])
    await put_labels(redis, [label("t-1", "ann", 3), label("t-1", "bob", 4)], keep_s=KEEP_S)
    sound = await tallies.all_counters(redis, COUNTER_KINDS)
    key = f"judged:agreed:all:wit@1 {MODEL}:wit"
    await redis.hincrby(key, "item\tr", 7)  # type: ignore[misc]
    await redis.hset("judged:agreed:all:nobody@1 x/y:wit", "item\tr", "1")  # type: ignore[misc]
    found = await rebuild(redis, repair=False)
    assert (found.items, found.labels, found.differing, found.repaired) == (1, 2, 2, False)
    assert {(each.hash, each.stored, each.recounted) for each in found.examples} == {
        (key, 8, 1),
        ("judged:agreed:all:nobody@1 x/y:wit", 1, 0),
    }
    assert (await rebuild(redis, repair=True)).repaired
    assert await tallies.all_counters(redis, COUNTER_KINDS) == sound
    assert (await rebuild(redis, repair=False)).differing == 0


async def test_a_rebuild_names_what_it_cannot_read_and_counts_the_rest(redis: Redis) -> None:
    await judged(redis, JUDGE, ITEM, [4])
    await put_labels(redis, [label("t-1", "ann", 3), label("t-1", "bob", 4)], keep_s=KEEP_S)
    sound = await tallies.all_counters(redis, COUNTER_KINDS)
    await put_labels(redis, [label("t-2", "ann", 3), label("t-2", "bob", 5)], keep_s=KEEP_S)
    await redis.hset(keys.item("t-2"), keys.item_state("wit"), "00000000 {damaged")  # type: ignore[misc]
    found = await rebuild(redis, repair=True)
    assert (found.items, found.labels, found.repaired) == (2, 2, True)
    assert found.unreadable == ["the labels and scores of item t-2"]
    assert await tallies.all_counters(redis, COUNTER_KINDS) == sound


async def test_a_judgment_again_tells_how_far_a_judge_repeats_itself(redis: Redis) -> None:
    await judged(redis, JUDGE, ITEM, [4])
    await judged(redis, JUDGE, ITEM, [5])
    await judged(redis, JUDGE, ITEM, [5], cached=True)  # tells nothing: it is the same answer
    [seen] = await tallies.read_windows(redis, [Wanted("seen", f"wit@1 {MODEL}", "wit")], ["all"])
    assert {field: count for field, count in seen.items() if field.startswith("repeat")} == {"repeat\t4\t5": 1}


async def test_an_item_that_nobody_labels_goes_when_its_time_is_over(redis: Redis) -> None:
    await judged(redis, JUDGE, ITEM, [4])
    assert 0 < await redis.ttl(keys.item("t-1")) <= KEEP_S
    await put_labels(redis, [label("t-1", "ann", 3)], keep_s=KEEP_S)
    assert await redis.ttl(keys.item("t-1")) == -1
    await judged(redis, JUDGE, ITEM, [5])
    assert await redis.ttl(keys.item("t-1")) == -1
    await remove_label(redis, "t-1", "wit", "ann", keep_s=KEEP_S)
    assert 0 < await redis.ttl(keys.item("t-1")) <= KEEP_S
