"""The page that tries judges: the prompt before, the answer after, agreement beside the version before, saving."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.async_api import Browser

from service.config.settings import PriceSettings
from tests.api.conftest import OpenApi
from tests.api.test_access import READS, RULES, key
from tests.flows.conftest import FAST, Judged, Row, Serve
from tests.pages.lived_in import ITEMS, MODEL, NEW, answer, label, lived_in
from tests.pages.lived_in import item as judged_item
from tests.pages.reading import Page, page_of
from tests.pages.test_browser import at_each_width
from tests.pages.test_hostile_texts import ONE_OF_EACH_KIND, normal, payload_in
from tests.pages.test_sessions import FOREIGN, OWN, sign_in
from tests.stubs.model_server import ModelServer

PRICES = {"prices": {MODEL: PriceSettings(input=1, output=4)}}
DRAFT = {
    "base": "courtesy@2",
    "name": "courtesy",
    "criterion": "courtesy",
    "method": "rating",
    "instructions": "Is the answer polite and warm?",
    "scale_min": "1",
    "scale_max": "5",
    "scale_step": "1",
    "descriptors": "1: Rude.\n5: Very kind.",
    "models": MODEL,
}
METADATA = '{\n  "shop": 1\n}'  # as the form has it
ITEM = {"input": "Where is it?", "output": "Answer, courtesy level 4."}


def fields_in(page: Page) -> set[str]:
    """The names of the fields that are marked as faulty."""
    return {str(attributes["name"]) for _, attributes in page.elements if "aria-invalid" in attributes}


async def finished(judged: Judged, path: str) -> Page:
    """The page of a try once its job is over."""
    job_id = path.partition("?")[0].rpartition("/")[2]
    await judged.job(job_id, wait=60)
    return page_of(await judged.client.get(path))


async def test_a_draft_is_previewed_asked_measured_and_saved(serve: Serve) -> None:
    async with ModelServer("openai", answer) as model:
        judged = await lived_in(serve, model, **PRICES)
        client = judged.client
        start = page_of(await client.get("/try?judge=courtesy"))
        assert NEW in start.text  # the definition to edit
        assert "/try?judge=courtesy%402" in page_of(await client.get("/judges/courtesy")).links
        await a_preview_is_what_the_api_previews(judged)
        await an_answer_has_its_place_marked_and_counts_nowhere(judged)
        await a_measured_draft_stands_beside_the_version_before(judged)
        await a_draft_is_saved_once(judged)


async def a_preview_is_what_the_api_previews(judged: Judged) -> None:
    client = judged.client
    asked = await asked_for(judged)
    unchanged = {**DRAFT, "instructions": NEW}
    page = page_of(await client.post("/try/preview", data={**unchanged, **ITEM}, headers=OWN))
    told = (await client.post("/v1/judges/courtesy/preview", json={"item": ITEM})).json()
    for message in told["requests"][0]["messages"]:
        assert message["content"] in page.text
    assert "1 call would be made; about $0.00" in page.words
    assert "Changed since" not in page.words
    changed = page_of(await client.post("/try/preview", data={**DRAFT, **ITEM}, headers=OWN))
    assert "Changed since courtesy@2" in changed.words
    assert changed.has("ins")
    assert await asked_for(judged) == asked  # no model


async def asked_for(judged: Judged) -> float:
    """The input tokens that have been sent."""
    return (await judged.metrics())[f'judged_tokens_total{{direction="input",model="{MODEL}"}}']


async def an_answer_has_its_place_marked_and_counts_nowhere(judged: Judged) -> None:
    client = judged.client
    before = (await client.get("/")).text, (await client.get("/v1/criteria")).json()
    form = {**DRAFT, **ITEM, "ticket": "once", "budget_usd": "0.5"}
    paths = [(await client.post("/try/run", data=form, headers=OWN)).headers["location"] for _ in range(3)]
    assert len(set(paths)) == 1  # a double click asks once
    page = await finished(judged, paths[0])
    assert page.has("mark")
    assert '"score": 4' in page.words
    assert "Cost <$0.0001" in page.words
    assert DRAFT["instructions"] in page.text
    assert ITEM["output"] in page.text
    assert page.has("input", name="base", value="courtesy@2")
    for link in page.links:
        if link.startswith("/"):
            assert (await client.get(link)).status_code == 200, link
    job = page_of(await client.get(paths[0].partition("?")[0].replace("/try/", "/jobs/")))
    assert paths[0].partition("?")[0] in job.links
    after = (await client.get("/")).text, (await client.get("/v1/criteria")).json()
    assert after == before


async def a_measured_draft_stands_beside_the_version_before(judged: Judged) -> None:
    client = judged.client
    form = {**DRAFT, **ITEM, "size": "20"}
    tried = (await client.post("/try/run", data=form, headers=OWN)).headers["location"]
    item_job = tried.partition("?")[0].rpartition("/")[2]
    response = await client.post("/try/measure", data={**form, "item_job": item_job}, headers=OWN)
    page = await finished(judged, response.headers["location"])
    assert "On these items, this draft and courtesy@2 can't be told apart." in page.words
    assert "Agreement on 20 labelled items" in page.words
    assert ITEM["output"] in page.text  # the item is still there
    assert page.has("svg", role="img")
    [link] = [each for each in page.links if each.startswith("/benchmarks/")]
    told = (await client.get(f"/v1{link}")).json()
    assert {row["model"] for row in told["leaderboard"]} == {MODEL, "control/length", "control/overlap"}
    for row in told["leaderboard"]:
        measure = row["statistics"]["spearman"]
        if not row["control"]:
            assert f"{measure['value']:.3f} ({measure['lower']:.3f} to {measure['upper']:.3f})" in page.words
    people = {str(judged_item(number)["id"]): label(number, "ann")["score"] for number in range(ITEMS)}
    rows = await judged.judgments(told["job_id"])
    assert len({row["item_id"] for row in rows}) == 20
    assert {row["item_id"] for row in rows} <= set(people)
    other = {**form, "criterion": "nobody labels this"}
    refused = page_of(await client.post("/try/measure", data=other, headers=OWN), 422)
    assert "no labelled item that may be seen has its texts" in refused.words
    scale = {**form, "scale_max": "3", "descriptors": ""}
    assert (
        "people's values are not on the judge's scale"
        in page_of(await client.post("/try/measure", data=scale, headers=OWN), 422).words
    )


async def a_draft_is_saved_once(judged: Judged) -> None:
    client = judged.client
    for _ in range(2):
        response = await client.post("/try/save", data=DRAFT, headers=OWN)
        assert (response.status_code, response.headers["location"]) == (303, "/judges/courtesy%403")
    stored = (await client.get("/v1/judges/courtesy")).json()
    assert (stored["version"], stored["instructions"]) == (3, DRAFT["instructions"])
    page_of(await client.get("/judges/courtesy%403"))
    named = page_of(await client.post("/try/save", data={**DRAFT, "name": "no name!"}, headers=OWN), 400)
    assert fields_in(named) == {"name"}


FAULTS: list[tuple[Row, set[str]]] = [
    ({"instructions": ""}, {"instructions"}),
    ({"scale_min": "low", "samples": "0"}, {"scale_min", "samples"}),
    ({"scale_min": "7"}, {"scale_max"}),
    ({"descriptors": "9: Beyond."}, {"descriptors"}),
    ({"models": "nobody/m"}, {"models"}),
    ({"models": "gpt"}, {"models"}),
    ({"choices": "[", "parameters": '{"temperature": 9}'}, {"choices", "parameters"}),
    ({"parameters": '{"surprise": 1}'}, {"parameters"}),
    ({"template": "{{instructions}}"}, {"template"}),
    ({"template": "{{item.nothing}} {{item.output}}"}, {"template"}),
    ({"method": "category"}, {"choices"}),
    ({"pass_if": '{"labels": ["good"]}'}, {"pass_if"}),
    ({"output": ""}, {"output"}),
    ({"metadata": "x"}, {"metadata"}),
    ({"budget_usd": "much"}, {"budget_usd"}),
    ({"budget_usd": "-1"}, {"budget_usd"}),
]


@pytest.mark.parametrize(("changes", "fields"), FAULTS, ids=[str(changes) for changes, _ in FAULTS])
async def test_a_fault_is_shown_at_its_field(api: httpx.AsyncClient, changes: Row, fields: set[str]) -> None:
    form = {**DRAFT, **ITEM, "models": "control/overlap", **changes}
    for address in ("/try/preview", "/try/run"):
        response = await api.post(address, data=form, headers=OWN)
        page = page_of(response, response.status_code)
        assert response.status_code in (400, 422)
        assert fields_in(page) == fields, page.words[:600]
        described = {str(a["aria-describedby"]) for _, a in page.elements if "aria-describedby" in a}
        assert described <= {str(attributes.get("id")) for _, attributes in page.elements}
        assert all(
            text in page.text for text in changes.values() if "\n" not in text and "<" not in text and len(text) > 9
        )
    assert (await api.get("/v1/jobs")).json()["jobs"] == []


async def test_a_ranking_is_tried_with_all_of_its_outputs(api: httpx.AsyncClient) -> None:
    texts = ["first text", "second text", "third text", "fourth text"]
    outputs = {f"output_{letter}": text for letter, text in zip("abcd", texts, strict=True)}
    form = {"criterion": "order", "method": "ranking", "instructions": "Which is best?", "models": "control/length"}
    page = page_of(await api.post("/try/preview", data={**form, **outputs}, headers=OWN))
    assert all(page.text.count(text) == 3 for text in texts)  # in the prompts of both orders, and in the form
    assert page.has("textarea", name="output_e")  # for another one
    assert not page.has("textarea", name="output_f")
    pair = page_of(await api.get("/try?judge=preference"))
    assert pair.has("textarea", name="output_b")
    assert not pair.has("textarea", name="output_c")


async def test_the_form_has_the_beginning_of_a_long_item_and_leads_to_the_whole(
    api: httpx.AsyncClient,
) -> None:
    item = {"input": "Where is it?", "output": "<" * 400_000}
    form = {**DRAFT, **item, "models": "control/overlap", "metadata": '{"shop": 1}'}
    tried = (await api.post("/try/run", data=form, headers=OWN)).headers["location"].partition("?")[0]
    response = await api.get(tried)
    left_out = 400_000 - response.text.partition('name="output"')[2].partition("</textarea>")[0].count("&lt;")
    assert 0 < left_out < 400_000
    assert len(response.content) < 1_200_000
    left_out += len(METADATA)  # which is shown as a whole or not at all
    assert f"The item is too long for this form: {left_out:,} characters" in response.text
    whole = (await api.get(f"{tried}/item")).json()
    assert whole == {**whole, **item, "metadata": {"shop": 1}}
    assert f'href="{tried}/item"' in response.text
    short = {**form, "output": "Here."}
    tried = (await api.post("/try/run", data=short, headers=OWN)).headers["location"]
    assert "too long" not in page_of(await api.get(tried)).words


async def test_a_form_of_too_many_fields_is_refused(api: httpx.AsyncClient) -> None:
    for address in ("/try/preview", "/try/run", "/try/measure", "/try/save"):
        response = await api.post(address, data={f"field{n}": "x" for n in range(600)}, headers=OWN)
        assert "more than 500 fields" in page_of(response, 400).words


async def test_keys_try_what_their_scopes_allow(open_api: OpenApi) -> None:
    poor = key("poor", "submit", "read", budget=1.5)
    client: httpx.AsyncClient = await open_api(keys=(poor, key(READS, "read"), key(RULES, "admin")))
    form = {**DRAFT, **ITEM, "models": "control/overlap"}
    for path in ("/try", "/try/job_x"):
        assert (await client.get(path)).headers["location"].startswith("/login?next=%2Ftry")
    await sign_in(client, READS)
    page = page_of(await client.get("/try"))
    assert not page.has("button", formaction="/try/run")
    assert "need the scope submit" in page.words
    assert "The prompt" in page_of(await client.post("/try/preview", data=form, headers=OWN)).words
    for address in ("/try/run", "/try/measure", "/try/save"):
        assert "lacks the scope submit" in page_of(await client.post(address, data=form, headers=OWN), 403).words
    client.cookies.clear()
    await sign_in(client, "poor")
    assert "Your key has spent $0.0000 of its $1.50 for today." in page_of(await client.get("/try")).words
    for headers in FOREIGN:
        for address in ("/try/preview", "/try/run", "/try/measure", "/try/save"):
            page_of(await client.post(address, data=form, headers=headers), 403)
    begun = await client.post("/try/run", data=form, headers=OWN)
    path = begun.headers["location"]
    page_of(await client.get(path))
    client.cookies.clear()
    await sign_in(client, READS)
    page_of(await client.get(path), 404)  # of another key
    assert ITEM["output"] not in (await client.get(f"/try/job_x?item={path.rpartition('/')[2]}")).text


async def test_a_judge_that_is_not_there_is_named(api: httpx.AsyncClient) -> None:
    assert "there is no judge 'courtesi'" in page_of(await api.get("/try?judge=courtesi"), 404).words
    page_of(await api.get("/try/job_none"), 404)


async def test_hostile_texts_are_data_where_judges_are_tried(serve: Serve) -> None:
    def said(body: dict[str, Any]) -> str:
        return json.dumps({"explanation": payload_in(body), "score": 3})

    async with ModelServer("openai", said) as model:
        judged: Judged = await serve(openai=model, retrying=FAST)
        client = judged.client
        texts = ("instructions", "input", "output", "context", "reference", "descriptors")
        for payload in ONE_OF_EACH_KIND:
            text = normal(payload)
            form = {**DRAFT, **dict.fromkeys(texts, payload), "descriptors": f"1: {payload}", "models": MODEL}
            form["criterion"] = payload[:100].replace("\u0000", "")
            page = page_of(await client.post("/try/preview", data=form, headers=OWN))
            assert page.text.count(text) >= 8, payload
            path = (await client.post("/try/run", data=form, headers=OWN)).headers["location"]
            answered = await finished(judged, path)
            assert answered.text.count(text) >= 7, payload
            page_of(
                await client.get(
                    f"{path.partition('?')[0]}?judge={quote(payload, safe='')}&item={quote(payload, safe='')}"
                )
            )
            page_of(await client.get("/try", params={"judge": payload}), 404)
            everything = dict.fromkeys(form, payload)
            for address in ("/try/preview", "/try/run", "/try/measure", "/try/save"):
                response = await client.post(address, data=everything, headers=OWN)
                assert text in page_of(response, response.status_code).text


@pytest.mark.timeout(300)
async def test_a_judge_is_tried_in_a_browser(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", answer) as model:
        judged = await lived_in(serve, model, **PRICES)
        base = str(judged.client.base_url).rstrip("/")
        async for watched in at_each_width(browser):
            page = watched.page
            await watched.see(f"{base}/try?judge=courtesy")
            await watched.looks_well()
            await page.fill("[name=output]", str(ITEM["output"]))
            await page.fill("[name=instructions]", f"Is the answer polite? {watched.width}")
            await page.press("[name=criterion]", "Enter")  # which sends nothing
            assert page.url.endswith("?judge=courtesy")
            await page.click("text=Show the prompt")
            await page.wait_for_selector("#prompt")
            await watched.looks_well()
            await page.click("text=Ask the models")
            await page.wait_for_selector("#answer mark", timeout=30_000)
            await page.wait_for_selector("[data-events]", state="detached")  # at the end it is loaded once more
            await watched.looks_well()
            await page.select_option("[name=size]", "20")
            await page.click("text=Measure its agreement")
            await page.wait_for_selector("#measured svg", timeout=60_000)
            await page.wait_for_selector("[data-events]", state="detached")
            assert await page.input_value("[name=output]") == ITEM["output"]
            await watched.looks_well()
            await page.click("text=Labels, own prompt, examples, parameters")
            await page.fill("[name=samples]", "none")
            await page.click("text=Save as a new version")
            await page.wait_for_selector("[name=samples][aria-invalid]")
            await page.wait_for_load_state()
            await watched.looks_well()
            await page.fill("[name=samples]", "1")
            await page.click("text=Save as a new version")
            await page.wait_for_url(f"{base}/judges/courtesy%40*")
            watched.wrong = [each for each in watched.wrong if "status of 400" not in each]  # the page with the fault
