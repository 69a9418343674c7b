"""The pages of a service with a history: each says what the API says, and leads from a number to what is behind it."""

from datetime import timedelta
from urllib.parse import quote

import httpx
import pytest
from redis.asyncio import Redis

from service.agreement.labelling import put_labels
from service.contracts.items import Item
from service.pages.texts import PAGE_BYTES
from service.store.judges import put_judge
from tests.api.conftest import problem_of
from tests.flows.conftest import Judged, Row, Serve
from tests.pages.lived_in import ITEMS, MODEL, ODD, REFUSAL, answer, lived_in
from tests.pages.reading import Page, has_the_content_of, page_of
from tests.store.labelled import KEEP_S, judge_of, judged, label
from tests.stubs.model_server import ModelServer


async def shown(judged: Judged, path: str, status: int = 200) -> Page:
    return page_of(await judged.client.get(path), status)


async def told(judged: Judged, path: str, **query: str) -> Row:
    found: Row = (await judged.client.get(f"/v1/{path}", params=query)).json()
    return found


async def test_a_history_can_be_followed_from_a_verdict_to_the_words_behind_it(serve: Serve) -> None:
    async with ModelServer("openai", answer) as model:
        judged = await lived_in(serve, model)
        await the_overview_says_what_the_api_says(judged)
        await a_judge_shows_its_table_and_its_versions(judged)
        await a_cell_lists_its_items(judged)
        await an_item_shows_its_texts_votes_and_labels(judged)
        await jobs_show_their_outcomes(judged)
        await every_link_of_these_pages_leads_somewhere(judged)


async def the_overview_says_what_the_api_says(judged: Judged) -> None:
    report = await told(judged, "agreement", judge="courtesy")
    page = await shown(judged, "/")
    assert report["trust"]["verdict"] == "as_good_as_people"
    assert "As good as people" in page.words
    assert " ".join(report["trust"]["because"][0].split()) in page.words
    assert f"Next: {report['trust']['because'][-1]}" in page.words
    assert page.words.index("courtesy@2") < page.words.index("safe@1")  # judges with labels come first
    assert "Label at least 30 of the items that it judged" in page.words
    assert f"{2 * ITEMS} labels by 2 people on {ITEMS} items" in page.words
    assert "worth about as much as those of another person" in page.words
    assert page.has("svg", role="img")
    assert "courtesy@1" not in page.words  # the version that judged last stands for the judge
    assert any(link.startswith("/judges/helpfulness") for link in page.links)


async def a_judge_shows_its_table_and_its_versions(judged: Judged) -> None:
    report = await told(judged, "agreement", judge="courtesy")
    page = await shown(judged, "/judges/courtesy")
    for reason in report["trust"]["because"]:
        assert reason in page.words
    counts = [count for row in report["table"]["counts"] for count in row if count]
    cells = [link for link in page.links if "human=" in link and "said=" in link]
    assert len(cells) == len(counts)
    for name in report["statistics"]:
        assert name in page.words
    assert page.has("ins")
    assert ", and does it greet the customer" in page.words
    assert "/judges/courtesy%402?before=1#changes" in [*(await shown(judged, "/judges/courtesy@2")).links]
    earlier = await shown(judged, "/judges/courtesy@1?before=2")
    assert earlier.has("del")
    assert "There are no figures" not in page.words
    assert "the answer names no score" in page.words
    only = await shown(judged, "/judges/better")
    assert "no item has both a score" in only.words
    unused = await shown(judged, "/judges/helpfulness?window=all")
    assert "Nothing to compare yet" in unused.words
    missing = await shown(judged, "/judges/courtesi", 404)
    assert "did you mean 'courtesy'?" in missing.words
    wrong = await shown(judged, "/judges/courtesy?window=8d", 400)
    assert "24h" in wrong.words


async def a_cell_lists_its_items(judged: Judged) -> None:
    page = await shown(judged, "/judges/courtesy")
    cell = next(link for link in page.links if "human=1" in link and "said=1" in link)
    listed = await told(judged, "agreement/items", judge="courtesy", human="1", said="1")
    items = await shown(judged, cell)
    for each in listed["items"]:
        assert f"/items/{quote(each['item_id'], safe='')}#{each['judgment_id']}" in items.links
    report = await told(judged, "agreement", judge="courtesy")
    assert len([link for link in items.links if link.startswith("/items/")]) == report["table"]["counts"][0][0]
    assert cell.endswith("&window=7d&selection=random")
    assert f"?{cell.partition('?')[2].partition('&window=')[0]}" in items.links  # to all labels
    every = await shown(judged, "/judges/courtesy/items")
    disagreements = await told(judged, "agreement/items", judge="courtesy")
    assert len([link for link in every.links if link.startswith("/items/")]) == len(disagreements["items"]) > 0
    await shown(judged, "/judges/courtesy/items?human=9", 400)


