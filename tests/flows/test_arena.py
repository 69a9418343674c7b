"""The arena, whole: two models judge an item, nobody can tell which is which, people vote, models are rated."""

import asyncio
import html
import json
from collections import Counter
from typing import Any

import pytest
from redis.asyncio import Redis

from service.store import arena, keys
from service.store.connection import reply
from service.store.records import from_json
from tests.flows.conftest import FAST, Judged, Row, Serve
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

STRONG, WEAK, MUTE = "openai/strong", "openai/weak", "openai/mute"
SAID = {
    "strong": '{"explanation": "It answers the question, step by step.", "score": 5}',
    "weak": '{"explanation": "Meh.", "score": 2}',
    "mute": "I would rather not say.",
}
SEEN = {"score", "label", "ranking", "explanation"}
ITEM = {"id": "t-1", "input": "How do I reset my password?", "output": "Open Settings, then Reset password."}


def by_model(body: dict[str, Any]) -> str | Reply:
    """Each model its own text, tokens and pace."""
    name = str(body["model"])
    tokens = {"strong": 61111, "weak": 72222}.get(name, 83333)
    return Reply(text=SAID[name], input_tokens=tokens, output_tokens=tokens, delay=0.05 if name == "strong" else 0)


async def begun(judged: Judged, models: list[str] | None = None, **changes: Any) -> Row:
    asked = {"item": ITEM, "judge": "helpfulness", "models": models or [STRONG, WEAK], **changes}
    response = await judged.client.post("/v1/arena/battles", json=asked)
    assert response.status_code == 202, response.text
    battle: Row = response.json()
    assert response.headers["location"] == f"/v1/arena/battles/{battle['id']}"
    return battle


async def shown(judged: Judged, battle_id: str, **query: Any) -> Row:
    response = await judged.client.get(f"/v1/arena/battles/{battle_id}", params={"wait": 60, **query}, timeout=65)
    assert response.status_code == 200, response.text
    battle: Row = response.json()
    return battle


async def voted(judged: Judged, battle_id: str, winner: str, voter: str = "ada") -> Row:
    said = {"winner": winner, "voter": voter}
    response = await judged.client.post(f"/v1/arena/battles/{battle_id}/vote", json=said)
    assert response.status_code == 200, response.text
    battle: Row = response.json()
    return battle


async def test_two_evaluations_a_vote_and_then_the_names(serve: Serve) -> None:
    async with ModelServer("openai", by_model) as server:
        judged: Judged = await serve(openai=server)
        battle = await begun(judged)
        assert (battle["status"], battle["evaluations"], battle["votes"]) == ("queued", None, 0)
        battle = await shown(judged, battle["id"])
        assert (battle["status"], battle["criterion"]) == ("open", "helpfulness")
        scores = {side: each["score"] for side, each in battle["evaluations"].items()}
        assert sorted(scores.values()) == [2, 5]
        better = "A" if scores["A"] == 5 else "B"
        revealed = await voted(judged, battle["id"], better)
        worse = "B" if better == "A" else "A"
        assert revealed["models"] == {better: STRONG, worse: WEAK}
        assert (revealed["winner"], revealed["status"], revealed["votes"]) == (better, "voted", 1)
        assert ITEM["output"] in revealed["prompts"][0]["messages"][-1]["content"]
        again = await judged.client.post(
            f"/v1/arena/battles/{battle['id']}/vote", json={"winner": "tie", "voter": "ada"}
        )
        assert (again.status_code, "models" in again.json()) == (409, False)
        assert (await shown(judged, battle["id"], voter="ada"))["models"] == revealed["models"]
        for other in ({}, {"voter": "bob"}):
            seen = await shown(judged, battle["id"], **other)
            assert not {"models", "winner", "prompts"} & set(seen)
        assert (await voted(judged, battle["id"], "both_bad", "bob"))["votes"] == 2
        rows = (await judged.client.get("/v1/arena/leaderboard")).json()["leaderboard"]
        assert [(row["model"], row["wins"], row["losses"], row["ties"]) for row in rows] == [
            (STRONG, 1, 0, 1),
            (WEAK, 0, 1, 1),
        ]
        counted = await judged.metrics()
        assert counted[f'judged_arena_votes_total{{outcome="{better}"}}'] == 1
        assert counted['judged_arena_votes_total{outcome="both_bad"}'] == 1


