"""Labelled items as the items of a benchmark: which ones, with which values, and whose texts."""

from typing import Any

from redis.asyncio import Redis

from service.agreement.label_lists import labelled_contents
from service.benchmarks.labelled_sample import labelled_sample
from service.jobs import EVERYTHING, View
from tests.flows.conftest import Judged, Row, Serve


def item(number: int, **changes: Any) -> Row:
    return {"id": f"t-{number}", "input": "How?", "output": f"Answer {number}.", **changes}


def label(number: int, annotator: str, score: float, selection: str = "random") -> Row:
    given: Row = {"item_id": f"t-{number}", "criterion": "helpfulness", "annotator": annotator, "score": score}
    return given | {"selection": selection}


async def labelled(judged: Judged, *labels: Row) -> None:
    response = await judged.client.post("/v1/labels", json={"labels": list(labels)})
    assert response.status_code == 200, response.text


async def test_items_come_with_the_values_of_their_annotators(serve: Serve, redis: Redis) -> None:
    judged: Judged = await serve()
    await judged.judge([item(number) for number in range(6)])
    await labelled(judged, *(label(number, "ann", number % 5 + 1) for number in range(4)), label(0, "bob", 2))
    await labelled(judged, label(9, "ann", 3))  # nobody has judged this item
    found = await labelled_sample(redis, EVERYTHING, "helpfulness", 10)
    assert {each.id: each.human for each in found} == {
        "t-0": {"helpfulness": [1, 2]},
        **{f"t-{number}": {"helpfulness": [number % 5 + 1, None]} for number in range(1, 4)},
    }
    assert {each.output for each in found} == {f"Answer {number}." for number in range(4)}
    assert await labelled_sample(redis, EVERYTHING, "helpfulness", 2) == found[:2]  # always the same ones
    assert await labelled_sample(redis, EVERYTHING, "tact", 10) == []
    assert await labelled_sample(redis, View("another key"), "helpfulness", 10) == []


async def test_items_that_were_picked_stand_back_behind_random_ones(serve: Serve, redis: Redis) -> None:
    judged: Judged = await serve()
    await judged.judge([item(number) for number in range(3)])
    await labelled(judged, label(0, "ann", 1, "targeted"), label(1, "ann", 2, "targeted"))
    assert len(await labelled_sample(redis, EVERYTHING, "helpfulness", 10)) == 2
    await labelled(judged, label(2, "ann", 3))
    assert [each.id for each in await labelled_sample(redis, EVERYTHING, "helpfulness", 10)] == ["t-2"]


async def test_a_label_is_not_taken_for_one_of_texts_that_came_later(serve: Serve, redis: Redis) -> None:
    judged: Judged = await serve()
    await judged.judge([item(0)])
    await labelled(judged, label(0, "ann", 4))
    [before] = await labelled_contents(redis, "helpfulness")
    await judged.judge([item(0, output="Something else.")])
    assert await labelled_contents(redis, "helpfulness") == [before]
    assert await labelled_sample(redis, EVERYTHING, "helpfulness", 10) == []  # its newest texts are others
    await labelled(judged, label(0, "ann", 2))
    [found] = await labelled_sample(redis, EVERYTHING, "helpfulness", 10)
    assert (found.output, found.human) == ("Something else.", {"helpfulness": [2]})
