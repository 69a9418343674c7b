"""Anchors from end to end: judged again by themselves, kept out of everything else, and the verdicts that they give."""

from collections.abc import Callable
from typing import Any

import msgspec
from redis.asyncio import Redis

from service.config.settings import AnchorSettings
from service.store import agreement_counters, clock, keys
from tests.flows.conftest import Judged, Serve
from tests.polling import until
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply
from worker.anchors import AnchorTurns

OFTEN, NEVER = 86_400_000, 0  # judgments a day
JUDGE = {
    "criterion": "wit",
    "method": "rating",
    "instructions": "How witty is the output?",
    "models": ["stub/a"],
    "score_from": "answer",
}
ANCHORS = [{"id": f"a-{n}", "output": f"anchor number {n}"} for n in range(8)]


def score_of(body: dict[str, Any]) -> int:
    """2 or 3 by the text of the item."""
    return 2 + sum(map(ord, body["messages"][-1]["content"])) % 2


def says(score: Callable[[dict[str, Any]], int], served: str) -> Callable[[dict[str, Any]], Reply]:
    """Answers with this score, as this served model."""

    def reply(body: dict[str, Any]) -> Reply:
        text = msgspec.json.encode({"explanation": "So.", "score": score(body)}).decode()
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        return Reply(
            body={"id": "c", "object": "chat.completion", "model": served, "choices": [choice], "usage": usage}
        )

    return reply


async def anchored(serve: Serve, stub: ModelServer, a_day: int = NEVER) -> Judged:
    """A service with a judge and its anchors, which its worker judges so many times a day."""
    judged: Judged = await serve(stub=stub, changes={"anchors": {"judgments_per_day": a_day}})
    assert (await judged.client.put("/v1/judges/wit", json=JUDGE)).status_code == 201
    stored = await judged.client.put("/v1/anchors/wit", json={"items": ANCHORS})
    assert stored.status_code == 201, stored.text
    return judged


async def findings(judged: Judged) -> dict[str, Any]:
    response = await judged.client.get("/v1/anchors/wit", params={"window": "all"})
    assert response.status_code == 200, response.text
    shown: dict[str, Any] = response.json()
    return shown


async def judge_again(judged: Judged, redis: Redis, times: int) -> None:
    """Lets so many turns of the anchors come at once, and waits for their judgments."""
    often = msgspec.structs.replace(judged.settings, anchors=AnchorSettings(judgments_per_day=OFTEN))
    turns = AnchorTurns(redis, often)
    before = len(await redis.zrange(keys.anchor_scores("wit"), 0, -1))

    async def are_judged() -> bool:
        return len(await redis.zrange(keys.anchor_scores("wit"), 0, -1)) >= before + times

    jobs = await redis.zcard(keys.ANCHOR_JOBS)
    while await redis.zcard(keys.ANCHOR_JOBS) < jobs + times:
        await turns.submit_due()
    await until(are_judged, "the judgments of anchors")


async def test_a_judge_that_changes_is_told_from_its_texts(serve: Serve, redis: Redis) -> None:
    async with ModelServer("openai", says(score_of, "stub-2026-01")) as stub:
        judged = await anchored(serve, stub)
        assert (await findings(judged))["verdict"] == "too_few"
        await judge_again(judged, redis, 8 + 80)
        assert (await findings(judged))["verdict"] == "steady"
        stub.reply = says(lambda body: score_of(body) + 2, "stub-2026-02")
        await judge_again(judged, redis, 16)
        shown = await findings(judged)
        assert shown["verdict"] == "judge_changed"
        assert "2.00 points higher on average" in shown["because"][0]
        assert shown["because"][1] == "the provider answered as 'stub-2026-01' before and as 'stub-2026-02' since then"
        report = (await judged.client.get("/v1/agreement", params={"judge": "wit"})).json()
        assert report["anchors"]["verdict"] == "judge_changed"
        assert (await judged.client.post("/v1/anchors/wit/restart")).status_code == 200
        assert (await findings(judged))["verdict"] == "too_few"


async def test_texts_that_change_are_told_from_the_judge(serve: Serve, redis: Redis) -> None:
    """The reference is a hundred scores of ten days ago; the traffic since then scores lower."""
    anchors = [{"id": f"a-{n}", "output": f"anchor number {n}"} for n in range(30)]
    async with ModelServer("openai", says(score_of, "stub-2026-01")) as stub:
        judged = await anchored(serve, stub)
        await judged.client.put("/v1/anchors/wit", json={"items": anchors})
        await judge_again(judged, redis, 30 + 62)
        texts = [{"id": f"t-{n}", "output": f"a text {n}"} for n in range(100)]
        await judged.judge(texts, "wit")
        [series] = [name for _, name in await agreement_counters.newest_series(redis)]
        day = agreement_counters.days(clock.now_ms(), first=-10, last=-10)[0]
        earlier = keys.agreement_counters("seen", day, series, "wit")
        await redis.hset(earlier, mapping={"score\t4\t4": 50, "score\t5\t4": 50})  # type: ignore[misc]
        response = await judged.client.get("/v1/anchors/wit", params={"window": "7d"})
        shown = response.json()
        assert shown["verdict"] == "traffic_changed", shown
        assert shown["traffic"]["drifted"] is True
        assert shown["shift"]["value"] == 0


async def test_anchors_stay_out_of_everything_else(serve: Serve, redis: Redis) -> None:
    labels = [{"item_id": each["id"], "criterion": "wit", "annotator": "ann", "score": 3} for each in ANCHORS]
    async with ModelServer("openai", says(score_of, "stub")) as stub:
        judged = await anchored(serve, stub)
        await judged.judge(ANCHORS[:4], "wit")
        assert (await judged.client.post("/v1/labels", json={"labels": labels})).status_code == 200
        report = (await judged.client.get("/v1/agreement", params={"judge": "wit"})).json()
        before, calls = await judged.metrics(), stub.calls
        await judge_again(judged, redis, 24)
        after = await judged.metrics()
        assert stub.calls == calls + 24  # nothing comes from the cache
        for name in ("judgments_total", "score_total", "queue_wait_seconds_count", "judgment_seconds_count"):
            assert total(after, name) == total(before, name), name
        assert total(after, "anchor_judgments_total") == 24
        assert total(after, "tokens_total") == (4 + 24) * 18
        again = (await judged.client.get("/v1/agreement", params={"judge": "wit"})).json()
        assert {**again, "anchors": None} == {**report, "anchors": None}
        assert again["pairs"] == 4
        queue = await judged.client.get("/v1/labels/queue", params={"criterion": "wit"})
        assert queue.json()["items"] == []
        shown = (await judged.client.get("/v1/items/a-0")).json()
        assert len(shown["judgments"]) == 1
        listed = (await judged.client.get("/v1/jobs")).json()["jobs"]
        assert len(listed) == 1
        asked = (await judged.client.get("/v1/jobs", params={"purpose": "anchor"})).json()["jobs"]
        assert len(asked) == 24
        assert asked[0]["counts"]["scored"] == 1


async def test_a_worker_judges_anchors_by_itself(serve: Serve) -> None:
    async with ModelServer("openai", says(score_of, "stub")) as stub:
        judged = await anchored(serve, stub, OFTEN)

        async def is_judged() -> bool:
            return bool((await findings(judged))["judgments"])

        await until(is_judged, "a judgment of an anchor")


def total(metrics: dict[str, float], name: str) -> float:
    """The sum of all series of a metric."""
    return sum(value for series, value in metrics.items() if series.partition("{")[0] == f"judged_{name}")
