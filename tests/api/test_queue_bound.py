"""The bound of the queue, `queue.max_items`: what would exceed it is refused, and nothing of it stays."""

from redis.asyncio import Redis

from service.store import jobs, keys
from tests.api.conftest import OpenApi, problem_of
from tests.flows.conftest import Row


def order(items: int = 1, **fields: object) -> Row:
    return {"judge": "helpfulness", "items": [{"output": f"answer {each}"} for each in range(items)], **fields}


async def test_a_job_that_would_exceed_the_bound_is_429_and_nothing_of_it_is_stored(
    open_api: OpenApi, redis: Redis
) -> None:
    api = await open_api(queue={"max_items": 3})
    assert (await api.post("/v1/jobs", json=order(2))).status_code == 202
    before = set(await redis.keys())
    response = await api.post("/v1/jobs", json=order(2))
    problem = problem_of(response, 429, "queue-full")
    assert "2 judgments wait" in problem["detail"]
    assert "queue.max_items (3)" in problem["detail"]
    assert int(response.headers["retry-after"]) > 0
    assert set(await redis.keys()) == before
    assert (await api.post("/v1/jobs", json=order(1))).status_code == 202
    assert await jobs.count_pending(redis) == 3


async def test_every_judge_of_a_job_counts(open_api: OpenApi) -> None:
    api = await open_api(queue={"max_items": 3})
    both = order(2) | {"judge": ["helpfulness", "coherence"]}
    problem = problem_of(await api.post("/v1/jobs", json=both), 429, "queue-full")
    assert "do not even fit an empty queue" in problem["detail"]


async def test_there_is_room_again_once_judgments_have_ended(open_api: OpenApi, redis: Redis) -> None:
    api = await open_api(queue={"max_items": 1})
    job = (await api.post("/v1/jobs", json=order())).json()
    problem_of(await api.post("/v1/jobs", json=order()), 429, "queue-full")
    await api.delete(f"/v1/jobs/{job['id']}")
    assert (await api.post("/v1/jobs", json=order())).status_code == 202


async def test_a_repeat_gets_its_job_although_the_queue_is_full(open_api: OpenApi) -> None:
    api = await open_api(queue={"max_items": 1})
    key = {"Idempotency-Key": "once"}
    first = await api.post("/v1/jobs", json=order(), headers=key)
    again = await api.post("/v1/jobs", json=order(), headers=key)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])


async def test_battles_and_benchmarks_are_bounded_too(open_api: OpenApi, redis: Redis) -> None:
    api = await open_api(queue={"max_items": 1})
    await redis.set(keys.PENDING, 1)
    battle = {"item": {"output": "x"}, "judge": "helpfulness", "models": ["control/length", "control/overlap"]}
    problem_of(await api.post("/v1/arena/battles", json=battle), 429, "queue-full")
    line = b'{"id": "t", "input": "q", "output": "x", "human": {"helpfulness": [4]}}'
    await api.put("/v1/datasets/d", content=line, headers={"Content-Type": "application/x-ndjson"})
    benchmark = {"dataset": "d", "judges": ["helpfulness"], "models": ["control/length"]}
    problem_of(await api.post("/v1/benchmarks", json=benchmark), 429, "queue-full")
