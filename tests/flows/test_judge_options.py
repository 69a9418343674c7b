"""What a judge and a job can set beside the question: passing, overrides, retirement, the cache, the same prompt."""

from typing import Any

import pytest

from tests.flows.conftest import Judged, Row, Serve
from tests.flows.faults import GOOD
from tests.stubs.model_server import ModelServer

ITEM = {"id": "a", "input": "q", "output": "text"}
MODEL = ["openai/gpt-4.1-mini"]
WIT: Row = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?"}
LENGTH: Row = {**WIT, "models": ["control/length"]}


@pytest.mark.parametrize(
    ("least", "answer", "expected"), [(4, GOOD, True), (5, GOOD, False), (4, "no idea", None), (None, GOOD, "absent")]
)
async def test_a_judgment_has_passed_if_the_judge_says_what_passes(
    serve: Serve, least: int | None, answer: str, expected: Any
) -> None:
    async with ModelServer("openai", lambda body: answer) as model:
        judged: Judged = await serve(openai=model)
        judge = WIT | {"reasks": 0, "pass_if": {"min": least} if least else None}
        job = await judged.judge([ITEM], judge=judge, models=MODEL)
        assert job["judgments"][0].get("passed", "absent") == expected


async def test_a_job_pins_the_version_that_it_resolved(serve: Serve) -> None:
    judged: Judged = await serve()
    await judged.client.put("/v1/judges/wit", json=LENGTH)
    before = await judged.judge([{"output": "ha"}], judge="wit")
    await judged.client.put("/v1/judges/wit", json={**LENGTH, "instructions": "Is it very funny?"})
    after = await judged.judge([{"output": "ha"}], judge="wit")
    pinned = await judged.judge([{"output": "ha"}], judge="wit@1")
    assert [each["judge"]["version"] for each in (before, after, pinned)] == [1, 2, 1]
    assert [each["judgments"][0]["judge"] for each in (before, after, pinned)] == [
        each["judge"] for each in (before, after, pinned)
    ]
    assert (await judged.job(before["id"]))["judge"]["version"] == 1


async def test_a_job_overrides_samples_reasks_and_parameters_and_its_digest_covers_that(serve: Serve) -> None:
    bodies: list[Row] = []

    def answer(body: Row) -> str:
        bodies.append(body)
        return GOOD

    async with ModelServer("openai", answer) as model:
        judged: Judged = await serve(openai=model)
        stored = (await judged.client.put("/v1/judges/wit", json=WIT | {"models": MODEL, "reasks": 1})).json()
        plain = await judged.judge([ITEM], judge="wit")
        changed = await judged.judge([ITEM], judge="wit", samples=2, reasks=0, parameters={"top_p": 0.5})
        same = await judged.judge([ITEM], judge="wit", samples=1, parameters={"temperature": 0})
    assert plain["judge"] == same["judge"] == {"name": "wit", "version": 1, "digest": stored["digest"]}
    assert (changed["judge"]["name"], changed["judge"]["version"]) == ("wit", 1)
    assert changed["judge"]["digest"] != stored["digest"]
    assert len(changed["judgments"][0]["votes"]) == 2
    assert (bodies[0].get("top_p"), bodies[1]["top_p"], bodies[1]["temperature"]) == (None, 0.5, 0)


async def test_an_upload_of_lines_overrides_too(serve: Serve) -> None:
    judged: Judged = await serve(workers=0)
    query = {"judge": "helpfulness", "models": "control/length", "samples": "3", "parameters": '{"seed": 3}'}
    ndjson = {"content-type": "application/x-ndjson"}
    job = await judged.client.post("/v1/jobs", params=query, content=b'{"output": "x"}', headers=ndjson)
    assert job.status_code == 202, job.text
    query["parameters"] = "nonsense"
    wrong = await judged.client.post("/v1/jobs", params=query, content=b'{"output": "x"}', headers=ndjson)
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "/parameters")