async def an_item_shows_its_texts_votes_and_labels(judged: Judged) -> None:
    page = await shown(judged, f"/items/{quote(ODD, safe='')}")
    for words in (
        ODD,
        "Question 0: where is my parcel?",
        "Parcels take three days.",
        "Sounds warm.",
        MODEL,
        "ann",
        "bob",
    ):
        assert words in page.words, words
    assert page.has("mark")
    assert '"score": 1' in page.words
    assert "Is the answer polite, and does it greet the customer?" in page.words  # in the prompt
    pair = await shown(judged, "/items/p-1")
    assert "output A" in pair.words
    assert "shown as BA" in pair.words
    unread = await shown(judged, "/items/b-1")
    assert "the answer names no score" in unread.words
    assert "I'd rather not say." in unread.words
    assert not unread.has("mark")
    assert REFUSAL in (await shown(judged, "/items/f-1")).words
    await shown(judged, "/items/nobody", 404)


async def jobs_show_their_outcomes(judged: Judged) -> None:
    jobs = (await told(judged, "jobs"))["jobs"]
    page = await shown(judged, "/jobs")
    assert all(f"/jobs/{job['id']}" in page.links for job in jobs)
    assert "done, with failures" in page.words
    filtered = await shown(judged, "/jobs?status=completed_with_errors&judge=&group=")
    assert len([link for link in filtered.links if link.startswith("/jobs/job_")]) == 1
    await shown(judged, "/jobs?status=done", 400)
    [failed] = [job for job in jobs if job["counts"]["failed"]]
    job = await shown(judged, f"/jobs/{failed['id']}")
    assert f"/jobs/{failed['id']}" in job.links
    assert any(link.startswith("?cursor=") for link in job.links)
    only = await shown(judged, f"/jobs/{failed['id']}?outcome=failed")
    assert REFUSAL in only.words
    assert len([link for link in only.links if link.startswith("/items/")]) == 1
    assert not only.has("button")  # nothing is left to cancel
    assert not only.has("script")
    for page, outcome in ((job, {}), (only, {"outcome": "failed"})):
        [kept] = [link for link in page.links if "/judgments" in link]
        path = f"/v1/jobs/{failed['id']}/judgments"
        await has_the_content_of(judged.client, kept, path, "application/x-ndjson", outcome)
    await shown(judged, "/jobs/job_none", 404)


async def every_link_of_these_pages_leads_somewhere(judged: Judged) -> None:
    start = ["/", "/jobs", "/judges/courtesy", "/docs"]
    seen: set[str] = set()
    for path in start:
        page = await shown(judged, path)
        for link in page.links:
            address = str(httpx.URL(f"http://x{path}").join(link).copy_with(fragment=None))
            if address.startswith("http://x/") and address not in seen and len(seen) < 120:
                seen.add(address)
                response = await judged.client.get(address.removeprefix("http://x"))
                assert response.status_code == 200, (path, link, response.status_code)


async def test_texts_of_any_length_make_a_page_of_bounded_size(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: "<" * 900_000 + "\nScore: 3") as model:
        judged: Judged = await serve(openai=model)
        item = {"id": "long", **dict.fromkeys(("input", "output", "context", "reference"), "<&'/" * 100000)}
        await judged.judge([item], models=[MODEL])
        response = await judged.client.get("/items/long")
        page = page_of(response)
        assert "more characters; the API has the whole text" in page.words
        assert len(response.content) > PAGE_BYTES / 2
        await shown(judged, "/jobs")


async def test_an_item_of_very_many_calls_has_its_page_with_one_prompt_for_each_order(serve: Serve) -> None:
    judged: Judged = await serve(workers=1)
    judge = {"criterion": "wit", "method": "pairwise", "instructions": "Which is funnier?", "samples": 50}
    item = {"id": "large", "input": "q", "outputs": ["a" * 500_000, "b"]}
    await judged.judge([item], {**judge, "models": ["control/length"]})
    page = page_of(await judged.client.get("/items/large"))
    assert page.words.count("You are an impartial judge") == 2


