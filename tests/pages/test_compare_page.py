"""Two groups on a page: it says what the API says, and leads from a case to its items."""

from urllib.parse import quote, urlencode

import httpx
from playwright.async_api import Browser

from tests.flows.conftest import FAST, Judged, Row, Serve
from tests.pages.lived_in import JUDGE, MODEL, SAFE, answer
from tests.pages.reading import Page, page_of
from tests.pages.test_browser import at_each_width
from tests.pages.test_hostile_texts import PAYLOADS, normal, times
from tests.stubs.model_server import ModelServer

CASES = 24
OLD, NEW = "bot v1", "bot/v2 ä?"

WIDER_WITH_A_LONG_NAME = """() => {
    for (const each of document.querySelectorAll("option")) each.textContent = "a".repeat(200);
    return document.documentElement.scrollWidth - innerWidth;
}"""


def item(number: int, group: str, level: int) -> Row:
    return {
        "id": f"{group} {number}",
        "input": f"Question {number}",
        "output": f"Answer {number} of {group}, courtesy level {level}.",
        "group": group,
        "case": f"case {number}",
    }


async def with_groups(serve: Serve, model: ModelServer) -> Judged:
    """Two versions of a bot: the new one is mostly better, and worse in case 0."""
    judged: Judged = await serve(retrying=FAST, openai=model)
    assert (await judged.client.put("/v1/judges/courtesy", json=JUDGE)).status_code == 201
    assert (await judged.client.put("/v1/judges/safe", json=SAFE)).status_code == 201
    old = [item(number, OLD, 4 if number == 0 else 2) for number in range(CASES)]
    new = [item(number, NEW, 1 if number == 0 else 2 + number % 3) for number in range(CASES)]
    await judged.judge([*old, *new], "courtesy")
    await judged.judge([*old[:3], *new[:3]], "safe")
    return judged


async def see(judged: Judged, path: str, status: int = 200) -> Page:
    return page_of(await judged.client.get(path), status)


async def test_the_page_says_what_the_api_says(serve: Serve) -> None:
    async with ModelServer("openai", answer) as model:
        judged = await with_groups(serve, model)
        groups = {"a": OLD, "b": NEW}
        told = (await judged.client.get("/v1/compare", params={**groups, "judge": "courtesy"})).json()
        cases = (await judged.client.get("/v1/compare/cases", params={**groups, "judge": "courtesy"})).json()
        assert told["decided"] == "b"
        query = urlencode({**groups, "judge": f"courtesy@1 {MODEL}"})
        page = await see(judged, f"/compare?{query}")
        assert f"{NEW} is better than {OLD}, by the judge alone" in page.words
        difference = told["judge_difference"]
        assert f"{difference['value']:+.2f} ({difference['lower']:+.2f} to {difference['upper']:+.2f})" in page.words
        assert f"wins {told['wins']} cases, loses {told['losses']}, ties {told['ties']}" in page.words
        assert f"{CASES} cases that both have" in page.words
        assert "1 case got worse" in page.words
        assert f"{len(cases['better'])} cases got better" in page.words
        for each in (*cases["worse"], *cases["better"]):
            for item_id in (*each["items_a"], *each["items_b"]):
                assert f"/items/{quote(item_id, safe='')}" in page.links
        assert page.words.index("case 0") < page.words.index("got better")
        assert "courtesy level 1" in page.words  # the new output of the case that got worse
        assert page.has("svg", role="img")
        turned = await see(judged, f"/compare?{urlencode({'a': NEW, 'b': OLD, 'judge': 'courtesy', 'window': '24h'})}")
        assert "1 case got better" in turned.words
        assert f"{NEW} is better than {OLD}" in turned.words
        wide = await see(judged, f"/compare?{query}&anytime=true")
        assert wide.words != page.words


