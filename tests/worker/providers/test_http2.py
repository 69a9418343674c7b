"""HTTP/2 to servers that have it: more calls at once than a connection takes, lost and cut connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from service.contracts.outcomes import Reason
from tests.stubs.authority import Authority
from tests.stubs.http2_server import Http2Server
from tests.worker.providers.stubbed import Config
from worker.providers import http
from worker.providers.base import ProviderError
from worker.providers.http import HttpClient

PATH = "/chat/completions"


@asynccontextmanager
async def spoken(
    folder: Path, *, delay: float = 0.0, together: int = 0
) -> AsyncIterator[tuple[Http2Server, HttpClient]]:
    authority = Authority(folder)
    async with Http2Server(authority.server_context(), delay=delay, together=together) as server:
        base_url = f"https://127.0.0.1:{server.port}/v1"
        config = Config(kind="openai", base_url=base_url, ca_file=authority.file, timeout_seconds=50)
        client = HttpClient(config, {})
        try:
            yield server, client
        finally:
            await client.aclose()


async def test_calls_share_a_connection(tmp_path: Path) -> None:
    async with spoken(tmp_path, delay=0.05) as (server, client):
        assert (await client.post(PATH, b"{}")).body == b"{}"
        await asyncio.gather(*(client.post(PATH, b"{}") for _ in range(20)))
    assert len(server.connections) == 1
    assert server.peak == 20


async def test_more_calls_than_a_connection_takes_do_not_wait_for_one_another(tmp_path: Path) -> None:
    async with spoken(tmp_path, together=256) as (server, client):
        replies = await asyncio.gather(*(client.post(PATH, b"{}") for _ in range(256)))
    assert {each.status for each in replies} == {200}
    assert server.peak == 256


async def test_a_cancelled_call_ends_alone(tmp_path: Path) -> None:
    async with spoken(tmp_path) as (server, client):
        await client.post(PATH, b"{}")
        server.delay = 0.3
        other, cancelled = (asyncio.create_task(client.post(PATH, b"{}")) for _ in range(2))
        await asyncio.sleep(0.05)
        cancelled.cancel()
        assert (await other).status == 200
        await asyncio.gather(cancelled, return_exceptions=True)
    assert len(server.connections) == 1


async def test_a_connection_that_is_cut_is_an_error_that_may_pass(tmp_path: Path) -> None:
    async with spoken(tmp_path, delay=5.0) as (server, client):
        call = asyncio.create_task(client.post(PATH, b"{}"))
        await server.called.wait()
        server.connections[0].abort()
        with pytest.raises(ProviderError) as caught:
            await call
    assert (caught.value.reason, caught.value.retryable) == (Reason.PROVIDER_ERROR, True)


async def test_a_connection_that_is_silent_is_not_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PING_SECONDS", 0.2)
    monkeypatch.setattr(http, "PONG_SECONDS", 0.2)
    async with spoken(tmp_path) as (server, client):
        await client.post(PATH, b"{}")
        server.deaf = True
        with pytest.raises(ProviderError, match="answers no ping") as caught:
            await client.post(PATH, b"{}")
        assert (caught.value.reason, caught.value.retryable) == (Reason.TIMEOUT, True)
        server.deaf = False
        assert (await client.post(PATH, b"{}")).status == 200
