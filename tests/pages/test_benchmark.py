"""The pages of benchmarks: live progress, then the leaderboard as a plot and a table that say what the API says."""

from typing import Any

import httpx
import pytest
from playwright.async_api import Browser

from service.config.settings import PriceSettings
from tests.api.conftest import OpenApi
from tests.api.test_access import READS, RULES, SUBMITS, key
from tests.flows.conftest import Judged, Row, Serve
from tests.flows.test_benchmarks import ITEMS, PEOPLE, WIT, answering, begin, finished, rows, score, upload
from tests.pages.reading import has_the_content_of, page_of
from tests.pages.test_browser import Watched, at_each_width, violations
from tests.pages.test_hostile_texts import ONE_OF_EACH_KIND, normal, times
from tests.pages.test_sessions import FOREIGN, OWN, sign_in
from tests.polling import until
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

GOOD, POOR = "openai/good", "openai/poor"
PRICES = {"prices": {GOOD: PriceSettings(input=10, output=40), POOR: PriceSettings(input=0.1, output=0.4)}}


@answering
def by_skill(model: str, number: int) -> str:
    return score(PEOPLE[number][0] if model == "good" else 1 + number % 3)


async def test_a_benchmark_shows_what_the_api_says(serve: Serve) -> None:
    async with ModelServer("openai", by_skill) as model:
        judged: Judged = await serve(openai=model, changes=PRICES)
        client = judged.client
        assert "No benchmark yet" in page_of(await client.get("/benchmarks")).words
        await client.put("/v1/judges/wit", json=WIT)
        await upload(judged, rows(PEOPLE))
        begun = await begin(judged, judges=["wit", {**WIT, "instructions": "Fun?"}], models=[GOOD, POOR], controls=True)
        told = await finished(judged, begun["id"])
        listed = page_of(await client.get("/benchmarks"))
        assert f"/benchmarks/{begun['id']}" in listed.links
        of_jobs = page_of(await client.get("/jobs"))
        assert f"/benchmarks/{begun['id']}" in of_jobs.links  # from its job, which names the judge once
        assert [link for link in of_jobs.links if link.startswith("/judges/wit")] == ["/judges/wit%401"]
        page = page_of(await client.get(f"/benchmarks/{begun['id']}"))
        assert page.has("svg", role="img")
        assert not page.has("script")
        assert f"/jobs/{begun['job_id']}" in page.links
        for row in told["leaderboard"]:
            assert row["model"] in page.words
            measure = row["statistics"][row["sort"]]
            if measure["value"] is not None:
                assert f"{measure['value']:.3f} ({measure['lower']:.3f} to {measure['upper']:.3f})" in page.words
        ceiling = told["leaderboard"][0]["human_ceiling"]["statistics"]["spearman"]
        assert f"People agree among themselves: {ceiling['value']:.3f}" in page.words
        numbers = [
            each.rpartition(">")[2] for each in (await client.get(f"/benchmarks/{begun['id']}")).text.split("</text>")
        ]
        drawn = sum(row["statistics"][row["sort"]]["value"] is not None for row in told["leaderboard"])
        assert {str(number) for number in range(1, drawn + 1)} <= {*numbers}
        of_job = page_of(await client.get(f"/jobs/{begun['job_id']}"))
        assert not [link for link in of_job.links if link.startswith("/items")]  # a dataset's items have no page
        kept = f"/benchmarks/{begun['id']}/leaderboard"
        assert kept in page.links
        await has_the_content_of(client, kept, f"/v1/benchmarks/{begun['id']}", "text/csv", {})
        for link in page.links:
            if link.startswith("/judges"):
                page_of(await client.get(link))
        page_of(await client.get("/benchmarks/bench_none"), 404)
        page_of(await client.get("/benchmarks/none"), 404)


async def test_a_benchmark_says_for_which_model_it_waits(serve: Serve) -> None:
    def reply(body: Row) -> Reply | str:
        return Reply(status=500, body={"error": {"message": "gone"}}) if body["model"] == "poor" else by_skill(body)

    async with ModelServer("openai", reply) as model:
        judged: Judged = await serve(openai=model)
        await upload(judged, rows(PEOPLE))
        begun = await begin(judged, judges=[WIT], models=[GOOD, POOR])

        async def waits() -> Any:
            return (await judged.client.get(f"/v1/benchmarks/{begun['id']}")).json().get("failing_models")

        await until(waits, "the open breaker")
        [failing] = (await judged.client.get(f"/v1/benchmarks/{begun['id']}")).json()["failing_models"]
        assert (failing["model"], "gone" in failing["error"]) == (POOR, True)
        for path in (f"/benchmarks/{begun['id']}", f"/jobs/{begun['job_id']}"):
            assert f"{POOR} fails since" in page_of(await judged.client.get(path)).words
        listed = (await judged.client.get("/v1/benchmarks")).json()["benchmarks"]
        assert all("failing_models" not in each for each in listed)
        shown = page_of(await judged.client.get(f"/jobs/{begun['job_id']}?outcome=scored"))
        assert f"i0{GOOD}1So." in shown.words  # each row of a benchmark's job names its model
        await judged.client.delete(f"/v1/benchmarks/{begun['id']}")


