"""The verdict of anchors in words, from scores in the store and the counters of all judgments."""

from datetime import timedelta

import pytest
from redis.asyncio import Redis

from service.agreement.anchor_findings import AnchorFindings, Swap, anchor_sentences
from service.agreement.anchor_reports import (
    AnchoredSeries,
    AnchorReport,
    anchor_report,
    anchors_of,
    findings_about,
    report_of_anchors,
    reports_of_anchors,
)
from service.agreement.anchor_scores import anchor_score
from service.agreement.coding import Coding, scale_of
from service.agreement.labelling import put_labels
from service.agreement.series import Series, find_series
from service.contracts.items import Item, content_digest
from service.contracts.judges import Choice, Method, ResolvedJudge
from service.contracts.labels import Window
from service.stats.anchors import AnchorVerdict
from service.store import anchors
from service.store.judges import put_judge
from tests.store.anchored import anchor_items, marked, repeated
from tests.store.labelled import KEEP_S, judge_of, judged, label, one
from tests.store.made import MODEL, committed

ITEMS = anchor_items(30)
USUAL = [2 + number % 3 for number in range(30)]
HIGHER = [min(each + number % 2, 5) for number, each in enumerate(USUAL)]


async def report(redis: Redis, judge: ResolvedJudge | None = None, window: Window = "7d") -> AnchorReport:
    judge = judge or judge_of()
    found = await anchors_of(redis, judge.ref)
    assert found is not None
    scale = scale_of(judge.definition)
    assert scale is not None
    series = AnchoredSeries(judge.ref, MODEL, judge.definition.criterion, Coding(scale), has_labels=True)
    return await anchor_report(redis, found, series, window)


async def traffic(redis: Redis, before: float, now: float, judge: ResolvedJudge | None = None) -> None:
    """A hundred scores ten days ago, and as many now."""
    for number in range(100):
        for score, days in ((before, 10.0), (now, 0.0)):
            item = Item(id=f"t-{number}-{days}", output="text")
            value = score + number % 2
            await judged(redis, judge or judge_of(), item, [value], ago=timedelta(days=days))


async def test_a_changed_judge_is_dated_and_named_with_the_served_model_and_peoples_labels(redis: Redis) -> None:
    await marked(redis, ITEMS)
    await repeated(redis, ITEMS, *[USUAL] * 4, served="m-1", until=timedelta(days=1))
    await repeated(redis, ITEMS, HIGHER, served="m-2")
    await put_labels(redis, [label(f"a-{n}", "ann", each) for n, each in enumerate(USUAL)], keep_s=KEEP_S)
    shown = await report(redis)
    assert shown.verdict is AnchorVerdict.JUDGE_CHANGED
    assert (shown.items, shown.judgments, shown.repeats) == (30, 150, 120)
    assert shown.shift.value == pytest.approx(0.5, abs=0.05)
    assert shown.moved.before.value == 0
    assert shown.moved.now.value == pytest.approx(0.5, abs=0.05)
    assert (shown.labels.before.value, shown.labels.now.value, shown.labels.now.total) == (1, 0.5, 30)
    assert [(each.served_model, each.judgments) for each in shown.served_models] == [("m-1", 120), ("m-2", 30)]
    first, swap, people = shown.because
    assert first.startswith(f"the judge changed: since {shown.since:%Y-%m-%d %H:%M} UTC its scores of the same ")
    assert "30 anchors are 0.50 points higher on average" in first
    assert first.endswith("; 50% of them differ from the first ones, 0% before")
    assert swap == "the provider answered as 'm-1' before and as 'm-2' since then"
    assert people == "on 30 anchors with labels it agrees with people in 50% of its judgments, and in 100% before"


async def test_a_shift_of_the_traffic_beside_steady_anchors_is_the_traffics(redis: Redis) -> None:
    await marked(redis, ITEMS)
    await repeated(redis, ITEMS, *[USUAL] * 5)
    await traffic(redis, 4, 2)
    shown = await report(redis)
    assert shown.traffic.drifted
    assert shown.verdict is AnchorVerdict.TRAFFIC_CHANGED
    assert shown.because[0].startswith(
        "the scores of all judged items shifted by -2.00 points in the last 7d, but its scores of the same 30 anchors "
        "shifted by +0.00 points"
    )


