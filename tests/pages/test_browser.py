"""The pages in a real Chromium: no error, nothing from elsewhere, accessible, at both widths and in both schemes."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Browser, Page, Response, async_playwright

from tests.flows.conftest import Judged, Serve
from tests.pages.lived_in import MODEL, ODD, answer, item, lived_in
from tests.pages.reading import MOST_BYTES
from tests.pages.test_hostile_texts import PAYLOADS
from tests.stubs.model_server import ModelServer

CHROMIUM = shutil.which("chromium")
WIDTHS = (390, 1280)
AXE = Path(AXE_FILE_PATH).read_text(encoding="utf-8")
RUN_AXE = """rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']}).then(found => ({
    passes: found.passes.length,
    violations: found.violations.map(each => [each.id, each.nodes.map(node => node.target).slice(0, 3)]),
}))"""
# The schemes differ in colours alone, which the style sheet has.
RULES: dict[Literal["light", "dark"], Any] = {
    "dark": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
    "light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium"),
    pytest.mark.timeout(300),
]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as driver:
        launched = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        await launched.close()


class Watched:
    """A page, with all that went wrong on it and all that it loaded."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.addresses: list[str] = []
        page.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("dialog", lambda dialog: self.wrong.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: self.addresses.append(request.url))

    @property
    def width(self) -> int:
        """The width of the window in pixels."""
        assert self.page.viewport_size is not None
        return self.page.viewport_size["width"]

    async def see(self, address: str) -> None:
        response = await self.page.goto(address)
        assert response is not None
        assert response.status == 200, address

    async def looks_well(self, *, dark: bool = True) -> None:
        """The page is no wider than the window, and has no finding of axe."""
        at = (self.page.url, self.width)
        assert await self.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, at
        assert await violations(self.page, dark=dark) == [], at


async def at_each_width(browser: Browser) -> AsyncIterator[Watched]:
    """A page as wide as a phone, then one as wide as a screen, each without errors in the end."""
    for width in WIDTHS:
        context = await browser.new_context(viewport={"width": width, "height": 800})
        watched = Watched(await context.new_page())
        yield watched
        assert watched.wrong == []
        await context.close()


async def violations(page: Page, *, dark: bool = True) -> list[Any]:
    """axe's findings in both schemes; it is run by the driver, which the page's policy does not bind."""
    await page.evaluate(AXE)
    violations = []
    for scheme, rules in RULES.items():
        if scheme == "dark" and not dark:
            continue
        await page.emulate_media(color_scheme=scheme)
        found = await page.evaluate(RUN_AXE, rules)
        assert found["passes"] > (15 if scheme == "light" else 0)
        violations += [(scheme, *each) for each in found["violations"]]
    return violations


