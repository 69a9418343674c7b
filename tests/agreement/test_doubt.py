"""The doubt about judgments, and its levels."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from service.agreement.doubt import RATES, doubt_level, doubt_of
from service.contracts.items import Item
from service.contracts.judges import Choice, Method, Scale
from service.contracts.judgments import Judgment
from service.contracts.outcomes import ParsedFrom
from tests.store.labelled import FAILED, judge_of, one
from tests.store.made import committed

THREE = ("a/1", "a/2", "a/3")


async def doubt(redis: Redis, values: list[Any], votes: dict[str, Any] | None = None, **judge: Any) -> float:
    """Of a judgment by as many models; `votes` replaces fields of each vote."""
    resolved = judge_of(THREE[: len(values)], **judge)
    record = await committed(redis, 1, judges=[resolved])
    made = one(record, resolved, Item(id="t", output="x"), values, ago=timedelta(), cached=False).judgment
    changed: list[Any] = [msgspec.structs.replace(each, **(votes or {})) for each in made.votes]
    return doubt_of(resolved.definition, msgspec.structs.replace(made, votes=changed))


async def test_models_that_agree_leave_no_doubt(redis: Redis) -> None:
    assert await doubt(redis, [3]) == 0
    assert await doubt(redis, [3, 3, 3]) == 0


@pytest.mark.parametrize(("scale", "spread"), [(Scale(), 0.5), (Scale(min=0, max=10), 0.2), (Scale(min=1, max=3), 1.0)])
async def test_a_spread_is_a_share_of_the_judges_own_scale(redis: Redis, scale: Scale, spread: float) -> None:
    assert await doubt(redis, [1, 3], scale=scale) == pytest.approx(spread)


async def test_a_minority_of_labels_is_doubt(redis: Redis) -> None:
    choices = [Choice(label="x"), Choice(label="y"), Choice(label="z")]
    category: dict[str, Any] = {"method": Method.CATEGORY, "choices": choices}
    assert await doubt(redis, ["x", "x", "x"], **category) == 0
    assert await doubt(redis, ["x", "x", "y"], **category) == pytest.approx(2 / 3)
    assert await doubt(redis, ["pass", "pass", "fail"], method=Method.PASS_FAIL) == pytest.approx(2 / 3)


async def test_an_uncertain_score_is_doubt(redis: Redis) -> None:
    """Two of four points are the largest standard deviation there can be."""
    assert await doubt(redis, [3], {"score_deviation": 2.0}) == pytest.approx(1)
    assert await doubt(redis, [3], {"score_deviation": 0.5}) == pytest.approx(0.25)


async def test_what_is_hard_to_read_is_doubt(redis: Redis) -> None:
    assert await doubt(redis, [3], {"asks": 2}) == 0.5
    assert await doubt(redis, [3], {"parsed_from": ParsedFrom.PROSE}) == 0.25
    assert await doubt(redis, [3], {"parsed_from": ParsedFrom.JSON}) == 0


async def test_an_unscored_judgment_is_doubt_and_a_failed_one_is_none(redis: Redis) -> None:
    assert await doubt(redis, [None]) == 1
    assert await doubt(redis, [3, 3, None]) == pytest.approx(1 / 3)
    assert await doubt(redis, [FAILED]) == 0
    assert await doubt(redis, [3, 3, FAILED]) == 0


async def test_contradicting_orders_are_doubt(redis: Redis) -> None:
    resolved = judge_of(("a/1",))
    record = await committed(redis, 1, judges=[resolved])
    made: Judgment = one(record, resolved, Item(id="t", output="x"), [3], ago=timedelta(), cached=False).judgment
    assert doubt_of(resolved.definition, msgspec.structs.replace(made, consistent=False)) == 1


@pytest.mark.parametrize(
    ("value", "level"),
    [(0, 0), (0.05, 0), (0.1, 1), (0.125, 1), (0.25, 2), (0.5, 3), (0.75, 4), (1, 4), (2, 5)],
)
def test_a_doubt_has_the_nearest_level(value: float, level: int) -> None:
    assert doubt_level(value) == level
    assert list(RATES) == sorted(RATES)