async def test_few_anchors_do_not_say_whose_shift_it_is(redis: Redis) -> None:
    few = ITEMS[:2]
    await marked(redis, few)
    await repeated(redis, few, *[USUAL[:2]] * 40)
    await traffic(redis, 4, 2)
    shown = await report(redis)
    assert shown.verdict is AnchorVerdict.TOO_FEW
    assert shown.because[0].endswith("mark more anchors")


async def test_a_changed_judge_may_explain_the_traffic(redis: Redis) -> None:
    await marked(redis, ITEMS)
    await repeated(redis, ITEMS, *[USUAL] * 4, HIGHER)
    await traffic(redis, 2, 4)
    assert "which the judge's own change may explain" in (await report(redis)).because[1]


async def test_a_steady_judge_behind_another_served_model_is_said_to_be_steady(redis: Redis) -> None:
    await marked(redis, ITEMS)
    await repeated(redis, ITEMS, *[USUAL] * 4, served="m-1", until=timedelta(days=8))
    await repeated(redis, ITEMS, USUAL, served="m-2")
    shown = await report(redis)
    assert shown.verdict is AnchorVerdict.STEADY
    assert shown.because[0].startswith(
        "no change of the judge is found in the last 7d: its scores of the same 30 anchors shifted by +0.00"
    )
    assert shown.because[1] == (
        f"since {shown.since:%Y-%m-%d %H:%M} UTC the provider answers as 'm-2' instead of 'm-1': "
        "the shift is that since then"
    )


async def test_the_shift_without_an_alarm_is_that_of_the_present_served_model_alone(redis: Redis) -> None:
    await marked(redis, ITEMS)
    await repeated(redis, ITEMS, *[USUAL] * 4, served="m-1", until=timedelta(days=1))
    await repeated(redis, ITEMS[:6], HIGHER[:6], served="m-2")
    shown = await report(redis)
    assert (shown.verdict, shown.shift.anchors) == (AnchorVerdict.STEADY, 6)
    assert shown.shift.value == pytest.approx(0.5)  # HIGHER is so for every second item
    assert "instead of 'm-1'" in shown.because[1]


async def test_a_shift_that_is_no_alarm_yet_is_not_called_steady(redis: Redis) -> None:
    """The change came before the 60th repeat."""
    await marked(redis, ITEMS)
    await repeated(redis, ITEMS, USUAL, USUAL, served="m-1", until=timedelta(days=1))
    await repeated(redis, ITEMS[:29], HIGHER[:29], served="m-2")
    shown = await report(redis)
    assert (shown.verdict, shown.evidence) == (AnchorVerdict.TOO_FEW, None)
    assert "instead of 'm-1'; since then its scores of the same 29 anchors shifted by +0.48 points" in shown.because[1]
    await repeated(redis, ITEMS, HIGHER, served="m-2")
    shown = await report(redis)
    assert shown.evidence is not None
    assert shown.evidence < 100
    assert shown.verdict is AnchorVerdict.TOO_FEW
    assert "the judge may have changed" in shown.because[0]


async def test_without_repeats_it_says_what_is_missing(redis: Redis) -> None:
    await marked(redis, ITEMS)
    await anchors.note_problem(redis, "wit", "the judge is retired")
    shown = await report(redis)
    assert (shown.verdict, shown.last_judged_at) == (AnchorVerdict.TOO_FEW, None)
    assert shown.because == [
        "the anchors were judged again 0 times; from 61 times on a change of the judge can be told",
        "no anchor can be judged at present: the judge is retired",
    ]
    await repeated(redis, ITEMS, *[USUAL] * 4, until=timedelta(days=3))
    assert (await report(redis, window="24h")).because[0] == "no anchor was judged again in the last 24h"


async def test_other_contents_versions_and_items_do_not_count(redis: Redis) -> None:
    other = [Item(id=each.id, output="another text") for each in ITEMS]
    await marked(redis, ITEMS)
    await repeated(redis, other, USUAL)
    await repeated(redis, ITEMS, USUAL, version=2)
    await repeated(redis, anchor_items(40)[30:], USUAL[:10])
    await repeated(redis, ITEMS, ["off the scale"] * 30, judge="tone")
    assert (await report(redis)).judgments == 0
    assert (await report(redis, judge_of(version=2))).judgments == 30


