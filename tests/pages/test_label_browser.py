"""Labelling in a real Chromium: by keyboard, on a phone, with nothing of the judge's answer on the wire before."""

import time
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route

from tests.flows.conftest import FAST, Judged, Serve
from tests.pages.lived_in import JUDGE, answer, item
from tests.pages.test_browser import CHROMIUM, Watched, at_each_width
from tests.pages.test_hostile_texts import PAYLOADS
from tests.stubs.model_server import ModelServer

QUEUE = "/label?criterion=courtesy"
SAID = "as the wording shows"
SITTING = 20  # labels

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium"),
    pytest.mark.timeout(300),
]


async def courteous(serve: Serve, model: ModelServer, items: int) -> str:
    """A service with judged items; its address."""
    judged: Judged = await serve(retrying=FAST, openai=model)
    assert (await judged.client.put("/v1/judges/courtesy", json=JUDGE)).status_code == 201
    await judged.judge([item(number) for number in range(items)], "courtesy")
    return str(judged.client.base_url).rstrip("/")


async def press(page: Page, key: str) -> None:
    """Presses a key that leads to another page."""
    async with page.expect_navigation():
        await page.keyboard.press(key)


async def begin(page: Page, base: str, name: str = "ann") -> None:
    await page.goto(base + QUEUE)
    await page.wait_for_selector("input:focus")  # a busy browser gives it the focus later
    await page.keyboard.type(name)
    await press(page, "Enter")


async def labels(page: Page, base: str) -> list[Any]:
    found = await page.request.get(f"{base}/v1/labels?limit=1000")
    return list((await found.json())["labels"])


async def test_twenty_items_by_keyboard_alone(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", answer) as model:
        base = await courteous(serve, model, SITTING + 2)
        watched = Watched(await browser.new_page(viewport={"width": 390, "height": 800}))
        page = watched.page
        await begin(page, base)
        began = time.monotonic()
        for number in range(SITTING):
            shown = await page.text_content(".reading .id")
            said = str(await page.text_content(".reading section:nth-of-type(2) pre")).partition("courtesy level ")[2][
                0
            ]
            await press(page, said)
            assert await page.text_content(".yours") == f"You gave {said}"
            assert await page.text_content(".reading .id") == shown
            await press(page, "Enter")
            assert f"{number + 1} by you" in str(await page.text_content(".standing"))
        took = time.monotonic() - began
        print(f"{SITTING} labels by keyboard in {took:.1f} s, {1000 * took / SITTING:.0f} ms each")
        stored = await labels(page, base)
        assert len(stored) == SITTING
        assert watched.wrong == []


async def test_nothing_of_the_judges_answer_is_on_the_wire_before_the_label(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", answer) as model:
        base = await courteous(serve, model, 2)
        page = await browser.new_page()
        await begin(page, base)
        answers: list[str] = []

        async def read(route: Route) -> None:
            given = await route.fetch()
            answers.append(await given.text())
            await route.fulfill(response=given)

        await page.route("**/*", read)
        await page.reload()
        await page.wait_for_load_state("networkidle")
        await page.unroute_all(behavior="wait")
        assert len(answers) >= 3
        assert not any(SAID in each for each in answers)
        assert SAID not in await page.content()
        await press(page, "3")
        assert SAID in str(await page.text_content(".judge-answer"))


async def test_the_keys_of_the_page(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", answer) as model:
        base = await courteous(serve, model, 3)
        watched = Watched(await browser.new_page())
        page = watched.page
        await begin(page, base)
        first = await page.text_content(".reading .id")
        await page.keyboard.press("9")  # no such score
        await page.keyboard.press("c")
        await page.keyboard.type("4 stars, skip u")  # in the comment, keys are text
        await page.keyboard.press("Enter")
        await page.keyboard.press("Escape")
        assert await labels(page, base) == []
        await press(page, "4")
        [label] = await labels(page, base)
        assert (label["item_id"], label["score"], label["comment"]) == (first, 4, "4 stars, skip u")
        for key in ("4", "2", "s"):  # no key of this page
            await page.keyboard.press(key)
        await press(page, "u")
        assert await labels(page, base) == []
        assert await page.text_content(".reading .id") == first
        await press(page, "s")
        second = await page.text_content(".reading .id")
        assert second != first
        await press(page, "5")
        await press(page, "Enter")
        third = await page.text_content(".reading .id")
        await press(page, "u")  # takes the last label back, and goes to it
        assert await page.text_content(".reading .id") == second
        assert await labels(page, base) == []
        await press(page, "2")
        await page.go_back()
        await page.go_forward()
        assert await page.text_content(".yours") == "You gave 2"
        await press(page, "Enter")
        assert await page.text_content(".reading .id") == third
        assert watched.wrong == []


async def test_two_keys_at_once_give_one_label_to_the_item_that_was_shown(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", answer) as model:
        base = await courteous(serve, model, 3)
        page = await browser.new_page()
        await begin(page, base)
        shown = await page.text_content(".reading .id")
        async with page.expect_navigation():
            await page.evaluate(
                """() => { for (const key of ["4", "4", "2"])
                    document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })); }"""
            )
        await page.wait_for_selector(".yours")
        stored = await labels(page, base)
        assert [(each["item_id"], each["score"]) for each in stored] == [(shown, 4)]


async def test_the_pages_of_labelling_are_accessible_at_every_width(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", answer) as model:
        base = await courteous(serve, model, 6)
        async for watched in at_each_width(browser):
            page = watched.page
            for step in ("list", "name", "item", "revealed", "next", "none"):
                if step == "list":
                    await watched.see(f"{base}/label")
                elif step == "name":
                    await watched.see(base + QUEUE)
                elif step == "item":
                    await begin(page, base, f"{watched.width}")
                    bar = await page.locator(".answers").bounding_box()
                    assert bar is not None
                    assert bar["y"] + bar["height"] <= 800  # in reach without scrolling
                elif step == "none":
                    await watched.see(f"{base}/label?criterion=relevance")
                else:
                    await press(page, "3" if step == "revealed" else "Enter")
                await watched.looks_well()
            assert {address for address in watched.addresses if not address.startswith(base)} == set()


async def test_it_works_without_scripts(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", answer) as model:
        base = await courteous(serve, model, 2)
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        await begin(page, base)
        async with page.expect_navigation():
            await page.click(".answers button >> nth=3")
        assert await page.text_content(".yours") == "You gave 4"
        await press(page, "Enter")  # the link to the next item has the focus
        assert [each["score"] for each in await labels(page, base)] == [4]
        await context.close()


async def test_texts_that_try_to_run_do_not(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", answer) as model:
        judged: Judged = await serve(retrying=FAST, openai=model)
        await judged.client.put("/v1/judges/courtesy", json=JUDGE)
        texts = [each for each in PAYLOADS if "\u0000" not in each]
        half = len(texts) // 2
        items = [
            {"id": f"{number}{one}", "output": other, "context": one, "input": other}
            for number, (one, other) in enumerate(zip(texts[:half], texts[half:], strict=True))
        ]
        await judged.judge(items, "courtesy")
        base = str(judged.client.base_url).rstrip("/")
        watched = Watched(await browser.new_page())
        page = watched.page
        await begin(page, base, "<img src=x onerror=window.pwned=1>")
        for _ in items:
            shown = str(await page.text_content(".reading .id"))
            await press(page, "3")
            assert await page.evaluate("window.pwned") is None, shown
            await press(page, "Enter")
        assert "Done" in str(await page.text_content("main"))
        assert {each["item_id"] for each in await labels(page, base)} == {each["id"] for each in items}
        assert watched.wrong == []
