"""How far labels are from the wished interval."""

import pytest
from redis.asyncio import Redis

from service.agreement.label_progress import LabelProgress, label_progress
from service.agreement.labelling import put_labels
from service.agreement.queries import SeriesQuery, judge_estimate
from service.contracts.items import Item
from service.contracts.judges import Method
from service.store.judges import put_judge
from tests.store.labelled import KEEP_S, judge_of, judged, label
from tests.store.made import MODEL


async def progress(redis: Redis, criterion: str = "wit", half_width: float | None = None) -> LabelProgress:
    return await label_progress(redis, criterion, half_width, default_models=[MODEL], keep_s=KEEP_S)


async def test_progress_is_that_of_the_estimate(redis: Redis) -> None:
    await put_judge(redis, "wit", judge_of().definition)
    for number in range(60):
        await judged(redis, judge_of(), Item(id=f"i-{number}", output="x"), [number % 5 + 1])
    before = await progress(redis)
    assert (before.waiting, before.labelled, before.unlabelled, before.more) == (60, 0, 60, None)
    assert before.half_width == pytest.approx(0.2)  # a twentieth of 1 to 5
    given = [label(f"i-{number}", "ann", number % 4 + 1) for number in range(20)]
    await put_labels(redis, given, keep_s=KEEP_S)
    found = await progress(redis)
    query = SeriesQuery("wit", MODEL, "all", [MODEL], KEEP_S)
    estimate = await judge_estimate(redis, query, 0.2)
    assert estimate.labels_needed is not None
    assert (found.mean, found.more) == (estimate.corrected_mean, estimate.labels_needed.more)
    assert (found.waiting, found.labelled, found.unlabelled) == (40, 20, 40)
    assert found.judge is not None
    assert (found.judge.name, found.judge.version) == ("wit", 1)
    assert found.present is not None
    assert found.present > 0.2
    assert (await progress(redis, half_width=found.present)).more == 0
    narrow = await progress(redis, half_width=0.01)
    assert narrow.more is not None
    assert (found.more or 0) < narrow.more <= 40


async def test_labels_without_numbers_have_no_interval(redis: Redis) -> None:
    pairwise = judge_of(criterion="better", method=Method.PAIRWISE)
    await judged(redis, pairwise, Item(id="p", outputs=["x", "y"]), ["A"])
    found = await progress(redis, "better")
    assert (found.waiting, found.judge, found.mean, found.half_width, found.more) == (1, None, None, None, None)
    unknown = await progress(redis, "nobody's")
    assert (unknown.waiting, unknown.mean, unknown.more) == (0, None, None)
