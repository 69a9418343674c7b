"""The arena over HTTP: what is taken in, what is refused and where, and votes."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest
from redis.asyncio import Redis

from service.config.settings import ProviderSettings
from service.contracts.arena import Winner
from service.store import arena, keys
from service.store.connection import reply
from tests.api.conftest import OpenApi, is_untouched, pointers, problem_of
from tests.store.battles import MODELS, opened, voted

BATTLES = "/v1/arena/battles"
BOARD = "/v1/arena/leaderboard"
CONTROLS = ["control/length", "control/overlap"]
ITEM = {"id": "i-1", "input": "q", "output": "a"}
ASKED: dict[str, Any] = {"item": ITEM, "judge": "helpfulness", "models": CONTROLS}
DEFINITION = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?"}


async def begun(api: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    response = await api.post(BATTLES, json={**ASKED, **changes})
    assert response.status_code == 202, response.text
    battle: dict[str, Any] = response.json()
    return battle


async def test_a_battle_is_taken_in_and_shown_without_its_models(api: httpx.AsyncClient) -> None:
    battle = await begun(api)
    assert set(battle) == {
        *("id", "status", "criterion", "judge", "item", "evaluations", "votes", "created_at"),
    }
    assert (battle["status"], battle["evaluations"], battle["votes"]) == ("queued", None, 0)
    assert (battle["judge"]["name"], battle["criterion"]) == ("helpfulness", "helpfulness")
    assert {name: value for name, value in battle["item"].items() if value} == ITEM
    response = await api.get(f"{BATTLES}/{battle['id']}")
    assert response.json() == battle
    assert not any(model in response.text for model in CONTROLS)


async def test_it_is_in_no_list_of_jobs(api: httpx.AsyncClient) -> None:
    await begun(api)
    assert (await api.get("/v1/jobs")).json() == {"jobs": [], "next_cursor": None}


@pytest.mark.parametrize("judge", [DEFINITION, {**DEFINITION, "models": CONTROLS}])
async def test_a_definition_will_do_for_a_judge(api: httpx.AsyncClient, judge: dict[str, Any]) -> None:
    models = None if "models" in judge else CONTROLS
    battle = await begun(api, judge=judge, models=models)
    assert (battle["criterion"], battle["judge"]["name"]) == ("wit", None)


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({"models": CONTROLS[:1]}, ["/models"]),
        ({"models": None}, ["/judge"]),  # the default is one model
        ({"models": [CONTROLS[0], CONTROLS[0]]}, ["/models/1"]),
        ({"models": [CONTROLS[0], "nobody/m"]}, ["/models/1"]),
        ({"judge": "nonesuch"}, ["/judge"]),
        ({"judge": {**DEFINITION, "models": ["control/length"]}, "models": None}, ["/judge"]),
        ({"item": {"input": "no output"}}, ["/item/output"]),
        ({"judge": "preference", "item": {"outputs": ["one"]}}, ["/item/outputs"]),
    ],
)
async def test_what_can_not_be_fought_over_is_refused(
    api: httpx.AsyncClient, redis: Redis, changes: dict[str, Any], places: list[str]
) -> None:
    response = await api.post(BATTLES, json={**ASKED, **changes})
    assert pointers(response, 422, "impossible") == places
    assert await is_untouched(redis)


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({"surprise": 1}, ["/surprise"]),
        ({"item": {"output": 1}}, ["/item/output"]),
        ({"item": {"output": "a", "metadata": {"x": 2**70}}}, ["/item/metadata/x"]),
        ({"judge": ["helpfulness"]}, ["/judge"]),
        ({"models": []}, ["/models"]),
        ({"models": ["no-provider"]}, ["/models/0"]),
    ],
)
async def test_what_does_not_fit_is_pointed_at(
    api: httpx.AsyncClient, redis: Redis, changes: dict[str, Any], places: list[str]
) -> None:
    response = await api.post(BATTLES, json={**ASKED, **changes})
    assert pointers(response) == places
    assert await is_untouched(redis)


async def test_a_repeat_under_the_same_key_is_the_same_battle(api: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    first, second = [await api.post(BATTLES, json=ASKED, headers=headers) for _ in range(2)]
    assert first.json() == second.json()
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert len((await api.get(BATTLES)).json()["battles"]) == 1
    other = await api.post(BATTLES, json={**ASKED, "judge": "relevance"}, headers=headers)
    problem_of(other, 409, "idempotency-conflict")
    job = {"judge": "helpfulness", "items": [ITEM]}
    problem_of(await api.post("/v1/jobs", json=job, headers=headers), 409, "idempotency-conflict")


async def test_a_repeat_is_the_same_battle_although_its_judge_takes_no_new_jobs(api: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    judge = {"criterion": "tone", "method": "rating", "instructions": "Is it kind?"}
    await api.put("/v1/judges/tone", json=judge)
    first = await api.post(BATTLES, json={**ASKED, "judge": "tone"}, headers=headers)
    await api.delete("/v1/judges/tone")
    again = await api.post(BATTLES, json={**ASKED, "judge": "tone"}, headers=headers)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert again.json() == first.json()
    assert pointers(await api.post(BATTLES, json={**ASKED, "judge": "tone"}), 422, "impossible") == ["/judge"]


async def test_another_battle_is_repeated_although_the_first_one_is_gone(api: httpx.AsyncClient, redis: Redis) -> None:
    headers = {"Idempotency-Key": "k"}
    first = (await api.post(BATTLES, json=ASKED)).json()["id"]
    other = await api.post(f"{BATTLES}/{first}/regenerate", headers=headers)
    await redis.delete(keys.battle(first))
    again = await api.post(f"{BATTLES}/{first}/regenerate", headers=headers)
    assert (again.status_code, again.json()["id"]) == (202, other.json()["id"])
    problem_of(await api.post(f"{BATTLES}/{first}/regenerate"), 404, "not-found")


@pytest.mark.parametrize("path", [f"{BATTLES}/battle_0", f"{BATTLES}/job_0", f"{BATTLES}/%20"])
async def test_what_is_not_there_is_404(api: httpx.AsyncClient, path: str) -> None:
    problem_of(await api.get(path), 404, "not-found")
    vote = {"winner": "A", "voter": "ada"}
    problem_of(await api.post(f"{path}/vote", json=vote), 404, "not-found")
    problem_of(await api.post(f"{path}/regenerate"), 404, "not-found")


async def test_nobody_votes_on_what_is_not_open(api: httpx.AsyncClient, redis: Redis) -> None:
    battle = (await begun(api))["id"]
    failed = await opened(redis, status="failed")
    for each in (battle, failed):
        response = await api.post(f"{BATTLES}/{each}/vote", json={"winner": "A", "voter": "ada"})
        problem_of(response, 409, "not-open")
        assert "models" not in (await api.get(f"{BATTLES}/{each}", params={"voter": "ada"})).json()
    assert not await redis.exists(keys.ARENA_VOTES)


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({"winner": "C", "voter": "ada"}, ["/winner"]),
        ({"winner": "A"}, ["/voter"]),
        ({"winner": "A", "voter": ""}, ["/voter"]),
        ({"winner": "A", "voter": "ada", "models": {}}, ["/models"]),
    ],
)
async def test_a_vote_that_does_not_fit_is_pointed_at(
    api: httpx.AsyncClient, redis: Redis, body: dict[str, Any], places: list[str]
) -> None:
    response = await api.post(f"{BATTLES}/{await opened(redis)}/vote", json=body)
    assert pointers(response) == places


async def test_of_a_hundred_votes_at_once_each_voter_has_one(api: httpx.AsyncClient, redis: Redis) -> None:
    path = f"{BATTLES}/{await opened(redis)}"
    bodies = [{"winner": list(Winner)[n % 4], "voter": f"voter {n % 10}"} for n in range(100)]
    responses = await asyncio.gather(*(api.post(f"{path}/vote", json=body) for body in bodies))
    assert Counter(each.status_code for each in responses) == {200: 10, 409: 90}
    for response in responses:
        if response.status_code == 409:
            problem_of(response, 409, "already-voted")
        else:
            assert response.json()["models"] == {"A": MODELS[0], "B": MODELS[1]}
    battle = (await api.get(path)).json()
    assert (battle["status"], battle["votes"]) == ("voted", 10)
    assert (await api.get(BOARD)).json()["votes"] == 10


async def test_a_voter_in_a_hurry_is_told_when_to_come_back(open_api: OpenApi, redis: Redis) -> None:
    api = await open_api(arena={"votes_per_voter_per_hour": 2})
    paths = [f"{BATTLES}/{await opened(redis)}/vote" for _ in range(3)]
    responses = [await api.post(path, json={"winner": "A", "voter": "ada"}) for path in paths]
    assert [each.status_code for each in responses] == [200, 200, 429]
    problem_of(responses[2], 429, "too-many-votes")
    assert 3590 <= int(responses[2].headers["retry-after"]) <= 3600
    assert "models" not in responses[2].json()
    other = await api.post(paths[2], json={"winner": "A", "voter": "bob"})
    assert other.status_code == 200


async def test_who_has_voted_sees_the_names_and_nobody_else(api: httpx.AsyncClient, redis: Redis) -> None:
    path = f"{BATTLES}/{await opened(redis)}"
    answer = (await api.post(f"{path}/vote", json={"winner": "B", "voter": "ada"})).json()
    assert (await api.get(path, params={"voter": "ada"})).json() == answer
    for query in ({}, {"voter": "bob"}):
        response = await api.get(path, params=query)
        assert not any(model in response.text for model in MODELS)
        assert response.json()["evaluations"] == answer["evaluations"]


async def test_a_list_tells_no_names_and_can_be_of_one_status(api: httpx.AsyncClient, redis: Redis) -> None:
    open_ones = [await opened(redis, explanations=("a", "b")) for _ in range(3)]
    failed = await opened(redis, status="failed")
    await voted(redis, open_ones[1], Winner.A, "ada")
    queued = (await begun(api))["id"]
    response = await api.get(BATTLES)
    assert [(each["id"], each["status"]) for each in response.json()["battles"]] == [
        (queued, "queued"),
        (failed, "failed"),
        (open_ones[2], "open"),
        (open_ones[1], "voted"),
        (open_ones[0], "open"),
    ]
    assert not any(model in response.text for model in (*MODELS, *CONTROLS))
    assert set(response.json()["battles"][0]) == {"id", "status", "criterion", "votes", "created_at"}
    found, cursor = [], None
    while True:
        query = f"status=open&limit=1&cursor={cursor}" if cursor else "status=open&limit=1"
        page = (await api.get(f"{BATTLES}?{query}")).json()
        found += [each["id"] for each in page["battles"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == [open_ones[2], open_ones[0]]
    assert (await api.get(BATTLES, params={"status": "decided"})).status_code == 400


async def test_a_list_passes_over_what_is_gone_and_goes_on(api: httpx.AsyncClient, redis: Redis) -> None:
    ids = [await opened(redis, status="open" if number % 60 == 0 else "failed") for number in range(130)]
    await redis.delete(*(keys.battle(each) for each in ids[1:20]))
    page = (await api.get(BATTLES, params={"status": "open", "limit": 2})).json()
    assert [each["id"] for each in page["battles"]] == [ids[120], ids[60]]
    page = (await api.get(BATTLES, params={"status": "open", "cursor": page["next_cursor"]})).json()
    assert ([each["id"] for each in page["battles"]], page["next_cursor"]) == ([ids[0]], None)


async def test_those_are_drawn_of_whom_least_is_known(open_api: OpenApi, redis: Redis) -> None:
    api = await open_api(providers={"new": ProviderSettings(kind="control")})
    models = ["control/length", "control/overlap", "new/length"]
    settled = {f"win\t{a}\t{b}\t2": 5000 for a, b in (models[:2], models[1::-1])}
    await reply(redis.hset(keys.arena_counters("helpfulness"), mapping=settled))
    drawn_ones = []
    for _ in range(12):
        battle = await arena.find_battle(redis, (await begun(api, models=models))["id"])
        assert battle is not None
        drawn_ones.append({battle.course.A.model, battle.course.B.model})
    assert all(len(pair) == 2 for pair in drawn_ones)
    assert sum(models[2] in pair for pair in drawn_ones) > 6  # 11 or 12 nearly always


async def test_regenerate_needs_two_models_that_can_still_be_asked(api: httpx.AsyncClient, redis: Redis) -> None:
    battle = await begun(api)
    response = await api.post(f"{BATTLES}/{battle['id']}/regenerate")
    assert response.status_code == 202
    assert response.json()["id"] != battle["id"]
    assert response.headers["location"] == f"{BATTLES}/{response.json()['id']}"
    gone = await opened(redis)  # of providers that are not configured here
    problem_of(await api.post(f"{BATTLES}/{gone}/regenerate"), 422, "impossible")


async def test_what_the_arena_answers_fits_its_description(api: httpx.AsyncClient, redis: Redis) -> None:
    described = (await api.get("/schema")).json()
    await voted(redis, await opened(redis), Winner.A, "ada")
    battle = f"{BATTLES}/{await opened(redis)}"
    for response, name in (
        (await api.post(BATTLES, json=ASKED), "Battle"),
        (await api.get(battle), "Battle"),
        (await api.post(f"{battle}/vote", json={"winner": "A", "voter": "ada"}), "Battle"),
        (await api.get(BATTLES), "BattlePage"),
        (await api.get(BOARD), "ArenaLeaderboard"),
    ):
        components = {"components": described["components"]}
        schema = {"$ref": f"#/components/schemas/{name}", **components}
        jsonschema_rs.validator_for(schema, validate_formats=True).validate(msgspec.json.decode(response.content))
