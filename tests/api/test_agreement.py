"""`/v1/agreement` and `/v1/estimates`: what they take, and what they say of a judge that nothing is known of."""

import asyncio
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from service.store import keys
from service.store.connection import cancelled, reply
from tests.api.conftest import pointers, problem_of
from tests.flows.conftest import Row
from tests.stats.tables import BINARY, NOMINAL, NUMERIC

WIT: Row = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "models": ["control/length"]}
RANKING: Row = {**WIT, "method": "ranking", "criterion": "order"}
UNKNOWN = f"sha256:{'0' * 64}"
NOTHING = {"value": None, "lower": None, "upper": None, "reason": "no_pairs"}
CATEGORY: Row = {**WIT, "method": "category", "choices": [{"label": "dull"}, {"label": "witty"}]}


@pytest.fixture
async def judges(api: httpx.AsyncClient) -> httpx.AsyncClient:
    """An API that knows some judges."""
    for name, definition in (
        ("wit", WIT),
        ("tone", {**WIT, "criterion": "tone"}),
        ("panel", {**WIT, "models": ["control/length", "control/overlap"]}),
        ("default", {**WIT, "models": []}),
        ("ranking", RANKING),
    ):
        assert (await api.put(f"/v1/judges/{name}", json=definition)).status_code == 201
    return api


async def get(api: httpx.AsyncClient, path: str = "/v1/agreement", **query: Any) -> httpx.Response:
    return await api.get(path, params=query)


async def report(api: httpx.AsyncClient, **query: Any) -> Row:
    response = await get(api, **query)
    assert response.status_code == 200, response.text
    shown: Row = response.json()
    return shown


async def test_a_judge_that_was_never_used_has_a_report_of_nothing(judges: httpx.AsyncClient) -> None:
    shown = await report(judges, judge="wit")
    assert shown["judge"].keys() == {"name", "version", "digest"}
    assert (shown["judge"]["name"], shown["judge"]["version"]) == ("wit", 1)
    assert (shown["model"], shown["criterion"]) == ("control/length", "wit")
    assert (shown["window"], shown["selection"]) == ("7d", "random")
    assert (shown["pairs"], shown["items"], shown["annotators"]) == (0, 0, 0)
    assert shown["table"] == {"values": [1, 2, 3, 4, 5], "counts": [[0] * 5] * 5}
    assert shown["statistics"].keys() == NUMERIC
    assert all(each == NOTHING for each in shown["statistics"].values())
    assert shown["human_ceiling"]["statistics"].keys() == NUMERIC
    assert all(each["value"] is None for each in shown["human_ceiling"]["statistics"].values())
    assert shown["coverage"] == {"judged": 0, "scored": 0, "unscored": 0, "failed": 0, "by_reason": {}}
    assert shown["flags"] == ["insufficient"]


@pytest.mark.parametrize(
    ("definition", "values", "names"),
    [
        ({**WIT, "scale": {"min": 0, "max": 10, "step": None}}, [], NUMERIC),
        ({**WIT, "scale": {"min": 0, "max": 1}}, [0, 1], NUMERIC | BINARY),
        ({**WIT, "score_from": "logprobs"}, [1, 2, 3, 4, 5], NUMERIC),
        ({**WIT, "method": "pass_fail"}, ["fail", "pass"], NOMINAL | BINARY),
        (CATEGORY, ["dull", "witty"], NOMINAL),
        ({**WIT, "method": "pairwise"}, ["A", "tie", "B"], NOMINAL),
    ],
)
async def test_each_kind_of_scale_has_its_values_and_statistics(
    api: httpx.AsyncClient, definition: Row, values: list[Any], names: set[str]
) -> None:
    assert (await api.put("/v1/judges/judge", json=definition)).status_code == 201
    shown = await report(api, judge="judge")
    assert shown["statistics"].keys() == names
    assert {each["value"] for each in shown["statistics"].values()} == {None}
    assert shown["table"]["values"] == values or definition["scale"]["step"] is None
    compared = await report(api, judge="judge", other="judge:panel")
    assert compared["statistics"].keys() == names


async def test_the_model_left_out_is_the_only_one_else_the_panel(judges: httpx.AsyncClient) -> None:
    assert (await report(judges, judge="wit@1"))["model"] == "control/length"
    assert (await report(judges, judge="panel"))["model"] == "panel"
    assert (await report(judges, judge="default"))["model"] == "control/overlap"  # that of the settings
    assert (await report(judges, judge="helpfulness"))["judge"]["version"] == 1  # built in
    assert (await report(judges, judge="panel", model="control/overlap"))["model"] == "control/overlap"
    assert (await report(judges, judge="panel", model="ollama/llama3:8b"))["pairs"] == 0