async def reachable(judged: Judged, battle_id: str) -> str:
    """All that the API tells of a battle, with the headers of every answer."""
    told = ""
    for path in (
        f"/v1/arena/battles/{battle_id}",
        f"/v1/arena/battles/{battle_id}?voter=ada",
        "/v1/arena/battles",
        "/v1/arena/leaderboard",
        "/v1/jobs",
        f"/v1/jobs/{battle_id}",
        f"/v1/jobs/{battle_id.replace('battle_', 'job_')}",
        "/v1/items/t-1",
        "/v1/labels/queue?criterion=helpfulness",
        "/v1/agreement?judge=helpfulness",
    ):
        response = await judged.client.get(path)
        told += f"{path}\n{response.headers}\n{response.text}\n"
    return told


async def test_before_the_vote_nothing_tells_the_two_apart(serve: Serve, redis: Redis) -> None:
    async with ModelServer("openai", by_model) as server:
        judged: Judged = await serve(openai=server)
        battle = await shown(judged, (await begun(judged))["id"])
        told = await reachable(judged, battle["id"])
        for word in (STRONG, WEAK, "61111", "72222", "latency", "tokens", "cached", "finish_reason", "raw_text"):
            assert word not in told, word
        assert set(battle["evaluations"]) == {"A", "B"}
        assert all(set(each) == SEEN for each in battle["evaluations"].values())
        found = await arena.find_battle(redis, battle["id"])
        assert found is not None
        job_id = found.course.A.job_id
        assert job_id not in told
        for tail in ("", "/judgments", "/events"):
            assert (await judged.client.get(f"/v1/jobs/{job_id}{tail}")).status_code == 404
        assert (await judged.client.delete(f"/v1/jobs/{job_id}")).status_code == 404
        assert not await redis.exists(keys.item("t-1"))


async def test_after_the_vote_the_judgments_are_among_those_of_their_item(serve: Serve, redis: Redis) -> None:
    async with ModelServer("openai", by_model) as server:
        judged: Judged = await serve(openai=server)
        battle = await shown(judged, (await begun(judged))["id"])
        await voted(judged, battle["id"], "tie")
        noted = {field.decode(): int(at) for field, at in (await reply(redis.hgetall(keys.item("t-1")))).items()}
        assert len(noted) == 2
        models = set()
        for field, at in noted.items():
            kind, job_id, chunk, position = field.split("\t")
            stored = await reply(redis.hget(keys.chunk_results(job_id, int(chunk)), position))
            assert stored is not None
            judgment = from_json(stored, dict[str, Any], "it")
            assert kind == "R"
            assert at > 0
            models.add(judgment["votes"][0]["model"])
        assert models == {STRONG, WEAK}
        assert await redis.ttl(keys.item("t-1")) > 0


async def test_nothing_comes_from_the_cache_or_goes_there(serve: Serve) -> None:
    async with ModelServer("openai", by_model) as server:
        judged: Judged = await serve(openai=server)
        await judged.judge([ITEM], models=[STRONG])
        await shown(judged, (await begun(judged))["id"])
        assert Counter(each.body["model"] for each in server.requests) == {"strong": 2, "weak": 1}
        job = await judged.judge([ITEM], models=[WEAK])
        assert not job["judgments"][0]["cached"]


async def test_sides_are_drawn(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: SAID[body["model"]]) as server:
        judged: Judged = await serve(openai=server)
        begins = await asyncio.gather(*(begun(judged) for _ in range(24)))
        battles = await asyncio.gather(*(shown(judged, each["id"]) for each in begins))
        firsts = Counter(each["evaluations"]["A"]["score"] for each in battles)
        assert set(firsts) == {2, 5}  # by chance on one side alone: once in eight million runs


