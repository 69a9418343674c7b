"""Keys on pages: a session opened by a form, the scopes of the key, and forms of other origins."""

from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from service.pages.access import SESSION_COOKIE
from service.pages.signing_in import own_path
from service.store import keys
from tests.api.conftest import OpenApi
from tests.api.test_access import LABELS, ORDER, READS, RULES, SUBMITS, bearer, key
from tests.pages.reading import page_of

LABEL = {"item_id": "one", "criterion": "helpfulness", "annotator": "ann", "score": 3}
OWN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
ALL = (key(SUBMITS, "submit"), key(READS, "read"), key(LABELS, "label"), key(RULES, "admin"))
PAGES = (
    "/label",
    "/compare",
    "/",
    "/jobs",
    "/jobs/job_x",
    "/jobs/job_x/events",
    "/jobs/job_x/judgments",
    "/benchmarks/bench_x/leaderboard",
    "/arena/leaderboard/ratings",
    "/judges/helpfulness",
    "/judges/x/items",
    "/items/x",
)


@pytest.fixture
async def guarded(open_api: OpenApi) -> httpx.AsyncClient:
    client: httpx.AsyncClient = await open_api(keys=ALL)
    return client


async def sign_in(client: httpx.AsyncClient, text: str, **form: str) -> httpx.Response:
    return await client.post("/login", data={"key": text, **form}, headers=OWN)


async def test_without_a_session_a_page_leads_to_the_form_and_back(guarded: httpx.AsyncClient) -> None:
    for path in PAGES:
        response = await guarded.get(path)
        assert (response.status_code, response.content) == (303, b"")
        assert response.headers["location"].startswith("/login?next=%2F")
    asked = await guarded.get("/judges/helpfulness?window=30d&model=a%2Fb")
    form = page_of(await guarded.get(asked.headers["location"]))
    following = "/judges/helpfulness?window=30d&model=a%2Fb"
    assert form.has("input", type="hidden", name="next", value=following)
    assert form.has("input", type="password", name="key")
    response = await sign_in(guarded, READS, next=following)
    assert (response.status_code, response.headers["location"]) == (303, following)
    assert "key read" in page_of(await guarded.get("/jobs")).words


async def test_the_cookie_can_not_be_read_by_scripts_nor_sent_by_other_sites(
    guarded: httpx.AsyncClient, redis: Redis
) -> None:
    response = await sign_in(guarded, f" {READS}\n")
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "Path=/" in cookie
    assert "Secure" not in cookie  # over plain HTTP it would not come back
    token = guarded.cookies[SESSION_COOKIE]
    assert len(token) > 40
    stored = [each.decode() async for each in redis.scan_iter(f"{keys.PREFIX}session:*")]
    assert len(stored) == 1
    assert token not in stored[0]  # a copy of the store opens no session
    assert 0 < await redis.ttl(stored[0]) <= 12 * 3600
    assert READS not in cookie


async def test_behind_https_the_cookie_is_sent_over_https_alone(open_api: OpenApi) -> None:
    client = await open_api(keys=ALL)
    client.base_url = httpx.URL("https://localhost")
    response = await client.post("/login", data={"key": READS}, headers={"Origin": "https://localhost"})
    assert "Secure" in response.headers["set-cookie"]


@pytest.mark.parametrize("text", ["", "wrong", READS + "x", READS.upper(), "ключ", "x" * 5000])
async def test_a_wrong_key_opens_nothing(guarded: httpx.AsyncClient, text: str) -> None:
    response = await sign_in(guarded, text)
    page = page_of(response, 401)
    assert "There is no such key" in page.words
    assert "set-cookie" not in response.headers
    assert (await guarded.get("/jobs")).status_code == 303


async def test_a_cookie_of_ones_own_opens_nothing(guarded: httpx.AsyncClient) -> None:
    for forged in ("", "x", ALL[3].sha256, READS, "a" * 5000):
        response = await guarded.get("/jobs", headers={"Cookie": f"{SESSION_COOKIE}={forged}"})
        assert response.status_code == 303


async def test_signing_out_ends_the_session_for_every_copy_of_the_cookie(guarded: httpx.AsyncClient) -> None:
    await sign_in(guarded, READS)
    copy = {"Cookie": f"{SESSION_COOKIE}={guarded.cookies[SESSION_COOKIE]}"}
    assert (await guarded.get("/jobs")).status_code == 200
    response = await guarded.post("/logout", headers=OWN)
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert (await guarded.get("/jobs")).status_code == 303
    guarded.cookies.clear()
    assert (await guarded.get("/jobs", headers=copy)).status_code == 303