async def test_overrides_that_can_not_be_are_refused_by_their_places(serve: Serve) -> None:
    judged: Judged = await serve(workers=0)
    order = {"judge": "helpfulness", "items": [ITEM], "models": ["control/length"]}
    for override, status, pointer in (
        ({"samples": 0}, 400, "/samples"),
        ({"parameters": {"top_k": 3}}, 400, "/parameters/top_k"),
        ({"parameters": {"extra": {"stream": True}}}, 422, "/parameters/extra/stream"),
    ):
        refused = await judged.client.post("/v1/jobs", json=order | override)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (status, pointer)


@pytest.mark.parametrize("name", ["wit", "politeness"])
async def test_a_retired_judge_takes_no_jobs_and_its_versions_can_be_read(serve: Serve, name: str) -> None:
    judged: Judged = await serve(workers=0)
    client = judged.client
    await client.put("/v1/judges/wit", json=WIT | {"models": ["control/length"]})
    before = (await client.get(f"/v1/judges/{name}")).json()
    for _ in range(2):
        assert (await client.delete(f"/v1/judges/{name}")).status_code == 204
    for reference in (name, f"{name}@1"):
        job = {"judge": reference, "items": [ITEM], "models": ["control/length"]}
        refused = await client.post("/v1/jobs", json=job)
        assert refused.status_code == 422
        assert refused.json()["errors"] == [
            {"pointer": "/judge", "detail": f"the judge '{name}' is retired: store it again to use it"}
        ]
    after = (await client.get(f"/v1/judges/{name}/versions/1")).json()
    assert after.pop("retired_at")
    assert after == before
    assert name not in [each["name"] for each in (await client.get("/v1/judges")).json()["judges"]]
    definition = {key: value for key, value in before.items() if key not in ("name", "version", "digest", "created_at")}
    again = await client.put(f"/v1/judges/{name}", json=definition | {"models": ["control/length"]})
    assert "retired_at" not in again.json()
    assert (await client.post("/v1/jobs", json=job)).status_code == 202


async def test_there_is_no_judge_to_retire(serve: Serve) -> None:
    judged: Judged = await serve(workers=0)
    assert (await judged.client.delete("/v1/judges/nobody")).status_code == 404


async def test_the_cache_goes_by_the_prompt_that_was_sent(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model:
        judged: Judged = await serve(openai=model)
        own = WIT | {"template": "Judge {{item.output}} for {{item.metadata.reader}}. End with Score: 1 to 5."}
        children, adults = ({**ITEM, "metadata": {"reader": reader}} for reader in ("children", "adults"))
        calls = []
        for item, judge in (
            (children, own),
            (adults, own),  # the template prints it
            (children, own),
            (children, own | {"panel": "median", "reasks": 1}),  # which no prompt shows
            (children, own | {"answer_key": "grade"}),  # by which an answer is read
            (children, WIT),
            (adults, WIT),  # the built-in prompt does not show metadata
        ):
            await judged.judge([item], judge=judge, models=MODEL)
            calls.append(model.calls)
        assert calls == [1, 2, 2, 2, 3, 4, 4]


async def test_the_same_item_in_the_same_judge_gives_the_same_prompt(serve: Serve) -> None:
    prompts: list[str] = []

    def answer(body: Row) -> str:
        prompts.append(body["messages"][-1]["content"])
        return GOOD

    async with ModelServer("openai", answer) as model:
        judged: Judged = await serve(openai=model)
        for _ in range(2):
            await judged.judge([ITEM], judge=WIT, models=MODEL, cache=False)
        await judged.client.put("/v1/judges/wit", json=WIT | {"models": MODEL})
        preview = (await judged.client.post("/v1/judges/wit/preview", json={"item": ITEM})).json()
        await judged.judge([{**ITEM, "output": "another"}], judge=WIT, models=MODEL, cache=False)
    shown = preview["requests"][0]["messages"][-1]["content"]
    assert prompts[0] == prompts[1] == shown
    assert prompts[2] != prompts[0].replace("text", "another")
