"""A provider that runs another model under the same name from one request to the next: figures are never of both."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from redis.asyncio import Redis

from service.gauges.refresher import Refresher
from tests.flows.conftest import FAST, Judged, Row, Serve
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

X, Y = "openai/gpt-x", "openai/gpt-y"
WIT: Row = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "models": [X]}
GOOD = '{"explanation": "So.", "score": %d}'

# Each served model gives the n-th text a score of its own; people say what x-1 says.
SCORES: dict[str, Callable[[int], int]] = {
    "x-1": lambda n: n % 5 + 1,
    "x-2": lambda n: 5 - n % 4,
    "y-1": lambda n: n % 3 + 2,
    "y-2": lambda n: n % 2 + 1,
}


class Provider:
    """Answers under each name with the model in `runs`; a model that is None there refuses every call."""

    def __init__(self, **runs: str | None) -> None:
        self.runs: dict[str, str | None] = runs

    def reply(self, body: Mapping[str, Any]) -> Reply:
        served = self.runs[body["model"].removeprefix("gpt-")]
        number = re.search(r"text (\d+)", str(body["messages"]))
        assert number is not None
        if served is None:
            return Reply(status=400, body={"error": {"message": "no"}})
        text = GOOD % SCORES[served](int(number[1]))
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return Reply(body={"model": served, "choices": [choice]})


def texts(first: int, end: int) -> list[Row]:
    return [{"id": f"t/{n}", "input": "q", "output": f"text {n}"} for n in range(first, end)]


async def put(judged: Judged, *models: str, labels: int = 40) -> None:
    response = await judged.client.put("/v1/judges/wit", json={**WIT, "models": models})
    assert response.status_code == 201, response.text
    said = [{"item_id": f"t/{n}", "criterion": "wit", "annotator": "ann", "score": n % 5 + 1} for n in range(labels)]
    response = await judged.client.post("/v1/labels", json={"labels": said})
    assert response.status_code == 200, response.text


async def get(judged: Judged, path: str, **query: Any) -> Row:
    response = await judged.client.get(path, params={"judge": "wit", **query})
    assert response.status_code == 200, response.text
    found: Row = response.json()
    return found


async def agreement(judged: Judged, **query: Any) -> Row:
    rebuilt = await judged.client.post("/v1/agreement/rebuild")
    assert (rebuilt.status_code, rebuilt.json()["differing"]) == (200, 0), rebuilt.text
    return await get(judged, "/v1/agreement", **query)


def exact(items: range, served: str) -> float:
    return sum(SCORES[served](n) == n % 5 + 1 for n in items) / len(items)


def gauge(metrics: Mapping[str, float], name: str, **labels: str) -> list[float]:
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return [value for series, value in metrics.items() if series.startswith(name) and all(w in series for w in wanted)]


async def test_figures_before_and_after_a_change_are_separate(serve: Serve, redis: Redis) -> None:
    provider = Provider(x="x-1")
    async with ModelServer("openai", provider.reply) as model:
        judged: Judged = await serve(openai=model)
        await put(judged, X)
        await judged.judge(texts(0, 40), judge="wit")
        before = await agreement(judged)
        provider.runs["x"] = "x-2"
        await judged.judge(texts(0, 20), judge="wit", cache=False)
        after, old = await agreement(judged), await agreement(judged, served="x-1")
        await Refresher(redis).refresh()
        metrics = await judged.metrics()
        estimates = [await get(judged, "/v1/estimates", **query) for query in ({}, {"served": "x-1"})]
        cells = [await get(judged, "/v1/agreement/items", **query) for query in ({}, {"served": "x-1"})]
        between = await get(judged, "/v1/agreement", served="x-1", other=f"wit:{X}")

    assert (before["served_model"], before["pairs"]) == ("x-1", 40)
    assert "served_model_changed" not in before["flags"]
    assert (after["served_model"], after["pairs"], after["coverage"]["judged"]) == ("x-2", 20, 20)
    assert after["statistics"]["exact"]["value"] == pytest.approx(exact(range(20), "x-2"))
    assert "served_model_changed" in after["flags"]
    assert {**old, "flags": [], "served_models": []} == {**before, "flags": [], "served_models": []}
    assert "served_model_changed" in old["flags"]

    newest, oldest = after["served_models"]
    assert (newest["served_model"], newest["scored"], newest["pairs"]) == ("x-2", 20, 20)
    assert (oldest["served_model"], oldest["scored"], oldest["pairs"]) == ("x-1", 40, 40)
    assert oldest["first_seen"] <= oldest["last_seen"] < newest["first_seen"] <= newest["last_seen"]
    assert old["served_models"] == after["served_models"]

    for found, served, count in zip(estimates, ("x-2", "x-1"), (20, 40), strict=True):
        assert (found["served_model"], found["labels"], found["unlabelled"]) == (served, count, 0)
        mean = sum(SCORES[served](n) for n in range(count)) / count
        assert found["judge_mean"]["value"] == pytest.approx(mean)
    wrong = [n for n in range(20) if SCORES["x-2"](n) != n % 5 + 1]
    assert (cells[0]["served_model"], len(cells[0]["items"])) == ("x-2", len(wrong))
    assert (cells[1]["served_model"], cells[1]["items"]) == ("x-1", [])
    assert (between["served_model"], between["other"]["served_model"], between["pairs"]) == ("x-1", "x-2", 20)
    assert "served_model_changed" in between["flags"]

    assert gauge(metrics, "judged_agreement_pairs{", model=X, window="7d") == [20]
    assert gauge(metrics, "judged_agreement_exact{", model=X, window="7d") == pytest.approx([exact(range(20), "x-2")])
    assert gauge(metrics, "judged_served_model_changes_total{", model=X) == [1]


async def test_an_unknown_served_model_is_refused_with_the_known_ones(serve: Serve) -> None:
    async with ModelServer("openai", Provider(x="x-1").reply) as model:
        judged: Judged = await serve(openai=model)
        await put(judged, X)
        for path in ("/v1/agreement", "/v1/agreement/items", "/v1/estimates"):
            early = await judged.client.get(path, params={"judge": "wit", "served": "x-1"})
            assert early.status_code == 422, path
        await judged.judge(texts(0, 2), judge="wit")
        for path in ("/v1/agreement", "/v1/agreement/items", "/v1/estimates"):
            for served in ("x-9", "unknown"):
                response = await judged.client.get(path, params={"judge": "wit", "served": served})
                assert response.status_code == 422, path
                [error] = response.json()["errors"]
                detail = f"there is no answer of the served model {served!r} (known: x-1)"
                assert error == {"pointer": "/served", "detail": detail}
            empty = await judged.client.get(path, params={"judge": "wit", "served": ""})
            assert empty.status_code == 400, path


async def test_a_panel_is_compared_within_its_served_models(serve: Serve, redis: Redis) -> None:
    provider = Provider(x="x-1", y="y-1")
    async with ModelServer("openai", provider.reply) as model:
        judged: Judged = await serve(openai=model)
        await put(judged, X, Y)
        await judged.judge(texts(0, 40), judge="wit")
        before = await agreement(judged)
        provider.runs["x"] = "x-2"
        await judged.judge(texts(40, 70), judge="wit")
        after, old = await agreement(judged), await agreement(judged, served="x-1 + y-1")
        of_y = await agreement(judged, model=Y)
        await Refresher(redis).refresh()
        metrics = await judged.metrics()

    assert (before["model"], before["served_model"]) == ("panel", "x-1 + y-1")
    assert (after["served_model"], after["pairs"], after["coverage"]["scored"]) == ("x-2 + y-1", 0, 30)
    assert old["panel_alpha"] == before["panel_alpha"]
    assert after["panel_alpha"]["ratings"] == 60
    assert after["panel_alpha"]["value"] != pytest.approx(before["panel_alpha"]["value"])
    assert [each["served_model"] for each in after["served_models"]] == ["x-2 + y-1", "x-1 + y-1"]
    assert (of_y["served_model"], of_y["coverage"]["scored"]) == ("y-1", 70)  # it did not change
    assert "served_model_changed" not in of_y["flags"]

    assert gauge(metrics, "judged_panel_agreement_pairs{", model=X, other=Y, window="7d") == [30]
    equal = sum(SCORES["x-2"](n) == SCORES["y-1"](n) for n in range(40, 70)) / 30
    assert gauge(metrics, "judged_panel_agreement_exact{", model=X, other=Y, window="7d") == pytest.approx([equal])
    [alpha] = gauge(metrics, "judged_panel_alpha{", window="7d")
    assert alpha == pytest.approx(after["panel_alpha"]["value"])


async def test_a_panel_without_one_of_its_models_stays_in_its_series(serve: Serve) -> None:
    provider = Provider(x="x-1", y="y-1")
    async with ModelServer("openai", provider.reply) as model:
        judged: Judged = await serve(openai=model, retrying=FAST)
        await put(judged, X, Y)
        await judged.judge(texts(0, 10), judge="wit")
        provider.runs["y"] = None
        await judged.judge(texts(10, 20), judge="wit")
        panel, of_y = await agreement(judged), await agreement(judged, model=Y)
    assert (panel["served_model"], panel["coverage"]["scored"], panel["pairs"]) == ("x-1 + y-1", 20, 20)
    assert "served_model_changed" not in panel["flags"]
    assert panel["panel_alpha"]["ratings"] == 20
    assert of_y["coverage"] == {
        "judged": 20,
        "scored": 10,
        "unscored": 0,
        "failed": 10,
        "by_reason": {"provider_error": 10},
    }
    assert (of_y["served_model"], [each["served_model"] for each in of_y["served_models"]]) == ("y-1", ["y-1"])


async def test_a_model_that_only_fails_has_its_coverage(serve: Serve) -> None:
    provider = Provider(x=None)
    async with ModelServer("openai", provider.reply) as model:
        judged: Judged = await serve(openai=model, retrying=FAST)
        await put(judged, X)
        await judged.judge(texts(0, 5), judge="wit")
        failed = await agreement(judged)
        provider.runs["x"] = "x-1"
        await judged.judge(texts(0, 5), judge="wit")
        answered = await agreement(judged)
    assert (failed["served_model"], failed["served_models"], failed["coverage"]["failed"]) == (None, [], 5)
    assert (answered["served_model"], answered["pairs"]) == ("x-1", 5)
    assert (answered["coverage"]["judged"], answered["coverage"]["failed"]) == (10, 5)
    assert "served_model_changed" not in answered["flags"]


async def test_answers_that_name_no_model_are_those_of_an_unknown_one(serve: Serve) -> None:
    """So are the judgments from before served models were told apart."""
    async with ModelServer("openai", Provider(x="x-1").reply) as model:
        judged: Judged = await serve(openai=model)
        await put(judged, "control/length")
        await judged.judge(texts(0, 4), judge="wit")
        control = await agreement(judged, served="unknown")
    assert control["served_model"] is None
    [only] = control["served_models"]
    assert (only["served_model"], only["first_seen"], only["scored"], only["pairs"]) == (None, None, 4, 4)


async def test_a_change_in_the_middle_of_a_job_parts_its_judgments(serve: Serve) -> None:
    provider = Provider(x="x-1")

    def reply(body: Mapping[str, Any]) -> Reply:
        provider.runs["x"] = "x-1" if model.calls <= 25 else "x-2"
        return provider.reply(body)

    async with ModelServer("openai", reply) as model:
        judged: Judged = await serve(openai=model)
        await put(judged, X)
        job = await judged.judge(texts(0, 40), judge="wit")
        reports = {served: await agreement(judged, served=served) for served in ("x-1", "x-2")}
    for served, count in (("x-1", 25), ("x-2", 15)):
        theirs = [each for each in job["judgments"] if each["votes"][0]["served_model"] == served]
        assert len(theirs) == count
        equal = sum(each["score"] == int(each["item_id"][2:]) % 5 + 1 for each in theirs)
        assert reports[served]["pairs"] == count
        assert reports[served]["statistics"]["exact"]["value"] == pytest.approx(equal / count)