async def test_another_judge_is_named_with_its_model(judges: httpx.AsyncClient) -> None:
    shown = await report(judges, judge="wit", other="panel@1:ollama/llama3:8b")
    assert (shown["other"]["judge"]["name"], shown["other"]["model"]) == ("panel", "ollama/llama3:8b")
    assert (shown["judge"]["name"], shown["model"], shown["pairs"]) == ("wit", "control/length", 0)
    assert shown["statistics"]["pearson"] == NOTHING
    assert (await report(judges, judge="wit", other="panel"))["other"]["model"] == "panel"
    assert (await report(judges, judge="panel", other="panel:control/length"))["other"]["model"] == "control/length"


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [
        ({"judge": ""}, 400, "/judge"),
        ({"judge": "x" * 121}, 400, "/judge"),
        ({"judge": "wit", "window": "1h"}, 400, "/window"),
        ({"judge": "wit", "window": ""}, 400, "/window"),
        ({"judge": "wit", "selection": "some"}, 400, "/selection"),
        ({"judge": "wit", "model": "gpt"}, 400, "/model"),
        ({"judge": "wit", "model": ""}, 400, "/model"),
        ({"judge": "wit", "other": ""}, 400, "/other"),
        ({"judge": "wit", "other": "tone:gpt"}, 400, "/other"),
        ({"judge": "nobody"}, 422, "/judge"),
        ({"judge": "wit@2"}, 422, "/judge"),
        ({"judge": "wit@0"}, 422, "/judge"),
        ({"judge": "wit@latest"}, 422, "/judge"),
        ({"judge": UNKNOWN}, 422, "/judge"),
        ({"judge": "ranking"}, 422, "/judge"),
        ({"judge": "wit", "other": "nobody:control/length"}, 422, "/other"),
        ({"judge": "wit", "other": f"{UNKNOWN}:panel"}, 422, "/other"),
        ({"judge": "wit", "other": "tone:control/length"}, 422, "/other"),
        ({"judge": "wit", "other": "ranking:control/length"}, 422, "/other"),
        ({"judge": "wit", "other": "wit:control/length"}, 422, "/other"),
        ({"judge": "wit", "other": "wit@1"}, 422, "/other"),
    ],
    ids=str,
)
async def test_what_can_not_be_told_is_refused_by_its_place(
    judges: httpx.AsyncClient, query: Row, status: int, pointer: str
) -> None:
    code = "invalid-request" if status == 400 else "impossible"
    assert pointers(await get(judges, **query), status, code) == [pointer]
    if pointer != "/other" and "selection" not in query:
        assert pointers(await get(judges, "/v1/estimates", **query), status, code) == [pointer]


async def test_a_judge_has_to_be_named(api: httpx.AsyncClient) -> None:
    for path in ("/v1/agreement", "/v1/estimates"):
        assert "judge" in problem_of(await get(api, path), 400, "invalid-request")["detail"]


async def test_estimates_of_nothing_are_none(judges: httpx.AsyncClient) -> None:
    response = await get(judges, "/v1/estimates", judge="wit", window="30d")
    shown = response.json()
    assert (shown["judge"]["name"], shown["model"], shown["window"]) == ("wit", "control/length", "30d")
    for mean in ("judge_mean", "corrected_mean"):
        assert shown[mean] == {"value": None, "lower": None, "upper": None}
    assert (shown["method"], shown["reason"], shown["labels"], shown["unlabelled"]) == (
        "labels_only",
        "no_labels",
        0,
        0,
    )
    assert shown["labels_worth"] == {"factor": None, "effective_labels": 0}


@pytest.mark.parametrize("changed", [{"method": "pairwise"}, {"method": "category", "choices": CATEGORY["choices"]}])
async def test_labels_without_numbers_have_no_mean(api: httpx.AsyncClient, changed: Row) -> None:
    assert (await api.put("/v1/judges/judge", json={**WIT, **changed})).status_code == 201
    assert pointers(await get(api, "/v1/estimates", judge="judge"), 422, "impossible") == ["/judge"]


async def test_labels_with_numbers_have_one(api: httpx.AsyncClient) -> None:
    scored = [{"label": "dull", "score": 0}, {"label": "fair", "score": 0.5}, {"label": "witty", "score": 2}]
    for definition in ({**CATEGORY, "choices": scored}, {**WIT, "criterion": "safe", "method": "pass_fail"}):
        assert (await api.put("/v1/judges/judge", json=definition)).status_code == 201
        assert (await get(api, "/v1/estimates", judge="judge")).json()["labels"] == 0


async def test_a_recount_of_nothing_is_right(api: httpx.AsyncClient) -> None:
    counts = dict.fromkeys(("items", "labels", "counters", "differing"), 0)
    nothing = {**counts, "examples": [], "repaired": False, "unreadable": []}
    assert (await api.post("/v1/agreement/rebuild")).json() == nothing
    assert (await api.post("/v1/agreement/rebuild", params={"repair": "true"})).json() == nothing
    assert pointers(await api.post("/v1/agreement/rebuild", params={"repair": "maybe"})) == ["/repair"]


async def test_a_recount_that_never_sees_the_labels_hold_still_is_409(api: httpx.AsyncClient, redis: Redis) -> None:
    async def disturb() -> None:
        while True:
            await reply(redis.incr(keys.CHANGES))

    disturbing = [asyncio.create_task(disturb()) for _ in range(3)]
    try:
        problem_of(await api.post("/v1/agreement/rebuild"), 409, "busy")
    finally:
        await cancelled(*disturbing)