async def test_a_session_ends_with_its_key(open_api: OpenApi) -> None:
    before = await open_api(keys=ALL)
    await sign_in(before, READS)
    after = await open_api(keys=(key(RULES, "admin"),))
    after.cookies.update(before.cookies)
    assert (await after.get("/jobs")).status_code == 303


async def test_a_session_has_the_scopes_of_its_key_and_sees_the_jobs_of_its_name(open_api: OpenApi) -> None:
    reads, submits, labels = "bot-reads", "bot-submits", "bot-labels"
    client = await open_api(
        keys=(key(reads, "read"), key(submits, "submit", "read"), key(labels, "label"), *ALL),
    )
    submitted = await client.post("/v1/jobs", json=ORDER, headers=bearer(submits))
    path = f"/jobs/{submitted.json()['id']}"
    seen = {reads: (200, False), labels: (403, False), READS: (404, False), submits: (200, True), RULES: (200, True)}
    for text, (status, changes) in seen.items():
        client.cookies.clear()
        await sign_in(client, text)
        page = page_of(await client.get(path), status)
        assert page.has("form", method="post", action=f"{path}/cancel") is changes
        listed = f"{path}" in (await client.get("/jobs")).text.replace("&#x2f;", "/")
        assert listed is (status == 200)
        if not changes:
            refused = page_of(await client.post(f"{path}/cancel", headers=OWN), 403)
            assert "lacks the scope submit" in refused.words
    client.cookies.clear()
    await sign_in(client, READS)
    for listed_at in ("/jobs", "/benchmarks", "/arena"):
        assert "yet by your key, which sees its own alone" in page_of(await client.get(listed_at)).words
    await client.post("/v1/labels", json={"labels": [LABEL]}, headers=bearer(RULES))
    item = page_of(await client.get("/items/one"))
    assert "came with a job of another key: yours sees its own alone" in item.words
    assert "or are another key's" in item.words
    client.cookies.clear()
    await sign_in(client, RULES)
    assert (await client.get(f"/v1{path}", headers=bearer(RULES))).json()["counts"]["pending"] == 1
    assert (await client.post(f"{path}/cancel", headers=OWN)).headers["location"] == path
    assert (await client.get(f"/v1{path}", headers=bearer(RULES))).json()["counts"]["cancelled"] == 1


async def test_a_session_opens_no_operation_of_the_api(guarded: httpx.AsyncClient) -> None:
    await sign_in(guarded, RULES)
    assert (await guarded.get("/v1/jobs")).status_code == 401
    assert (await guarded.post("/v1/jobs", json=ORDER)).status_code == 401


FOREIGN: list[dict[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_forms_of_other_origins_are_refused(guarded: httpx.AsyncClient, headers: dict[str, str]) -> None:
    await sign_in(guarded, RULES)
    submitted = await guarded.post("/v1/jobs", json=ORDER, headers=bearer(RULES))
    path = f"/jobs/{submitted.json()['id']}"
    for address in (f"{path}/cancel", "/logout", "/login"):
        page = page_of(await guarded.post(address, data={"key": READS}, headers=headers), 403)
        assert "a page of another site may not send this request" in page.words
    assert (await guarded.get(path)).status_code == 200
    assert (await guarded.get(f"/v1{path}", headers=bearer(RULES))).json()["counts"]["pending"] == 1


async def test_forms_of_other_origins_are_refused_without_keys_too(api: httpx.AsyncClient) -> None:
    job = (await api.post("/v1/jobs", json=ORDER)).json()
    response = await api.post(f"/jobs/{job['id']}/cancel", headers={"Origin": "https://evil.example"})
    page_of(response, 403)
    assert (await api.post(f"/jobs/{job['id']}/cancel", headers=OWN)).status_code == 303
    assert "No keys are configured" in page_of(await api.get("/login")).words


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/jobs?x=1#y", "/jobs?x=1#y"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        ("/a\r\nSet-Cookie: x=1", "/"),
        ("/\u2028", "/"),
    ],
)
async def test_signing_in_leads_to_pages_of_ones_own_alone(guarded: httpx.AsyncClient, given: str, path: str) -> None:
    assert own_path(given) == path
    assert (await sign_in(guarded, READS, next=given)).headers["location"] == path


async def test_docs_need_no_key(guarded: httpx.AsyncClient) -> None:
    for path in ("/docs", "/docs/guide-judging", "/docs/api", "/docs/api/submitJob", "/login"):
        page_of(await guarded.get(path))


async def test_errors_of_pages_are_pages(api: httpx.AsyncClient, store_url: str, open_api: Any) -> None:
    page = page_of(await api.get("/jobs/job_none"), 404)
    assert "there is no job job_none" in page.words
    away = await open_api(store={"redis_url": "redis://127.0.0.1:1/0"})
    response = await away.get("/")
    assert "the store is unavailable" in page_of(response, 503).words
    assert response.headers["retry-after"]
