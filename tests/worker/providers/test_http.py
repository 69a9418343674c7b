import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from service.contracts.outcomes import Reason
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply
from tests.worker.providers.stubbed import KEY, Config
from worker.providers.base import ProviderError
from worker.providers.http import MAX_RESPONSE_BYTES, RETRYABLE, HttpClient, provider_error

PATH = "/chat/completions"


@asynccontextmanager
async def client_of(base_url: str, timeout_seconds: float = 5.0) -> AsyncIterator[HttpClient]:
    config = Config(kind="openai", base_url=base_url, timeout_seconds=timeout_seconds)
    client = HttpClient(config, {"authorization": f"Bearer {KEY}"})
    try:
        yield client
    finally:
        await client.aclose()


async def post(reply: Reply, timeout_seconds: float = 5.0) -> tuple[int, bytes]:
    async with (
        ModelServer("openai", lambda body: reply) as server,
        client_of(server.base_url, timeout_seconds) as client,
    ):
        status, _, body = await client.post(PATH, b"{}")
    return status, body


async def error_of(reply: Reply, timeout_seconds: float = 5.0) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await post(reply, timeout_seconds)
    return caught.value


@pytest.mark.parametrize("status", [200, 404, 429, 500, 529])
async def test_a_response_is_returned_whatever_its_status(status: int) -> None:
    assert await post(Reply(status=status, body=b"whatever")) == (status, b"whatever")


async def test_a_redirect_is_returned_and_not_followed() -> None:
    status, _ = await post(Reply(status=302, headers={"location": "http://127.0.0.1:9/"}, body=b""))
    assert status == 302


async def test_a_server_that_never_answers_is_a_timeout() -> None:
    error = await error_of(Reply(hang=True), timeout_seconds=0.1)
    assert (error.reason, error.retryable) == (Reason.TIMEOUT, True)


async def test_a_body_that_drips_is_bounded_by_the_total_time() -> None:
    started = time.monotonic()
    error = await error_of(Reply(body=b"x" * 1000, drip=0.02), timeout_seconds=0.2)
    assert error.reason is Reason.TIMEOUT
    assert time.monotonic() - started < 2


async def test_a_connection_cut_inside_the_body_is_an_error_that_may_pass() -> None:
    error = await error_of(Reply(body=b"x" * 1000, reset=True))
    assert (error.reason, error.retryable) == (Reason.PROVIDER_ERROR, True)
    assert isinstance(error.__cause__, httpx.HTTPError)


async def test_a_connection_cut_before_the_answer_is_no_timeout_and_is_not_tried_again() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        accepted.append(writer)
        writer.transport.abort()

    accepted: list[asyncio.StreamWriter] = []
    async with raw_server(hang_up) as base_url, client_of(base_url) as client:
        with pytest.raises(ProviderError) as caught:
            await client.post(PATH, b"{}")
    assert (caught.value.reason, caught.value.retryable) == (Reason.PROVIDER_ERROR, True)
    assert len(accepted) == 1


async def test_a_malformed_response_is_an_error_that_may_pass() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 two hundred\r\n\r\n")
        await writer.drain()
        writer.close()

    async with raw_server(answer) as base_url, client_of(base_url) as client:
        with pytest.raises(ProviderError) as caught:
            await client.post(PATH, b"{}")
    assert (caught.value.reason, caught.value.retryable) == (Reason.PROVIDER_ERROR, True)


async def test_a_refused_connection_is_an_error_that_may_pass() -> None:
    async with ModelServer("openai") as server:
        base_url = server.base_url
    async with client_of(base_url) as client:
        with pytest.raises(ProviderError, match="Cannot connect") as caught:
            await client.post(PATH, b"{}")
    assert (caught.value.reason, caught.value.retryable) == (Reason.PROVIDER_ERROR, True)


async def test_an_address_that_is_none_will_not_get_better() -> None:
    async with client_of("ftp://127.0.0.1") as client:
        with pytest.raises(ProviderError) as caught:
            await client.post(PATH, b"{}")
    assert not caught.value.retryable


async def test_a_body_over_the_limit_is_refused() -> None:
    error = await error_of(Reply(body=b"x" * (MAX_RESPONSE_BYTES + 1)))
    assert (error.reason, error.retryable) == (Reason.PROVIDER_ERROR, False)


async def test_the_limit_holds_for_what_a_small_body_unpacks_to() -> None:
    bomb = gzip.compress(b"x" * (4 * MAX_RESPONSE_BYTES))
    error = await error_of(Reply(body=bomb, headers={"content-encoding": "gzip"}))
    assert "longer than" in str(error)


async def test_a_body_compressed_unasked_is_read() -> None:
    reply = Reply(body=gzip.compress(b"hello"), headers={"content-encoding": "gzip"})
    assert await post(reply) == (200, b"hello")


async def test_a_body_that_does_not_unpack_is_an_error_that_may_pass() -> None:
    error = await error_of(Reply(body=b"not gzip", headers={"content-encoding": "gzip"}))
    assert (error.reason, error.retryable) == (Reason.PROVIDER_ERROR, True)


async def test_cookies_are_not_kept_and_proxies_of_the_environment_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    reply = Reply(text="hello", headers={"set-cookie": "who=me"})
    async with ModelServer("openai", lambda body: reply) as server, client_of(server.base_url) as client:
        await client.post(PATH, b"{}")
        await client.post(PATH, b"{}")
    assert "cookie" not in server.requests[1].headers
    assert server.requests[1].headers["authorization"] == f"Bearer {KEY}"
    assert server.requests[1].headers["content-type"] == "application/json"


async def test_a_cancelled_call_stays_cancelled() -> None:
    arrived = asyncio.Event()

    def reply(body: dict[str, Any]) -> Reply:
        arrived.set()
        return Reply(hang=True)

    async with ModelServer("openai", reply) as server, client_of(server.base_url) as client:
        call = asyncio.create_task(client.post(PATH, b"{}"))
        await arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_as_many_calls_run_at_once_as_are_allowed() -> None:
    all_there = asyncio.Event()

    def reply(body: dict[str, Any]) -> Reply:
        if server.running == 256:
            all_there.set()
        return Reply(hang=True)

    async with ModelServer("openai", reply) as server, client_of(server.base_url) as client:
        calls = [asyncio.create_task(client.post(PATH, b"{}")) for _ in range(257)]
        await all_there.wait()
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    assert server.peak == 256


def test_every_exception_of_httpx_is_translated() -> None:
    exported = [getattr(httpx, name) for name in httpx.__all__]
    classes = [each for each in exported if isinstance(each, type) and issubclass(each, Exception)]
    abstract = {httpx.HTTPError, httpx.RequestError, httpx.TransportError, httpx.ProtocolError}
    unmapped = {each for each in classes if not any(parent in RETRYABLE for parent in each.__mro__)}
    assert unmapped == abstract


def test_a_timeout_of_httpx_is_a_timeout() -> None:
    assert provider_error(httpx.ReadTimeout("slow")).reason is Reason.TIMEOUT


@asynccontextmanager
async def raw_server(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object],
) -> AsyncIterator[str]:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)  # type: ignore[arg-type]
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
