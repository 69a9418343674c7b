"""The API without a socket, on a real store."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, cast

import httpx
import pytest
from redis.asyncio import Redis

from service.config.settings import Settings
from service.store import keys
from tests.apps import app_of
from tests.described import CHECKED
from tests.flows.conftest import Row, serve, settings_for

__all__ = ["serve"]

OpenApi = Callable[..., Any]
PROBLEM = "application/problem+json"
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@asynccontextmanager
async def client_of(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client that calls an application in this process."""
    with app_of(settings) as app:
        transport = httpx.ASGITransport(cast("Any", app))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", event_hooks=CHECKED) as client:
            yield client
        for close in app.on_shutdown:
            await cast("Any", close)(app)


@pytest.fixture
def settings(store_url: str) -> Settings:
    return settings_for(store_url, {})


@pytest.fixture
async def open_api(redis: Redis, store_url: str) -> AsyncIterator[OpenApi]:
    """`await open_api(server={"max_items": 3})` gives a client of an API whose settings differ by that."""
    async with AsyncExitStack() as stack:

        async def opened(**changes: Any) -> httpx.AsyncClient:
            settings = settings_for(store_url, changes)
            context: AbstractAsyncContextManager[httpx.AsyncClient] = client_of(settings)
            return await stack.enter_async_context(context)

        yield opened


@pytest.fixture
async def api(open_api: OpenApi) -> httpx.AsyncClient:
    """A client of an API with the usual settings: no keys, no provider but `control`."""
    client: httpx.AsyncClient = await open_api()
    return client


async def is_untouched(redis: Redis) -> bool:
    """Whether the store holds no job, no staged chunk and nothing queued: at most the secret that every start makes."""
    found = {key.decode() async for key in redis.scan_iter(f"{keys.PREFIX}*")}
    return found <= {keys.SECRET, keys.PACKED}


def problem_of(response: httpx.Response, status: int, code: str) -> Row:
    """The problem that a response is, checked for what every problem has."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    problem: Row = response.json()
    assert problem["type"] == f"urn:judged:problem:{code}"
    assert problem["status"] == status
    assert problem["title"] == TITLES[status]
    assert problem["detail"]
    for error in problem.get("errors", []):
        assert set(error) == {"pointer", "detail"}
        assert error["detail"]
    return problem


def pointers(response: httpx.Response, status: int = 400, code: str = "invalid-request") -> list[str]:
    """The places that a refusal names, in its order."""
    return [error["pointer"] for error in problem_of(response, status, code).get("errors", [])]