async def test_a_model_without_a_score_is_drawn_again(serve: Serve) -> None:
    async with ModelServer("openai", by_model) as server:
        judged: Judged = await serve(openai=server)
        for begin in await asyncio.gather(*(begun(judged, [STRONG, WEAK, MUTE]) for _ in range(8))):
            battle = await shown(judged, begin["id"])
            assert battle["status"] == "open"
            assert sorted(each["score"] for each in battle["evaluations"].values()) == [2, 5]
            revealed = await voted(judged, battle["id"], "tie")
            assert sorted(revealed["models"].values()) == [STRONG, WEAK]
            assert {revealed["models"][side]: each["score"] for side, each in battle["evaluations"].items()} == {
                STRONG: 5,
                WEAK: 2,
            }
        assert any(each.body["model"] == "mute" for each in server.requests)


@pytest.mark.parametrize("models", [[STRONG, MUTE], [MUTE, "openai/mute2"]])
async def test_a_battle_of_which_too_few_can_judge_fails_and_takes_no_vote(serve: Serve, models: list[str]) -> None:
    async with ModelServer("openai", lambda body: SAID.get(body["model"], Reply(status=400, body={}))) as server:
        judged: Judged = await serve(openai=server, retrying=FAST)
        battle = await shown(judged, (await begun(judged, models))["id"])
        assert (battle["status"], battle["evaluations"]) == ("failed", None)
        told = {each["model"]: (each["reason"], each["error"]) for each in battle["failures"]}
        assert told.pop(MUTE) == ("no_score", None)
        assert told.keys() == {*models} - {STRONG, MUTE}
        for reason, error in told.values():
            assert reason == "provider_error"
            assert "answered 400" in error
        page = (await judged.client.get(f"/arena/battles/{battle['id']}")).text
        assert f"<bdi>{MUTE}</bdi>: no_score" in html.unescape(page)
        path = f"/v1/arena/battles/{battle['id']}/vote"
        response = await judged.client.post(path, json={"winner": "A", "voter": "ada"})
        assert (response.status_code, response.json()["type"]) == (409, "urn:judged:problem:not-open")
        assert "models" not in await shown(judged, battle["id"], voter="ada")
        assert (await judged.client.get("/v1/arena/leaderboard")).json()["votes"] == 0


async def test_it_is_drawn_again_once_however_many_look_at_the_same_time(serve: Serve) -> None:
    async with ModelServer("openai", by_model) as server:
        judged: Judged = await serve(openai=server)
        battles = [(await begun(judged, [STRONG, WEAK, MUTE]))["id"] for _ in range(6)]
        await asyncio.gather(*(shown(judged, each) for each in battles for _ in range(5)))
        asked = Counter(each.body["model"] for each in server.requests)
        assert asked["strong"] == asked["weak"] == len(battles)


async def test_regenerate_begins_another_battle_over_the_same(serve: Serve) -> None:
    async with ModelServer("openai", by_model) as server:
        judged: Judged = await serve(openai=server)
        first = await begun(judged)
        response = await judged.client.post(f"/v1/arena/battles/{first['id']}/regenerate")
        assert response.status_code == 202
        second = response.json()
        assert second["id"] != first["id"]
        assert (second["item"], second["judge"]) == (first["item"], first["judge"])
        assert (await shown(judged, second["id"]))["status"] == "open"
        assert response.headers["location"] == f"/v1/arena/battles/{second['id']}"


async def test_pairs_are_fought_over_too(serve: Serve) -> None:
    def reply(body: dict[str, Any]) -> str:
        """The strong one prefers the better output and the weak one the worse, whichever is shown first."""
        asked = str(body["messages"])
        preferred, other = ("BETTER", "WORSE") if body["model"] == "strong" else ("WORSE", "BETTER")
        verdict = "A" if asked.index(preferred) < asked.index(other) else "B"
        return json.dumps({"explanation": "It is better.", "verdict": verdict})

    async with ModelServer("openai", reply) as server:
        judged: Judged = await serve(openai=server)
        item = {"input": "q", "outputs": ["BETTER", "WORSE"]}
        battle = await shown(judged, (await begun(judged, item=item, judge="preference"))["id"])
        revealed = await voted(judged, battle["id"], "A")
        said = {revealed["models"][side]: each["label"] for side, each in battle["evaluations"].items()}
        assert said == {STRONG: "A", WEAK: "B"}
        assert [prompt["order"] for prompt in revealed["prompts"]] == ["AB", "BA"]
