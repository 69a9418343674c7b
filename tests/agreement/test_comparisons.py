"""Comparisons of groups from stored items: labels by their probability, windows, scales of labels."""

from datetime import timedelta

import msgspec
import pytest
from redis.asyncio import Redis

from service.agreement.comparisons import changed_cases, compare, with_means
from service.agreement.criterion_settings import put_criterion
from service.agreement.labelling import put_labels
from service.agreement.queries import SeriesQuery
from service.agreement.trends import judged_series
from service.contracts.criteria import NewCriterion
from service.contracts.items import Item
from service.contracts.judges import Choice, Method, ResolvedJudge, Scale
from service.contracts.labels import NewLabel
from service.store import judges
from tests.store.labelled import KEEP_S, MODELS, judge_of, judged
from tests.store.made import MODEL

QUERY = SeriesQuery("wit@1", MODEL, "all", [MODEL], KEEP_S)


async def known(redis: Redis) -> ResolvedJudge:
    judge = judge_of()
    await judges.put_judge(redis, "wit", judge.definition)
    return judge


async def put(
    redis: Redis, judge: ResolvedJudge, group: str, scores: list[float], ago: timedelta = timedelta()
) -> None:
    for n, score in enumerate(scores):
        item = Item(id=f"{group}-{n}", output=f"{group} {n}", group=group, case=f"c{n}")
        await judged(redis, judge, item, [score], ago=ago)


def label(group: str, n: int, score: float, **fields: object) -> NewLabel:
    return msgspec.convert(
        {"item_id": f"{group}-{n}", "criterion": "wit", "annotator": "ann", "score": score, **fields}, NewLabel
    )


async def test_labels_that_somebody_picked_do_not_correct(redis: Redis) -> None:
    judge = await known(redis)
    await put(redis, judge, "v1", [3] * 24)
    await put(redis, judge, "v2", [3] * 24)
    picked = [label("v2", n, 5, selection="targeted") for n in range(21)]
    drawn = [label("v1", n, 1 + n % 3, selection="targeted", probability=0.5) for n in range(21)]
    await put_labels(redis, [*picked, *drawn], keep_s=KEEP_S)
    found = await compare(redis, QUERY, "v1", "v2")
    assert (found.a.labelled, found.b.labelled, found.corrected_difference.value) == (21, 0, None)
    again = [label("v2", n, 5) for n in range(21)]
    await put_labels(redis, again, keep_s=KEEP_S)
    found = await compare(redis, QUERY, "v1", "v2")
    assert (found.b.labelled, found.decided, found.decided_by) == (21, "b", "labels")
    assert found.corrected_difference.value == pytest.approx(3)


@pytest.mark.parametrize(
    ("drawn", "mean"), [({}, 3), ({"selection": "targeted", "probability": 0.5}, (10 * 5 + 20) / 30)]
)
async def test_doubt_weighs_labels_only_if_some_were_drawn_by_it(
    redis: Redis, drawn: dict[str, object], mean: float
) -> None:
    """The panel says 3 of each item; of v2 its models differ on ten, which people value 5, and the other 20 1."""
    judge = judge_of(MODELS)
    await judges.put_judge(redis, "wit", judge.definition)
    for group, doubtful in (("v1", 0), ("v2", 10)):
        for n in range(30):
            item = Item(id=f"{group}-{n}", output=f"{group} {n}", group=group, case=f"c{n}")
            await judged(redis, judge, item, [1, 5] if n < doubtful else [3, 3])
    labels = [label("v1", n, 1) for n in range(20)]
    labels += [label("v2", n, 5 if n < 10 else 1, **(drawn if n < 10 else {})) for n in range(20)]
    await put_labels(redis, labels, keep_s=KEEP_S)
    found = await compare(redis, QUERY._replace(model="panel"), "v1", "v2")
    assert found.corrected_difference.value == pytest.approx(mean - 1)


async def test_a_window_limits_the_judgments(redis: Redis) -> None:
    judge = await known(redis)
    query = QUERY._replace(keep_s=30 * 86_400)
    await put(redis, judge, "v1", [1, 2, 3])
    await put(redis, judge, "v2", [2, 2, 2])
    old = Item(id="old", output="x", group="v1", case="c1")
    await judged(redis, judge, old, [5], ago=timedelta(days=3), keep_s=query.keep_s)
    assert (await compare(redis, query._replace(window="24h"), "v1", "v2")).a.items == 3
    assert (await compare(redis, query, "v1", "v2")).a.items == 4
    cases = await changed_cases(redis, query._replace(window="24h"), "v1", "v2", 10)
    assert [(each.case, each.difference) for each in cases.worse] == [("c2", -1)]
    assert [(each.case, each.items_b) for each in cases.better] == [("c0", ["v2-0"])]


async def test_labels_on_another_scale_have_a_difference_on_theirs(redis: Redis) -> None:
    judge = await known(redis)
    hundred = NewCriterion(scale=Scale(min=0, max=100))
    await put_criterion(redis, "wit", hundred, may_recode=True, keep_s=KEEP_S)
    await put(redis, judge, "v1", [1 + n % 5 for n in range(30)])
    await put(redis, judge, "v2", [1 + (n + 1) % 5 for n in range(30)])
    values = {"v1": 10, "v2": 90}
    await put_labels(
        redis, [label(group, n, value + n % 2) for group, value in values.items() for n in range(30)], keep_s=KEEP_S
    )
    found = await compare(redis, QUERY, "v1", "v2")
    assert found.judge_difference.value == pytest.approx(0)
    assert found.corrected_difference.value == pytest.approx(80)


async def test_as_many_commands_find_one_series_with_a_mean_as_many(redis: Redis) -> None:
    async def asked() -> tuple[int, int]:
        found = await judged_series(redis)
        before = (await redis.info("stats"))["total_commands_processed"]
        shown = await with_means(redis, [MODEL], found)
        return len(shown), (await redis.info("stats"))["total_commands_processed"] - before

    words = judge_of(version=12, method=Method.CATEGORY, choices=[Choice(label="dry"), Choice(label="wet")])
    await judged(redis, judge_of(version=1), Item(id="i1", output="x"), [3])
    shown, few = await asked()
    for version in range(2, 12):
        await judged(redis, judge_of(version=version), Item(id=f"i{version}", output="x"), [3])
    await judged(redis, words, Item(id="i12", output="x"), ["dry"])
    assert shown == 1
    assert await asked() == (11, few)
