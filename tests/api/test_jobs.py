"""`/v1/jobs` without a worker: pages, states and cancellation."""

import httpx

from tests.api.conftest import pointers, problem_of

ORDER = {"judge": "politeness", "items": [{"output": "thank you"}]}


async def test_pages_of_jobs_follow_each_other_newest_first(api: httpx.AsyncClient) -> None:
    made = [(await api.post("/v1/jobs", json=ORDER)).json()["id"] for _ in range(3)]
    first = (await api.get("/v1/jobs?limit=2")).json()
    second = (await api.get("/v1/jobs", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [job["id"] for job in first["jobs"] + second["jobs"]] == made[::-1]
    assert second["next_cursor"] is None


async def test_jobs_are_listed_by_what_they_are_for(api: httpx.AsyncClient) -> None:
    submitted = (await api.post("/v1/jobs", json=ORDER)).json()["id"]
    item = {"output": "thank you", "human": {"politeness": [5]}}
    await api.put("/v1/datasets/people", json={"items": [item]})
    order = {"dataset": "people", "judges": ["politeness"], "models": ["control/length"]}
    benchmark = (await api.post("/v1/benchmarks", json=order)).json()["job_id"]
    lists = {None: [benchmark, submitted], "judging": [submitted], "benchmark": [benchmark], "trial": [], "anchor": []}
    for purpose, expected in lists.items():
        query = {} if purpose is None else {"purpose": purpose}
        assert [job["id"] for job in (await api.get("/v1/jobs", params=query)).json()["jobs"]] == expected, purpose


async def test_a_job_is_shown_where_its_location_says(api: httpx.AsyncClient) -> None:
    submitted = await api.post("/v1/jobs", json=ORDER)
    shown = (await api.get(submitted.headers["location"])).json()
    assert (shown["status"], shown["counts"]["pending"], shown["judgments"]) == ("queued", 1, [])


async def test_a_cancelled_job_is_shown_with_its_judgments(api: httpx.AsyncClient) -> None:
    path = (await api.post("/v1/jobs", json=ORDER)).headers["location"]
    cancelled = (await api.delete(path)).json()
    assert cancelled["status"] == "cancelled"
    assert [judgment["outcome"] for judgment in cancelled["judgments"]] == ["cancelled"]
    problem_of(await api.delete("/v1/jobs/job_x"), 404, "not-found")


async def test_unknown_names_in_a_request_come_with_a_suggestion(api: httpx.AsyncClient) -> None:
    response = await api.post("/v1/jobs", json={**ORDER, "modles": ["a/b"]})
    assert pointers(response) == ["/modles"]
    assert response.json()["errors"][0]["detail"] == "unknown field; did you mean 'models'?"
