"""A foreign page can't use the service through the browser of somebody who can reach it."""

import re
from hashlib import sha256
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from service.api.origins import is_loopback_name
from service.config.settings import KeySettings
from tests.api.conftest import OpenApi, is_untouched, problem_of

ORDER: dict[str, Any] = {"judge": "helpfulness", "items": [{"output": "x"}]}
KEY = KeySettings(name="bot", sha256=sha256(b"k").hexdigest(), scopes=("admin",))


OWN = ["localhost", "localhost:8000", "127.0.0.1:8000", "127.8.8.8", "[::1]:80", "a.localhost"]
FOREIGN = ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "10.0.0.7", "[::2]", "[", ":80"]


@pytest.mark.parametrize("host", OWN)
async def test_an_open_api_answers_under_loopback_names(api: httpx.AsyncClient, host: str) -> None:
    assert (await api.get("/v1/jobs", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("path", ["/v1/jobs", "/metrics", "/healthz", "/schema"])
async def test_an_open_api_refuses_every_other_host(api: httpx.AsyncClient, host: str, path: str) -> None:
    problem_of(await api.get(path, headers={"Host": host}), 403, "foreign-host")


async def test_with_keys_any_host_is_answered(open_api: OpenApi) -> None:
    api = await open_api(keys=(KEY,))
    headers = {"Host": "judged.example", "Authorization": "Bearer k"}
    assert (await api.get("/v1/jobs", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 202),
        ({"Origin": "http://localhost"}, 202),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://proxied.example"}, 202),
        ({"Sec-Fetch-Site": "none"}, 202),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost:8001"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_a_page_of_another_site_may_not_change_anything(
    api: httpx.AsyncClient, redis: Redis, headers: dict[str, str], status: int
) -> None:
    response = await api.post("/v1/jobs", json=ORDER, headers=headers)
    assert response.status_code == status, response.text
    assert await is_untouched(redis) is (status == 403)
    assert (await api.get("/v1/jobs", headers=headers)).status_code == 200


@pytest.mark.parametrize("form", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"])
async def test_no_form_reaches_a_method_that_changes_or_pays(api: httpx.AsyncClient, form: str) -> None:
    document = (await api.get("/schema")).json()
    for path, item in document["paths"].items():
        for method in item.keys() - {"get", "head"}:
            url = re.sub(r"\{.*?\}", "x", path)
            response = await api.request(method, url, content=b"{}", headers={"Content-Type": form})
            problem_of(response, 415, "unsupported-media-type")


def test_names_that_only_look_like_loopback_are_none() -> None:
    assert is_loopback_name("LOCALHOST:1")
    assert not is_loopback_name("localhost@evil.example")
    assert not is_loopback_name("")