async def test_every_page_is_accessible_and_without_errors(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", answer) as model:
        judged = await lived_in(serve, model)
        base = str(judged.client.base_url).rstrip("/")
        jobs = (await judged.client.get("/v1/jobs?status=completed_with_errors")).json()["jobs"]
        paths = [
            *("/", "/?window=all", "/judges/courtesy", "/judges/safe", "/judges/better", "/judges/courtesy/items"),
            *(f"/items/{quote(ODD, safe='')}", "/items/p-1", "/items/b-1", "/items/f-1", "/jobs"),
            *(f"/jobs/{jobs[0]['id']}", f"/jobs/{jobs[0]['id']}?outcome=failed", "/login"),
            *("/docs", "/docs/guide-agreement", "/docs/redis-keys", "/docs/api", "/docs/api/submitJob"),
            "/docs/api/schemas/Judgment",
        ]
        dark = True  # both widths show the same elements of these pages: once is enough
        async for watched in at_each_width(browser):
            for path in paths:
                await watched.see(base + path)
                await watched.looks_well(dark=dark)
            dark = False
            assert {address for address in watched.addresses if not address.startswith(base)} == set()


async def test_a_whole_page_is_light(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", answer) as model:
        judged = await lived_in(serve, model)
        base = str(judged.client.base_url).rstrip("/")
        for path in ("/", "/judges/courtesy", "/docs/redis-keys", "/docs/api"):
            page = await browser.new_page()
            answers: list[Response] = []

            def note(given: Response, answers: list[Response] = answers) -> None:
                answers.append(given)

            page.on("response", note)
            await page.goto(base + path)
            sizes = [int(each.headers["content-length"]) for each in answers]
            assert len(sizes) >= 2
            assert sum(sizes) < MOST_BYTES, (path, sizes)
            await page.close()


async def test_a_printed_page_is_light_and_has_neither_menus_nor_cut_tables(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", answer) as model:
        judged = await lived_in(serve, model)
        page = await browser.new_page(viewport={"width": 718, "height": 1000}, color_scheme="dark")  # A4 in pixels
        await page.goto(f"{judged.client.base_url}/judges/courtesy")
        await page.emulate_media(media="print", color_scheme="dark")
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not await page.is_visible(".top")
        assert await page.evaluate("document.querySelectorAll('.switch a:not([aria-current])').length") > 2
        assert not await page.is_visible(".switch a:not([aria-current])")
        wide = (
            "[...document.querySelectorAll('.numbers')].filter(each => each.getBoundingClientRect().right > innerWidth)"
        )
        assert await page.evaluate(f"{wide}.length") == 0
        await page.close()


async def test_the_way_from_a_verdict_to_a_raw_answer_by_keyboard_alone(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", answer) as model:
        judged = await lived_in(serve, model)
        page = await browser.new_page(viewport={"width": 390, "height": 800})
        await page.goto(str(judged.client.base_url))
        dashes = "getComputedStyle(document.querySelector('.bar.people')).strokeDasharray"
        assert await page.evaluate(dashes) == "none"  # an interval is drawn as those of the judge and the baselines
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Skip to the content"
        await follow(page, 'a[href^="/judges/courtesy"]')
        await follow(page, '.confusion a[aria-label*="people 1, judge 1"]')
        await follow(page, 'a[href^="/items/"]')
        assert "score" in str(await page.text_content(".judgment:target mark"))


async def follow(page: Page, selector: str) -> None:
    """Goes to the first link of its kind by the tab key, and follows it."""
    for _ in range(200):
        await page.keyboard.press("Tab")
        if await page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            async with page.expect_navigation():
                await page.keyboard.press("Enter")
            return
    raise AssertionError(f"no way to {selector}")


async def test_the_progress_of_a_job_is_live(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", answer) as model:
        judged: Judged = await serve(openai=model, workers=0)
        job_id = await judged.submit([item(number) for number in range(12)], models=[MODEL])
        watched = Watched(await browser.new_page())
        address = f"{str(judged.client.base_url).rstrip('/')}/jobs/{job_id}"
        await watched.see(address)
        assert await watched.page.text_content("[data-field=done]") == "0"
        assert await watched.page.is_visible("button.danger")
        async with judged.worker(), watched.page.expect_navigation(url=address, timeout=30_000):
            pass  # the page is loaded again at the end
        await watched.page.wait_for_selector(".status.completed")
        assert await watched.page.text_content("[data-field=done]") == "12"
        assert not await watched.page.query_selector("button.danger")
        assert watched.wrong == []


async def test_the_overview_follows_the_jobs_under_way(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", answer) as model:
        judged: Judged = await serve(openai=model, workers=0)
        for first in (0, 6):
            await judged.submit([item(number) for number in range(first, first + 6)], models=[MODEL])
        watched = Watched(await browser.new_page(viewport={"width": 390, "height": 800}))
        address = f"{str(judged.client.base_url).rstrip('/')}/"
        await watched.see(address)
        assert await watched.page.locator("progress").count() == 2
        assert await violations(watched.page) == []
        async with judged.worker():
            await watched.page.wait_for_selector(".card", timeout=30_000)  # the page is loaded again at an end
            await watched.page.wait_for_selector("progress", state="detached", timeout=30_000)
        assert watched.wrong == []


async def test_the_list_of_jobs_is_live(serve: Serve, browser: Browser) -> None:
    async with ModelServer("openai", answer) as model:
        judged: Judged = await serve(openai=model, workers=0)
        for _ in range(5):
            job_id = await judged.submit([item(number) for number in range(8)], models=[MODEL])
        watched = Watched(await browser.new_page(viewport={"width": 390, "height": 800}))
        address = f"{str(judged.client.base_url).rstrip('/')}/jobs"
        await watched.see(address)
        assert await watched.page.locator("[data-events]").count() == 3  # browsers open six connections to a server
        assert await watched.page.locator("progress").count() == 5
        assert await violations(watched.page) == []
        await watched.page.focus("input[name=group]")  # a form that is being filled in is not loaded again
        async with judged.worker():
            done = f'[data-events="/jobs/{job_id}/events"] [data-field=done]'
            await watched.page.wait_for_selector(f"{done}:text-is('8')", timeout=30_000)
            assert await watched.page.evaluate("document.activeElement.name") == "group"
        assert watched.wrong == []


async def test_a_form_cancels_a_job(serve: Serve, browser: Browser) -> None:
    judged: Judged = await serve(workers=0)
    job_id = await judged.submit([item(number) for number in range(3)])
    page = await browser.new_page()
    await page.goto(f"{str(judged.client.base_url).rstrip('/')}/jobs/{job_id}")
    await page.click("button.danger")
    await page.wait_for_selector(".status.cancelled")
    assert (await judged.job(job_id))["counts"]["cancelled"] == 3


async def test_long_names_and_times_fit_on_a_phone(serve: Serve, browser: Browser) -> None:
    judged: Judged = await serve()
    name = "a-" + "very-" * 15 + "long-name"
    judge = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?"}
    assert (await judged.client.put(f"/v1/judges/{name}", json=judge)).status_code == 201
    job = await judged.judge([{"id": "one", "output": "a", "group": "g" * 64}], name, models=["control/length"])
    page = await browser.new_page(viewport={"width": 360, "height": 800})
    lines = "[...document.querySelectorAll('table time')].map(each => each.getClientRects().length)"
    paths = ["/", f"/judges/{name}", "/jobs", f"/jobs/{job['id']}", "/items/one", "/label", "/compare", "/benchmarks"]
    for path in (*paths, "/arena", "/try", f"/try?judge={name}"):
        await page.goto(str(judged.client.base_url).rstrip("/") + path)
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        assert set(await page.evaluate(lines)) <= {1}, path


async def test_hostile_texts_run_nothing(serve: Serve, browser: Browser) -> None:
    def said(body: dict[str, Any]) -> str:
        return "".join(PAYLOADS) + "\nScore: 3"

    async with ModelServer("openai", said) as model:
        judged: Judged = await serve(openai=model)
        everything = "\n".join(PAYLOADS)
        items = [
            {"id": f"{number}{payload}", "output": everything, "input": payload, "group": payload[:60]}
            for number, payload in enumerate(PAYLOADS)
        ]
        await judged.judge(items, models=[MODEL])
        watched = Watched(await browser.new_page())
        base = str(judged.client.base_url).rstrip("/")
        jobs = (await judged.client.get("/v1/jobs")).json()["jobs"]
        pages = ["/", "/jobs", f"/jobs/{jobs[0]['id']}", *(f"/items/{quote(each['id'], safe='')}" for each in items)]
        for path in pages:
            await watched.see(base + path)
            assert await watched.page.evaluate("window.pwned") is None, path
        assert watched.wrong == []
        assert {address for address in watched.addresses if not address.startswith(base)} == set()


async def test_a_name_turns_no_text_beside_it_around(serve: Serve, browser: Browser) -> None:
    """An override would go on to the end of the line, also behind the end of an isolation that stands in the name."""
    async with ModelServer("openai", answer) as model:
        judged: Judged = await serve(openai=model)
        odd = {**item(1), "group": "bot\u2069\u202e-v1", "case": "first"}
        await judged.judge([odd], models=[MODEL])
        page = await browser.new_page()
        await page.goto(f"{str(judged.client.base_url).rstrip('/')}/items/t-1")
        places = await page.evaluate("""() => {
            const path = "//bdi[.='first']/preceding-sibling::text()[1]";
            const words = document.evaluate(path, document, null, 9).singleNodeValue;
            const start = words.data.indexOf("case");
            return [0, 1, 2, 3].map(at => {
                const range = document.createRange();
                range.setStart(words, start + at);
                range.setEnd(words, start + at + 1);
                return range.getBoundingClientRect().left;
            });
        }""")
        assert places == sorted(places)
        assert places[0] < places[-1]
