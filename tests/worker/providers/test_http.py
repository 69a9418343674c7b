import asyncio
import contextlib
import gzip
import os
import time
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pyreqwest import exceptions as pyreqwest_errors
from pyreqwest.exceptions import DetailedPyreqwestError, PyreqwestError

from service.contracts.outcomes import Reason
from tests.benchmarks.judging import memory_mb
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply
from tests.worker.providers.stubbed import KEY, Config
from worker.providers.base import ProviderError
from worker.providers.http import MAX_RESPONSE_BYTES, RETRYABLE, HttpClient

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


async def test_a_body_that_comes_in_many_pieces_takes_no_buffer_for_each() -> None:
    resident: list[float] = []

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 6000\r\n\r\n")
        for number in range(6000):
            if number % 100 == 0:
                resident.append(memory_mb(os.getpid()))
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.0002)

    async with raw_server(drip) as base_url, client_of(base_url, timeout_seconds=60) as client:
        reply = await client.post(PATH, b"{}")
    assert reply.body == b"x" * 6000
    assert max(resident) - resident[0] < 25  # a buffer for each would take 50 MB


async def test_a_connection_cut_inside_the_body_is_an_error_that_may_pass() -> None:
    error = await error_of(Reply(body=b"x" * 1000, reset=True))
    assert (error.reason, error.retryable) == (Reason.PROVIDER_ERROR, True)
    assert isinstance(error.__cause__, PyreqwestError)


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


async def test_a_cancelled_call_holds_its_connection_no_longer_than_the_time_limit() -> None:
    arrived, closed = asyncio.Event(), asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        arrived.set()
        assert await reader.read() == b""
        closed.set()

    async with raw_server(hang) as base_url, client_of(base_url, timeout_seconds=0.5) as client:
        call = asyncio.create_task(client.post(PATH, b"{}"))
        await arrived.wait()
        call.cancel()
        await closed.wait()


async def test_a_head_that_drips_is_bounded_by_the_total_time() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\n")
        with contextlib.suppress(ConnectionError):
            for number in range(1000):
                writer.write(b"x-%d: y\r\n" % number)
                await writer.drain()
                await asyncio.sleep(0.02)

    async with raw_server(drip) as base_url, client_of(base_url, timeout_seconds=0.2) as client:
        with pytest.raises(ProviderError, match=r"no answer within 0\.2 s") as caught:
            await client.post(PATH, b"{}")
    assert caught.value.reason is Reason.TIMEOUT


async def test_a_call_that_waits_for_a_connection_is_bounded_by_the_total_time() -> None:
    async with ModelServer("openai", lambda body: Reply(hang=True)) as server:
        config = Config(kind="openai", base_url=server.base_url, timeout_seconds=0.2, max_concurrency=1)
        client = HttpClient(config, {})
        errors = await asyncio.gather(*(client.post(PATH, b"{}") for _ in range(2)), return_exceptions=True)
        await client.aclose()
    assert [isinstance(each, ProviderError) and each.reason for each in errors] == [Reason.TIMEOUT] * 2


async def test_headers_that_are_no_text_are_left_out() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 429 Busy\r\nRetry-After: 7\r\nx-city: K\xf6ln\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with raw_server(answer) as base_url, client_of(base_url) as client:
        reply = await client.post(PATH, b"{}")
    assert (reply.status, reply.headers, reply.body) == (429, {"retry-after": "7", "content-length": "0"}, b"")


async def test_a_header_that_can_t_be_sent_is_named_without_its_value() -> None:
    config = Config(kind="openai", base_url="http://127.0.0.1:9", headers={"X-Team": "hidden\nword"})
    client = HttpClient(config, {})
    with pytest.raises(ProviderError, match="the header 'x-team'") as caught:
        await client.get(PATH)
    assert not caught.value.retryable
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


async def test_an_address_s_query_is_in_no_message() -> None:
    async with ModelServer("openai") as server:
        port = server.port
    config = Config(kind="openai", base_url=f"http://127.0.0.1:{port}", query={"key": "hidden-word"})
    with pytest.raises(ProviderError, match=f"Cannot connect to 127.0.0.1:{port}") as caught:
        await HttpClient(config, {}).get(PATH)
    assert "hidden-word" not in str(caught.value)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_compressed_body_that_breaks_off_is_an_error_that_may_pass(coding: str) -> None:
    whole = gzip.compress(b"hello" * 1000) if coding == "gzip" else zlib.compress(b"hello" * 1000)
    error = await error_of(Reply(body=whole[:20], headers={"content-encoding": coding}))
    assert (error.reason, error.retryable) == (Reason.PROVIDER_ERROR, True)


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


def test_every_exception_of_pyreqwest_is_translated() -> None:
    classes = [each for each in vars(pyreqwest_errors).values() if isinstance(each, type)]
    raised = [each for each in classes if issubclass(each, PyreqwestError)]
    abstract = {PyreqwestError, DetailedPyreqwestError}
    unmapped = {each for each in raised if not any(parent in RETRYABLE for parent in each.__mro__)}
    assert len(raised) > 20
    assert unmapped == abstract


@asynccontextmanager
async def raw_server(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]],
) -> AsyncIterator[str]:
    handlers: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers[writer] = asyncio.create_task(handle(reader, writer))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for writer, handler in handlers.items():
        handler.cancel()
        writer.transport.abort()
    await asyncio.gather(*handlers.values(), return_exceptions=True)