async def test_an_empty_service_says_how_to_begin(api: httpx.AsyncClient) -> None:
    page = page_of(await api.get("/"))
    assert "Nothing has been judged yet" in page.words
    assert "curl -s http://localhost/v1/jobs" in page.words
    assert "/judges/helpfulness" in page.links
    jobs = page_of(await api.get("/jobs"))
    assert "No job yet. POST /v1/jobs makes one: see Judging; or try a judge here." in jobs.words
    assert {"/docs/guide-judging", "/try"} <= {*jobs.links}


@pytest.mark.parametrize("path", ["/", "/jobs", "/docs", "/docs/api"])
async def test_pages_are_read_by_browsers_that_run_no_script(api: httpx.AsyncClient, path: str) -> None:
    page = page_of(await api.get(path))
    assert page.has("a", **{"class": "skip", "href": "#main"})
    assert page.has("meta", name="viewport")
    assert not page.has("script")


async def test_a_judge_of_one_version_without_labels_has_no_empty_parts(serve: Serve) -> None:
    judged: Judged = await serve()
    await judged.judge([{"input": "q", "output": "a"}], models=["control/length"])
    page = await shown(judged, "/judges/helpfulness")
    assert "Nothing to compare yet" in page.words
    assert page.words.count("Label items on helpfulness") == 1
    assert "Changes from" not in page.words
    assert "no pairs) (0:" not in page.words
    assert not page.has("h2", id="statistics")


async def test_a_path_where_nothing_stands_is_a_page_for_browsers_alone(api: httpx.AsyncClient) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    assert "there is no such path" in page_of(await api.get("/nowhere", headers=browser), 404).words
    for path, headers in (("/nowhere", {}), ("/v1/nowhere", browser)):
        problem_of(await api.get(path, headers=headers), 404, "not-found")


async def test_assets_are_kept_by_browsers_and_change_their_address_with_their_content(api: httpx.AsyncClient) -> None:
    page = page_of(await api.get("/"))
    [sheet] = [str(each["href"]) for tag, each in page.elements if tag == "link" and each["rel"] == "stylesheet"]
    found = await api.get(sheet)
    assert found.headers["content-type"].startswith("text/css")
    assert "immutable" in found.headers["cache-control"]
    for name in ("nothing.css", "..%2Fassets.py", "pages.css%00"):
        assert (await api.get(f"/assets/{name}")).status_code == 404


async def test_a_mean_that_fell_is_lower_by_a_positive_number(api: httpx.AsyncClient, redis: Redis) -> None:
    judge = judge_of()
    await put_judge(redis, "wit", judge.definition)
    for number in range(12):
        for ago, score in ((timedelta(days=15), 5 - number % 2), (timedelta(), 2 + number % 2)):
            await judged(redis, judge, Item(id=f"{ago.days}-{number}", output="text"), [score], ago=ago)
    page = page_of(await api.get("/judges/wit"))
    assert "The mean score is 2.00 points lower than in the time before" in page.words


async def test_a_retired_judge_is_said_to_be_retired(api: httpx.AsyncClient) -> None:
    judge = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?"}
    await api.put("/v1/judges/wit", json=judge)
    assert "takes no new jobs" not in page_of(await api.get("/judges/wit")).words
    assert (await api.delete("/v1/judges/wit")).status_code == 204
    assert "takes no new jobs" in page_of(await api.get("/judges/wit@1")).words
    await api.put("/v1/judges/wit", json=judge)
    assert "takes no new jobs" not in page_of(await api.get("/judges/wit")).words


async def test_the_links_of_a_judge_keep_to_the_served_model(api: httpx.AsyncClient, redis: Redis) -> None:
    judge = judge_of()
    await put_judge(redis, "wit", judge.definition)
    one = Item(id="one", output="text")
    await judged(redis, judge, one, [3], ago=timedelta(hours=2))
    await judged(redis, judge, one, [4], served={judge.models[0]: "x-1"})
    await put_labels(redis, [label("one", "ann", 2)], keep_s=KEEP_S)
    page = page_of(await api.get("/judges/wit?served=unknown"))
    windows = [link for link in page.links if link.startswith("?") and "window=30d" in link]
    assert len(windows) == 1
    assert "served=unknown" in windows[0]
    [cell] = [link for link in page.links if "human=2" in link]
    items = page_of(await api.get(cell))
    assert "people gave 2; the judge gave 3" in items.words
    assert "/items/one" in [link.partition("#")[0] for link in items.links]