async def test_a_pinned_set_goes_before_that_of_the_name(redis: Redis) -> None:
    await marked(redis, ITEMS)
    assert (await report(redis)).anchors_of == "wit"
    await marked(redis, ITEMS[:3], "wit@1")
    assert (await report(redis)).anchors_of == "wit@1"
    assert (await report(redis, judge_of(version=2))).anchors_of == "wit"


async def test_words_without_numbers_move_and_their_traffic_is_compared_by_its_distribution(redis: Redis) -> None:
    words = [Choice(label=each) for each in ("a", "b", "c")]
    judge = judge_of(method=Method.CATEGORY, choices=words)
    await marked(redis, ITEMS)
    usual = ["a", "b", "c"] * 10
    await repeated(redis, ITEMS, *[usual] * 4, until=timedelta(days=2))
    for number in range(100):
        for word, days in (("abc"[number % 2], 10.0), ("abc"[2 - number % 2], 0.0)):
            await judged(redis, judge, Item(id=f"t-{number}-{days}", output="x"), [word], ago=timedelta(days=days))
    shown = await report(redis, judge)
    assert (shown.shift.value, shown.shift.reason) == (None, "no_numbers")
    assert shown.verdict is AnchorVerdict.TRAFFIC_CHANGED
    assert shown.because[0] == (
        "the answers for all judged items are distributed differently in the last 7d, but the judge answers its 30 "
        "anchors as before (0% of the answers differ)"
    )
    await repeated(redis, ITEMS, ["b", "b", "c"] * 10, ["b", "b", "c"] * 10)
    assert "of its anchors differently" in (await report(redis, judge)).because[0]


async def test_pass_and_fail_have_numbers(redis: Redis) -> None:
    judge = judge_of(method=Method.PASS_FAIL)
    await marked(redis, ITEMS)
    await repeated(redis, ITEMS, *[["pass"] * 30] * 4, ["pass", "fail"] * 15)
    shown = await report(redis, judge)
    assert shown.verdict is AnchorVerdict.JUDGE_CHANGED
    assert shown.shift.value == pytest.approx(-0.5, abs=0.05)


async def test_a_query_finds_the_anchors_of_a_stored_judge(redis: Redis) -> None:
    stored, _ = await put_judge(redis, "wit", judge_of().definition)
    await put_judge(redis, "rank", judge_of(method=Method.RANKING).definition)
    series = await find_series(redis, [MODEL], "wit", None)
    assert await findings_about(redis, series, "7d") is None
    for judge in ("wit", "rank"):
        await anchors.put_anchors(redis, judge, ITEMS, None)
    found = await findings_about(redis, series, "7d")
    assert isinstance(found, AnchorFindings)
    assert not isinstance(found, AnchorReport)
    sets = await anchors.every_anchor_set(redis)
    [shown] = await reports_of_anchors(redis, [MODEL], sets, "7d")
    assert (shown.anchors_of, shown.judge, shown.model) == ("wit", stored.ref, MODEL)
    assert (await report_of_anchors(redis, [MODEL], sets[1], None, "7d")).because == shown.because
    inline = Series(judge_of().ref.__class__(name=None, version=None, digest="sha256:1"), MODEL, "wit", series.coding)
    assert await findings_about(redis, inline, "7d") is None


async def test_a_judgment_has_the_scores_of_its_models_and_panel(redis: Redis) -> None:
    judge = judge_of((MODEL, "anthropic/claude-haiku"))
    item = Item(id="a", output="x")
    record = await committed(redis, 1, judges=[judge])
    judgment = one(record, judge, item, [2, 4], ago=timedelta(), cached=False).judgment
    score = anchor_score(judge, judgment, item)
    assert score is not None
    assert score.scores == {"panel": "3", MODEL: "2", "anthropic/claude-haiku": "4"}
    assert (score.version, score.item_id, score.content, score.served) == (1, "a", content_digest(item), {})
    failed = one(record, judge, item, [None, None], ago=timedelta(), cached=False).judgment
    assert anchor_score(judge, failed, item) is None


def test_a_swap_needs_two_names() -> None:
    assert Swap("a", "b").is_one
    assert not any(each.is_one for each in (Swap("a", "a"), Swap("", "b"), Swap("a", "")))
    assert callable(anchor_sentences)