async def test_a_benchmark_is_begun_by_a_form_once(api: httpx.AsyncClient) -> None:
    assert "A benchmark needs a dataset" in page_of(await api.get("/benchmarks")).words
    people = {"items": [{"output": "thank you", "human": {"politeness": [5]}}]}
    await api.put("/v1/datasets/people", json=people)
    start = page_of(await api.get("/benchmarks"))
    assert start.has("form", action="/benchmarks")
    assert "people: 1 item, politeness" in start.words
    assert "Judges of the datasets' criteria: politeness." in start.words
    form = {"dataset": "people", "judges": "politeness", "models": "control/length", "ticket": "once"}
    estimated = page_of(await api.post("/benchmarks", data={**form, "act": "estimate"}, headers=OWN))
    assert "2 judgments, the baselines' included; about $0.0000." in estimated.words
    assert estimated.has("input", name="judges", value="politeness")
    assert (await api.get("/v1/benchmarks")).json()["benchmarks"] == []
    for changes, status, field in (
        ({"judges": "polite"}, 422, "judges"),
        ({"judges": ""}, 400, "judges"),
        ({"budget_usd": "nan"}, 400, "budget_usd"),
    ):
        refused = page_of(await api.post("/benchmarks", data={**form, **changes, "act": "begin"}, headers=OWN), status)
        assert refused.has("input", name=field, **{"aria-invalid": "true"})
    begun = [await api.post("/benchmarks", data={**form, "act": "begin"}, headers=OWN) for _ in range(2)]
    [told] = (await api.get("/v1/benchmarks")).json()["benchmarks"]
    assert [each.headers["location"] for each in begun] == [f"/benchmarks/{told['id']}"] * 2


async def test_keys_see_their_own_benchmarks_and_cancel_what_they_may(open_api: OpenApi) -> None:
    keys = (key("bot", "submit", "read"), key(READS, "read"), key(SUBMITS, "submit"), key(RULES, "admin"))
    client: httpx.AsyncClient = await open_api(keys=keys)
    bearer = {"Authorization": "Bearer bot"}
    await client.put("/v1/judges/wit", json=WIT, headers=bearer)
    item = {"output": "x", "human": {"wit": [3]}}
    await client.put("/v1/datasets/people", json={"items": [item]}, headers={"Authorization": f"Bearer {RULES}"})
    asked = {"dataset": "people", "judges": ["wit"]}
    begun: Row = (await client.post("/v1/benchmarks", json=asked, headers=bearer)).json()
    path = f"/benchmarks/{begun['id']}"
    for address in ("/benchmarks", path):
        assert (await client.get(address)).headers["location"].startswith("/login?next=%2Fbenchmarks")
    await sign_in(client, READS)
    assert path not in page_of(await client.get("/benchmarks")).links
    page_of(await client.get(path), 404)
    page_of(await client.post(f"{path}/cancel", headers=OWN), 403)
    page_of(await client.post("/benchmarks", data=asked, headers=OWN), 403)
    client.cookies.clear()
    await sign_in(client, "bot")
    for headers in FOREIGN:
        page_of(await client.post(f"{path}/cancel", headers=headers), 403)
    page = page_of(await client.get(path))
    assert page.has("form", action=f"{path}/cancel")
    assert page.has("div", **{"data-events": f"/jobs/{begun['job_id']}/events"})
    for _ in range(2):  # a double click is harmless
        assert (await client.post(f"{path}/cancel", headers=OWN)).headers["location"] == path
    assert "cancelled" in page_of(await client.get(path)).words


async def test_hostile_texts_are_data_in_benchmarks(serve: Serve) -> None:
    judged: Judged = await serve()
    client = judged.client
    for number, payload in enumerate(ONE_OF_EACH_KIND):
        criterion = payload[:100].replace("\u0000", "")
        judge = {"criterion": criterion, "method": "rating", "instructions": payload, "models": ["control/length"]}
        name = f"{payload[:90]}{number}".replace("\u0000", "")
        item = {"output": payload, "human": {criterion: [1, 2]}}
        stored = await client.put(f"/v1/datasets/d{number}", json={"items": [item] * 2})
        assert stored.status_code in (200, 201), stored.text
        begun = (await client.post("/v1/benchmarks", json={"dataset": f"d{number}", "judges": [judge]})).json()
        await finished(judged, begun["id"])
        assert times(page_of(await client.get(f"/benchmarks/{begun['id']}")), normal(criterion)), name
        page_of(await client.get("/benchmarks", params={"cursor": payload}))


@pytest.mark.timeout(300)
async def test_a_benchmark_in_a_browser_from_its_begin_to_its_leaderboard(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", by_skill) as model:
        judged: Judged = await serve(openai=model, changes=PRICES, workers=0)
        await judged.client.put("/v1/judges/wit", json=WIT)
        await upload(judged, rows(PEOPLE))
        begun = await begin(judged, judges=["wit"], models=[GOOD, POOR], controls=True)
        base = str(judged.client.base_url).rstrip("/")
        address = f"{base}/benchmarks/{begun['id']}"
        watched = Watched(await browser.new_page())
        await watched.see(address)
        assert await watched.page.text_content("[data-field=done]") == "0"
        assert await violations(watched.page) == []
        async with judged.worker(), watched.page.expect_navigation(url=address, timeout=60_000):
            pass  # the page is loaded again at the end
        await watched.page.wait_for_selector("svg.drawing")
        assert await watched.page.text_content("[data-field=done]") == str(4 * ITEMS)
        assert watched.wrong == []
        async for watched in at_each_width(browser):
            for path in ("/benchmarks", f"/benchmarks/{begun['id']}"):
                await watched.see(base + path)
                await watched.looks_well()