async def test_without_a_judge_the_one_that_judged_both_groups_last_is_taken(serve: Serve) -> None:
    async with ModelServer("openai", answer) as model:
        judged = await with_groups(serve, model)
        page = await see(judged, f"/compare?{urlencode({'a': OLD, 'b': NEW})}")
        assert "criterion safe" in page.words
        [other] = [
            link for link in page.links if "courtesy%401" in link and "window=all" in link and "/judges" not in link
        ]
        assert "criterion courtesy" in (await see(judged, other)).words
        nobody = await see(judged, f"/compare?{urlencode({'a': OLD, 'b': 'nobody'})}")
        assert "No judge has given items of both" in nobody.words
        for wrong in ({"a": OLD, "b": OLD}, {"a": OLD, "b": "nobody", "judge": "courtesy"}):
            await see(judged, f"/compare?{urlencode(wrong)}", 422)
        await see(judged, f"/compare?{urlencode({'a': OLD, 'b': NEW, 'judge': 'courtesi'})}", 422)
        await see(judged, f"/compare?{urlencode({'a': 'x' * 65, 'b': NEW})}", 400)


async def test_a_judge_whose_words_have_no_mean_is_neither_taken_nor_offered(serve: Serve) -> None:
    words = [{"label": "warm"}, {"label": "cold"}]
    tone = {"criterion": "tone", "method": "category", "instructions": "Which?", "choices": words, "models": [MODEL]}
    async with ModelServer("openai", lambda body: '{"label": "warm"}') as model:
        judged: Judged = await serve(retrying=FAST, openai=model)
        await judged.client.put("/v1/judges/tone", json=tone)
        sides = [item(0, OLD, 1), item(0, NEW, 2)]
        await judged.judge(sides, "tone")
        assert "There are no two groups with scores yet" in (await see(judged, "/compare")).words
        assert "No judge has given" in (await see(judged, f"/compare?{urlencode({'a': OLD, 'b': NEW})}")).words
        scored = [{**word, "score": score} for score, word in enumerate(words)]
        await judged.client.put("/v1/judges/warmth", json={**tone, "criterion": "warmth", "choices": scored})
        await judged.judge(sides, ["warmth", "tone"])
        assert "criterion warmth" in (await see(judged, f"/compare?{urlencode({'a': OLD, 'b': NEW})}")).words


async def test_groups_and_judge_are_chosen_in_a_form(serve: Serve, api: httpx.AsyncClient) -> None:
    assert "There are no two groups with scores yet" in page_of(await api.get("/compare")).words
    async with ModelServer("openai", answer) as model:
        judged = await with_groups(serve, model)
        page = await see(judged, "/compare?a=&b=&judge=")
        values = [str(each["value"]) for tag, each in page.elements if tag == "option"]
        assert [sorted(values[start : start + 2]) for start in (0, 2, 5, 7)] == [sorted([OLD, NEW])] * 4
        assert [values[4], values[9]] == [f"safe@1 {MODEL}", f"courtesy@1 {MODEL}"]


async def test_hostile_names_and_texts_are_data(serve: Serve) -> None:
    async with ModelServer("openai", answer) as model:
        judged: Judged = await serve(retrying=FAST, openai=model)
        await judged.client.put("/v1/judges/courtesy", json=JUDGE)
        for number, text in enumerate(PAYLOADS[::3]):
            old, new = {"output": f"{text} courtesy level 2"}, {"output": f"{text} courtesy level 5"}
            a, b = f"{number}{text}"[:60], f"b{number}{text}"[:60]
            sides = [{"id": f"a{number}{text}", "group": a, **old}, {"id": f"b{number}{text}", "group": b, **new}]
            await judged.judge([{**each, "case": text} for each in sides], "courtesy")
            page = await see(judged, f"/compare?{urlencode({'a': a, 'b': b, 'judge': 'courtesy'})}")
            assert times(page, normal(text)) >= 5  # the case, two ids, two outputs
            assert "1 case got better" in page.words
        form = await see(judged, "/compare")
        assert len([each for tag, each in form.elements if tag == "option"]) > 20


async def test_the_page_is_accessible_at_every_width(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", answer) as model:
        judged = await with_groups(serve, model)
        base = str(judged.client.base_url).rstrip("/")
        async for watched in at_each_width(browser):
            await watched.see(f"{base}/compare")
            await watched.looks_well()
            assert await watched.page.evaluate(WIDER_WITH_A_LONG_NAME) <= 0, "a model's name may be long"
            async with watched.page.expect_navigation():
                await watched.page.click("form.filters >> nth=1 >> button")
            assert "is better than" in str(await watched.page.text_content(".verdict"))
            await watched.looks_well()
