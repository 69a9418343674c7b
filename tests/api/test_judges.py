"""`/v1/judges`: versions, references and previews."""

import httpx

from tests.api.conftest import problem_of

WIT = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?"}


async def test_new_content_is_a_new_version_and_equal_content_is_not(api: httpx.AsyncClient) -> None:
    first = await api.put("/v1/judges/wit", json=WIT)
    again = await api.put("/v1/judges/wit", json=WIT)
    second = await api.put("/v1/judges/wit", json={**WIT, "instructions": "Is it very funny?"})
    assert [each.status_code for each in (first, again, second)] == [201, 200, 201]
    assert [each.headers["location"] for each in (first, again, second)] == [
        "/v1/judges/wit/versions/1",
        "/v1/judges/wit/versions/1",
        "/v1/judges/wit/versions/2",
    ]
    assert (await api.get("/v1/judges/wit")).json() == second.json()
    assert (await api.get("/v1/judges/wit@1")).json() == first.json()
    assert (await api.get(first.headers["location"])).json() == first.json()


async def test_a_judge_that_does_not_exist_is_named_with_the_nearest(api: httpx.AsyncClient) -> None:
    problem = problem_of(await api.get("/v1/judges/politenes"), 404, "not-found")
    assert problem["detail"] == "there is no judge 'politenes'; did you mean 'politeness'?"
    problem = problem_of(await api.get("/v1/judges/politeness/versions/9"), 404, "not-found")
    assert problem["detail"] == "there is no judge 'politeness@9': the latest version of 'politeness' is 1"


async def test_pages_of_judges_are_in_the_order_of_names(api: httpx.AsyncClient) -> None:
    names: list[str] = []
    cursor = None
    while True:
        page = (await api.get("/v1/judges", params={"limit": 4, **({"cursor": cursor} if cursor else {})})).json()
        names += [judge["name"] for judge in page["judges"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert "politeness" in names
    assert names == sorted(set(names))
