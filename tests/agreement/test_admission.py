"""Judges bring their criterion a scale if none goes before it, and labels follow the scale in any order of events."""

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from service.agreement.admission import admit_judge, admit_judges
from service.agreement.contributions import COUNTER_KINDS
from service.agreement.criteria import find_scale, goes_before, record_in, scale_for_labels
from service.agreement.criterion_settings import find_criterion, put_criterion
from service.agreement.labelling import labels_of_item, put_labels
from service.agreement.recoding import recode_labels
from service.contracts.criteria import CriterionRecord, CriterionSource, NewCriterion
from service.contracts.judges import JudgeRef, Method, ResolvedJudge, Scale
from service.contracts.labels import Label
from service.store import keys
from service.store.criteria import StoredCriterion
from tests.agreement.test_labelling import assert_recounts
from tests.store.labelled import KEEP_S, judge_of, label

FIVE, TEN = judge_of(), judge_of(version=2, scale=Scale(min=1, max=10))
INLINE = msgspec.structs.replace(
    judge_of(scale=Scale(min=0, max=100)), ref=JudgeRef(name=None, version=None, digest="sha256:00")
)
RANKING = judge_of(version=3, method=Method.RANKING, scale=None)


async def most(redis: Redis) -> float | None:
    scale = await find_scale(redis, "wit")
    return None if scale is None else scale.max


async def test_the_first_stored_judge_goes_before_inline_ones_and_later_ones(redis: Redis) -> None:
    for judge, expected in ((RANKING, None), (INLINE, 100), (FIVE, 5), (TEN, 5), (INLINE, 5), (RANKING, 5)):
        await admit_judges(redis, [judge], keep_s=KEEP_S)
        assert await most(redis) == expected


async def test_labels_off_the_scale_of_an_inline_judge_are_stored_and_counted_once_they_are_on_it(redis: Redis) -> None:
    await admit_judges(redis, [INLINE], keep_s=KEEP_S)
    counts = await put_labels(redis, [label("a", "ann", 3), label("a", "bob", "good")], keep_s=KEEP_S)
    assert (counts.stored, counts.unknown_criteria) == (2, [])
    assert await counted(redis) == {"ann": True, "bob": False}
    await put_criterion(
        redis, "wit", msgspec.convert({"choices": [{"label": "good"}, {"label": "3"}]}, NewCriterion),
        may_recode=False, keep_s=KEEP_S,
    )  # fmt: skip
    assert await counted(redis) == {"ann": False, "bob": True}
    await assert_recounts(redis, COUNTER_KINDS)


async def counted(redis: Redis) -> dict[str, bool]:
    return {each.annotator: each.counted for each in await labels_of_item(redis, "a")}


async def test_a_process_that_stops_before_all_labels_are_checked_leaves_the_rest_to_the_next(redis: Redis) -> None:
    await put_labels(redis, [label("a", "ann", 9), label("b", "ann", 9)], keep_s=KEEP_S)
    await admit_judges(redis, [FIVE], keep_s=KEEP_S)
    await redis.sadd(keys.unchecked("wit"), "a", "b", "gone")  # type: ignore[misc]
    await recode_labels(redis, "wit", keep_s=KEEP_S)
    assert not await redis.exists(keys.unchecked("wit"))
    assert (await find_criterion(redis, "wit")).labels_off_scale == 2


async def test_the_first_label_fixes_the_scale_of_a_built_in_judge(redis: Redis) -> None:
    polite = judge_of(criterion="politeness", scale=Scale(min=0, max=100))
    await admit_judge(redis, polite.ref, polite.definition, keep_s=KEEP_S)
    assert not await redis.hexists(keys.CRITERIA, "politeness")  # type: ignore[misc]
    scale = await scale_for_labels(redis, "politeness")
    assert (scale.is_firm, scale.is_known) == (True, True)
    assert await redis.hexists(keys.CRITERIA, "politeness")  # type: ignore[misc]
    assert (await find_criterion(redis, "politeness")).source == "built_in"


def test_a_scale_from_before_there_were_records_came_from_a_judge() -> None:
    numbers = record_in(StoredCriterion('{"kind":"numbers","min":1,"max":5,"step":1}', ""))
    assert numbers == CriterionRecord(source="judge", scale=Scale())
    words = record_in(StoredCriterion('{"kind":"labels","labels":["a","b"],"scores":[1,null]}', ""))
    assert words is not None
    assert [(each.label, each.score) for each in words.choices] == [("a", 1), ("b", None)]
    assert record_in(StoredCriterion("", "")) is None


@pytest.mark.parametrize(
    ("source", "known", "is_before"),
    [("judge", None, True), ("judge", "inline_judge", True), ("judge", "judge", False), ("judge", "put", False)],
)
def test_of_two_sources_one_goes_before(
    source: CriterionSource, known: CriterionSource | None, is_before: bool
) -> None:
    assert goes_before(source, CriterionRecord(source=known) if known else None) is is_before


SCALES: dict[str, Any] = {
    "five": {"scale": {"min": 1, "max": 5}},
    "ten": {"scale": {"min": 1, "max": 10}},
    "any": {"scale": {"min": 0, "max": 4, "step": None}},
    "pass": {"choices": [{"label": "pass"}, {"label": "fail"}]},
}
VALUES = st.sampled_from([0, 1, 3, 9, 2.5, "pass", "fail", "good"])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["ann", "bob"]), VALUES),
            st.sampled_from([*SCALES]),
            st.sampled_from([FIVE, INLINE]),
        ),
        max_size=12,
    )
)
async def test_labels_are_counted_if_they_are_on_the_newest_scale(redis: Redis, steps: list[Any]) -> None:
    """Whatever scales came before, and the counters are those of the labels."""
    await redis.flushall()
    for step in steps:
        match step:
            case (item, annotator, value):
                try:
                    await put_labels(redis, [label(item, annotator, value)], keep_s=KEEP_S)
                except ValueError:
                    continue  # it is off the scale
            case str():
                wanted = msgspec.convert(SCALES[step], NewCriterion)
                await put_criterion(redis, "wit", wanted, may_recode=True, keep_s=KEEP_S)
            case ResolvedJudge():
                await admit_judges(redis, [step], keep_s=KEEP_S)
    labels = [each for item in ("a", "b") for each in await labels_of_item(redis, item)]
    scale = (await scale_for_labels(redis, "wit")).coding
    if scale is not None:
        assert [each.counted for each in labels] == [on_scale(scale, each) for each in labels]
    await assert_recounts(redis, COUNTER_KINDS)


def on_scale(scale: Any, each: Label) -> bool:
    try:
        scale.by_person(each.score, each.label)
    except ValueError:
        return False
    return True


async def test_labels_that_come_while_the_scale_changes_are_on_the_one_that_stays(redis: Redis) -> None:
    async def put(name: str) -> None:
        await put_criterion(redis, "wit", msgspec.convert(SCALES[name], NewCriterion), may_recode=True, keep_s=KEEP_S)

    async def labelled(number: int) -> None:
        await put_labels(redis, [label(f"i{number}", "ann", 3)], keep_s=KEEP_S)

    await asyncio.gather(put("five"), *(labelled(number) for number in range(20)), put("ten"))
    await recode_labels(redis, "wit", keep_s=KEEP_S)
    found = await find_criterion(redis, "wit")
    assert (found.labels, found.labels_off_scale) == (20, 0)
    await assert_recounts(redis, COUNTER_KINDS)
