"""The arena's pages: a battle is begun, voted on and revealed; before the vote nothing tells which model is which."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.async_api import Browser
from redis.asyncio import Redis

from service.contracts.arena import Winner
from tests.api.conftest import OpenApi
from tests.api.test_access import READS, RULES, SUBMITS, key
from tests.flows.conftest import Judged, Row, Serve
from tests.flows.test_arena import ITEM, MUTE, STRONG, WEAK, by_model
from tests.pages.reading import Page, has_the_content_of, page_of
from tests.pages.test_browser import Watched, at_each_width
from tests.pages.test_hostile_texts import ONE_OF_EACH_KIND, normal, payload_in
from tests.pages.test_sessions import FOREIGN, OWN, sign_in
from tests.store.battles import opened, voted
from tests.stubs.model_server import ModelServer

SAMPLE = {"judge": "helpfulness", "item": "own", "input": ITEM["input"], "output": ITEM["output"], "voter": "ada"}
TELLING = re.compile(r"strong|weak|mute\b|openai|gpt|\b(?:6111|7222|8333)\b|latency|cost_usd|tokens")


async def begun(client: httpx.AsyncClient, **form: str) -> str:
    """The path of a battle that a form began."""
    response = await client.post("/arena/battles", data={**SAMPLE, "models": f"{STRONG} {WEAK}", **form}, headers=OWN)
    assert response.status_code == 303, response.text
    path, _, query = response.headers["location"].partition("?")
    assert query == ("voter=ada" if "voter" not in form else "")
    return str(path)


async def is_open(client: httpx.AsyncClient, path: str) -> None:
    for _ in range(10):
        status = (await client.get(f"{path}/status", timeout=30)).json()["status"]
        if status != "queued":
            assert status == "open"
            return
    raise AssertionError("the battle is queued for ever")


def labels_of(page: Page) -> list[str]:
    return [str(attributes.get("value")) for tag, attributes in page.elements if attributes.get("name") == "winner"]


async def test_a_sample_is_judged_twice_voted_on_and_revealed(serve: Serve) -> None:
    async with ModelServer("openai", by_model) as server:
        judged: Judged = await serve(openai=server, workers=0)
        client = judged.client
        path = await begun(client)
        waiting = page_of(await client.get(path))
        assert waiting.has("p", **{"data-waits": f"{path}/status"})
        assert waiting.has("meta", **{"http-equiv": "refresh"})  # for browsers that run no script
        assert labels_of(waiting) == []
        async with judged.worker():
            await is_open(client, path)
        blind = await client.get(f"{path}?voter=ada")
        page = page_of(blind)
        assert labels_of(page) == ["A", "B", "tie", "both_bad"]
        assert "It answers the question, step by step." in page.words
        assert "Meh." in page.words
        assert ITEM["output"] in page.words
        assert not TELLING.search(blind.text)
        given = await client.post(f"{path}/vote", data={"winner": "A", "voter": " ada "}, headers=OWN)
        assert (given.status_code, given.headers["location"]) == (303, f"{path}?voter=ada")
        revealed = page_of(await client.get(given.headers["location"]))
        assert "You voted for A." in revealed.words
        assert STRONG in revealed.words
        assert WEAK in revealed.words
        assert "The prompt that both models got" in revealed.words
        assert not TELLING.search((await client.get(f"{path}?voter=bob")).text)  # who has not voted
        told = (await client.get(f"/v1{path}", params={"voter": "ada"})).json()
        assert (told["winner"], told["votes"]) == ("A", 1)
        again = await client.post(f"{path}/vote", data={"winner": "B", "voter": "ada"}, headers=OWN)
        assert again.headers["location"] == f"{path}?voter=ada"  # a double click is harmless
        assert (await client.get(f"/v1{path}", params={"voter": "ada"})).json()["winner"] == "A"
        board = page_of(await client.get("/arena/leaderboard"))
        assert STRONG in board.words
        assert board.has("svg", role="img")


async def test_an_item_leads_to_no_job_of_a_battle(serve: Serve) -> None:
    async with ModelServer("openai", by_model) as server:
        judged: Judged = await serve(openai=server)
        client = judged.client
        item = {**ITEM, "id": "one"}
        await judged.judge([item], models=[STRONG])
        battle = {"item": item, "judge": "helpfulness", "models": [STRONG, WEAK]}
        path = f"/arena/battles/{(await client.post('/v1/arena/battles', json=battle)).json()['id']}"
        await is_open(client, path)
        await client.post(f"{path}/vote", data={"winner": "A", "voter": "ada"}, headers=OWN)
        page = page_of(await client.get("/items/one"))
        assert len([tag for tag, _ in page.elements if tag == "article"]) == 3
        [job] = [link for link in page.links if link.startswith("/jobs/")]
        page_of(await client.get(job))


async def test_the_stream_gives_items_without_what_leads_to_their_judgments(serve: Serve) -> None:
    async with ModelServer("openai", by_model) as server:
        judged: Judged = await serve(openai=server)
        client = judged.client
        empty = await client.post("/arena/battles", data={"judge": "helpfulness", "item": "judged"}, headers=OWN)
        assert "no item in the newest jobs can be judged by helpfulness" in page_of(empty, 422).words
        item = {**ITEM, "id": "order-77", "group": "bot-v9", "case": "case-55"}
        await judged.judge([item], models=[STRONG, WEAK])
        await judged.judge([{"id": "pair-1", "outputs": ["x", "y"]}], "preference", models=[STRONG])
        path = await begun(client, item="judged", output="", input="")
        await is_open(client, path)
        blind = (await client.get(path)).text
        assert str(ITEM["output"]) in page_of(await client.get(path)).words
        for word in ("order-77", "bot-v9", "case-55"):
            assert word not in blind
            assert word not in json.dumps((await client.get(f"/v1{path}")).json())
        for choice, output in (("judged", ITEM["output"]), ("same", ITEM["output"])):
            response = await client.post(f"{path}/next", data={"item": choice, "voter": "bob"}, headers=OWN)
            assert response.headers["location"].endswith("?voter=bob")
            following = response.headers["location"]
            assert following.partition("?")[0] != path
            assert output in page_of(await client.get(following)).words


@pytest.mark.parametrize(
    ("changes", "status", "words", "name"),
    [
        ({"models": STRONG}, 422, "must give two different models", "models"),
        ({"models": f"{STRONG}, nobody/m"}, 422, "1: no provider 'nobody' is configured", "models"),
        ({"models": "no-provider"}, 400, "a model is written provider/name", "models"),
        ({"judge": "helpfulnes"}, 422, "did you mean 'helpfulness'?", "judge"),
        ({"output": " \n"}, 422, "output", "output"),
        ({"judge": "preference", "output_a": "one", "output_b": ""}, 422, "", ""),
    ],
)
async def test_a_fault_is_shown_at_its_field_and_the_form_is_kept(
    serve: Serve, changes: Row, status: int, words: str, name: str
) -> None:
    async with ModelServer("openai", by_model) as server:
        judged: Judged = await serve(openai=server, workers=0)
        form = {**SAMPLE, "models": f"{STRONG}\n{WEAK}", **changes}
        response = await judged.client.post("/arena/battles", data=form, headers=OWN)
        if not words:
            assert response.status_code == 303
            return
        page = page_of(response, status)
        assert words in page.words
        [marked] = [attributes for _, attributes in page.elements if "aria-invalid" in attributes]
        assert marked["name"] == name
        assert str(marked["aria-describedby"]) in {attributes.get("id") for _, attributes in page.elements}
        assert str(ITEM["input"]) in page.text
        assert (await judged.client.get("/v1/arena/battles")).json()["battles"] == []


async def test_the_same_form_sent_twice_begins_one_battle(serve: Serve) -> None:
    async with ModelServer("openai", by_model) as server:
        judged: Judged = await serve(openai=server, workers=0)
        await judged.submit([ITEM | {"id": f"t-{number}", "output": f"Answer {number}"} for number in range(20)])
        form = {"ticket": "once", "item": "judged"}
        paths = await asyncio.gather(*(begun(judged.client, **form) for _ in range(5)))
        assert len(set(paths)) == 1
        assert await begun(judged.client, **form, output="changed") != paths[0]  # changed and sent again: another one
        following = [
            (await judged.client.post(f"{paths[0]}/next", data=form, headers=OWN)).headers["location"] for _ in range(3)
        ]
        assert len(set(following)) == 1


async def test_keys_see_and_do_what_their_scopes_allow(open_api: OpenApi) -> None:
    both = key("bot", "submit", "read")
    client: httpx.AsyncClient = await open_api(
        keys=(both, key(READS, "read"), key(SUBMITS, "submit"), key(RULES, "admin"))
    )
    for path in ("/arena", "/arena/leaderboard", "/arena/battles/x", "/arena/battles/x/status"):
        assert (await client.get(path)).headers["location"].startswith("/login?next=%2Farena")
    form = {**SAMPLE, "models": "control/length control/overlap"}
    await sign_in(client, "bot")
    response = await client.post("/arena/battles", data=form, headers=OWN)
    path = response.headers["location"].partition("?")[0]
    assert not page_of(await client.get(path)).has("button", name="winner")
    refused = await client.post(f"{path}/vote", data={"winner": "A", "voter": "ada"}, headers=OWN)
    assert "lacks the scope label" in page_of(refused, 403).words
    client.cookies.clear()
    await sign_in(client, READS)
    start = page_of(await client.get("/arena"))
    assert not start.has("form", action="/arena/battles")
    assert path not in start.links  # of another key
    page_of(await client.get(path), 404)
    for address in ("/arena/battles", f"{path}/next"):
        page_of(await client.post(address, data=form, headers=OWN), 403)
    client.cookies.clear()
    await sign_in(client, RULES)
    assert path in page_of(await client.get("/arena")).links
    for headers in FOREIGN:
        for address in ("/arena/battles", f"{path}/vote", f"{path}/next"):
            page_of(await client.post(address, data=form, headers=headers), 403)
    assert len((await client.get("/arena")).text.split("/arena&#x2f;battles")) <= 2


async def test_votes_that_can_not_be_stored_say_why(api: httpx.AsyncClient, redis: Redis) -> None:
    failed = await opened(redis, status="failed")
    vote = {"winner": "A", "voter": "ada"}
    page = page_of(await api.post(f"/arena/battles/{failed}/vote", data=vote, headers=OWN), 409)
    assert "no two evaluations to choose from" in page.words
    assert "This battle has failed" in page_of(await api.get(f"/arena/battles/{failed}")).words
    path = f"/arena/battles/{await opened(redis)}"
    page_of(await api.post(f"{path}/vote", data={"winner": "C", "voter": "ada"}, headers=OWN), 400)
    page_of(await api.post(f"{path}/vote", data={"winner": "A", "voter": " "}, headers=OWN), 400)
    page_of(await api.post("/arena/battles/nothing/vote", data=vote, headers=OWN), 404)
    page_of(await api.get("/arena/battles/nothing"), 404)


async def test_the_leaderboard_shows_what_the_api_says(api: httpx.AsyncClient, redis: Redis) -> None:
    assert "Nobody has voted yet" in page_of(await api.get("/arena/leaderboard")).words
    for number in range(30):
        winner = Winner.A if number % 3 else Winner.B
        await voted(redis, await opened(redis, "openai/one", "openai/two"), winner, f"voter {number}")
    tie = await opened(redis, "openai/two", "ollama/three", criterion="tact & <b>")
    await voted(redis, tie, Winner.TIE, "voter 1")
    board = (await api.get("/v1/arena/leaderboard")).json()
    page = page_of(await api.get("/arena/leaderboard"))
    for row in board["leaderboard"]:
        assert row["model"] in page.words
        assert f"{row['lower']:.0f} to {row['upper']:.0f}" in page.words
    assert "31 votes." in page.words
    kept = "/arena/leaderboard/ratings"
    assert kept in page.links
    await has_the_content_of(api, kept, "/v1/arena/leaderboard", "text/csv", {})
    [one] = [link for link in page.links if link.startswith("?criterion=tact")]
    only = page_of(await api.get(f"/arena/leaderboard{one}"))
    assert "openai/one" not in only.words
    assert "ollama/three" in only.words
    [kept] = [link for link in only.links if link.startswith(kept)]
    await has_the_content_of(api, kept, "/v1/arena/leaderboard", "text/csv", {"criterion": "tact & <b>"})
    assert "Nobody has voted on this criterion" in page_of(await api.get("/arena/leaderboard?criterion=none")).words


async def test_hostile_texts_are_data_in_the_arena(serve: Serve) -> None:
    def said(body: dict[str, Any]) -> str:
        return json.dumps({"explanation": payload_in(body), "score": 3})

    async with ModelServer("openai", said) as server:
        judged: Judged = await serve(openai=server)
        client = judged.client
        for payload in ONE_OF_EACH_KIND:
            path = await begun(client, **dict.fromkeys(("input", "output", "context", "reference"), payload))
            await is_open(client, path)
            text = normal(payload)
            for query in ("", f"?voter={quote(payload, safe='')}"):
                assert page_of(await client.get(f"{path}{query}")).text.count(text) >= 6, payload
            response = await client.post(f"{path}/vote", data={"winner": "tie", "voter": payload}, headers=OWN)
            assert "You voted" in page_of(await client.get(response.headers["location"])).words
            page_of(await client.get("/arena", params={"judge": payload, "voter": payload}))
            page_of(await client.get("/arena/leaderboard", params={"criterion": payload[:100]}))
            again = dict.fromkeys((*SAMPLE, "models", "context", "reference", "output_a", "output_b"), payload)
            response = await client.post("/arena/battles", data=again, headers=OWN)
            assert page_of(response, response.status_code).text.count(text) >= 4


class Wire:
    """Passes connections on to the API, and keeps every byte that it sends back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: list[asyncio.StreamWriter] = []
        self.received = b""

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """The address at which it listens."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        server.close()
        for writer in self._open:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, sink = await asyncio.open_connection("127.0.0.1", self._port)
        self._open += [writer, sink]
        await asyncio.gather(self._pump(reader, sink, keep=False), self._pump(upstream, writer, keep=True))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, keep: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while part := await reader.read(65536):
                if keep:
                    self.received += part
                writer.write(part)
                await writer.drain()
        writer.close()


@pytest.mark.timeout(300)
async def test_nothing_that_the_browser_gets_before_the_vote_tells_the_models(serve: Serve, browser: Browser) -> None:
    """Each model has its own pace, tokens and text; every byte that is sent is recorded, headers and all."""
    async with ModelServer("openai", by_model) as server:
        judged: Judged = await serve(openai=server)
        models = [STRONG, WEAK, MUTE]
        rating = {"criterion": "help", "method": "rating", "instructions": "Is it helpful?", "models": models}
        assert (await judged.client.put("/v1/judges/duel", json=rating)).status_code == 201
        wire = Wire(judged.client.base_url.port or 0)
        async with wire.listening() as base:
            for number in range(4):
                wire.received = b""
                context = await browser.new_context()
                watched = Watched(await context.new_page())
                page = watched.page
                await watched.see(f"{base}/arena?judge=duel&voter=ada")
                await page.fill("[name=input]", f"{ITEM['input']} {number}")
                await page.fill("[name=output]", str(ITEM["output"]))
                await page.click("text=Begin with this sample")
                await page.wait_for_selector("[name=winner]", timeout=30_000)
                before = wire.received.decode()
                assert "step by step" in before
                assert not TELLING.search(before)
                kept = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
                assert not TELLING.search(kept)
                answers = await page.locator(".side .answer").all_text_contents()
                await page.keyboard.press("3")
                await page.wait_for_selector("text=You voted for a tie.")
                names = await page.locator(".side h2").all_text_contents()
                assert names[answers.index("5")].endswith(STRONG)
                assert TELLING.search(wire.received.decode())  # so the record would have told
                assert watched.wrong == []
                await context.close()


@pytest.mark.timeout(300)
async def test_a_battle_by_keyboard_is_accessible_at_each_step(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", by_model) as server:
        judged: Judged = await serve(openai=server)
        await judged.judge([ITEM | {"context": "A long context. " * 40}])
        base = str(judged.client.base_url).rstrip("/")
        async for watched in at_each_width(browser):
            page = watched.page
            await watched.see(f"{base}/arena?judge=helpfulness")
            await watched.looks_well()
            await page.fill("[name=models]", f"{STRONG} {WEAK}")
            await page.press("[name=models]", "Enter")  # which begins nothing
            await page.fill("[name=voter]", f"ada {watched.width}")
            await page.click("text=Begin with a judged item")
            await page.wait_for_selector("[name=winner]", timeout=30_000)
            await watched.looks_well()
            await page.focus("[name=voter]")
            await page.keyboard.press("End")
            await page.keyboard.type("1")  # typed, no vote
            await page.uncheck("[data-shortcuts]")
            await page.keyboard.press("1")
            await page.check("[data-shortcuts]")
            assert "voter=" in page.url
            await page.keyboard.press("2")
            await page.wait_for_selector("text=You voted for B.")
            await watched.looks_well()
            address = page.url
            await page.keyboard.press("n")
            await page.wait_for_selector("[name=winner]", timeout=30_000)
            assert page.url != address
            assert page.url.partition("?")[2] == address.partition("?")[2]
            await watched.see(f"{base}/arena/leaderboard")
            await watched.looks_well()
