"""A finished job is posted to its callback until a POST succeeds, or has failed too often."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from redis.asyncio import Redis

from service.agreement.recording import record_judgments
from service.contracts.jobs import Job, JobRecord
from service.contracts.outcomes import JobStatus
from service.store.queue import Requeue
from tests.store.made import committed, finished
from worker.callbacks import Callbacks

WAITS_S = [5, 30, 120, 600, 3600]


class Receiver:
    """A server on loopback that answers each POST with the next of `statuses`, the last one again and again."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.url = ""

    async def receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        self.heads.append(head)
        self.bodies.append(await reader.readexactly(length))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        location = "location: /elsewhere\r\n" if status == 302 else ""
        writer.write(f"HTTP/1.1 {status} X\r\n{location}content-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[Receiver]:
    receiver = Receiver(*statuses)
    server = await asyncio.start_server(receiver.receive, "127.0.0.1", 0)
    async with server:
        receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/done"
        yield receiver


@pytest.fixture
async def callbacks(redis: Redis) -> AsyncIterator[Callbacks]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield Callbacks(redis, client)


async def finished_job(redis: Redis, url: str | None) -> JobRecord:
    record = await committed(redis, 2, callback_url=url)
    await record_judgments(redis, [finished(record, 0), finished(record, 1)], keep_s=1000)
    return record


async def waits_of(callbacks: Callbacks, job_id: str, tries: int) -> list[float | None]:
    """The wait after each of some tries, None after one that is not tried again."""
    waits: list[float | None] = []
    for _ in range(tries):
        try:
            await callbacks.call_back(job_id)
        except Requeue as again:
            waits.append(again.delay_s)
        else:
            waits.append(None)
    return waits


async def test_the_job_is_posted_as_json_without_its_judgments(redis: Redis, callbacks: Callbacks) -> None:
    async with receiving(204) as receiver:
        record = await finished_job(redis, receiver.url)
        await callbacks.call_back(record.id)
    [body], [head] = receiver.bodies, receiver.heads
    job = msgspec.json.decode(body, type=Job)
    assert (job.id, job.status, job.counts.scored) == (record.id, JobStatus.COMPLETED, 2)
    assert "judgments" not in msgspec.json.decode(body)
    assert head.startswith("post /done ")
    assert "content-type: application/json\r\n" in head


@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
async def test_all_but_success_is_tried_again_later(redis: Redis, callbacks: Callbacks, status: int) -> None:
    async with receiving(status, 200) as receiver:
        record = await finished_job(redis, receiver.url)
        assert await waits_of(callbacks, record.id, 2) == [WAITS_S[0], None]
    assert len(receiver.bodies) == 2


async def test_it_is_given_up_after_ever_longer_waits(
    redis: Redis, callbacks: Callbacks, caplog: pytest.LogCaptureFixture
) -> None:
    async with receiving(500) as receiver:
        record = await finished_job(redis, receiver.url)
        assert await waits_of(callbacks, record.id, 6) == [*WAITS_S, None]
    assert len(receiver.bodies) == 6
    assert f"{record.id}: its callback was given up: HTTPStatusError" in caplog.text


async def test_a_success_ends_the_count_of_failures(redis: Redis, callbacks: Callbacks) -> None:
    async with receiving(500, 500, 200, 500) as receiver:
        record = await finished_job(redis, receiver.url)
        assert await waits_of(callbacks, record.id, 4) == [5, 30, None, 5]


async def test_jobs_fail_apart_from_each_other(redis: Redis, callbacks: Callbacks) -> None:
    async with receiving(500) as receiver:
        one, other = [await finished_job(redis, receiver.url) for _ in range(2)]
        assert await waits_of(callbacks, one.id, 2) == [5, 30]
        assert await waits_of(callbacks, other.id, 1) == [5]


async def test_a_server_that_is_away_is_tried_again_and_its_url_is_not_logged(
    redis: Redis, callbacks: Callbacks, caplog: pytest.LogCaptureFixture
) -> None:
    record = await finished_job(redis, "http://127.0.0.1:1/?token=secret")
    assert await waits_of(callbacks, record.id, 1) == [5]
    assert "ConnectError" in caplog.text
    assert "secret" not in caplog.text


async def test_a_job_without_a_callback_or_that_has_expired_is_not_posted(redis: Redis, callbacks: Callbacks) -> None:
    record = await finished_job(redis, None)
    assert await waits_of(callbacks, record.id, 1) == [None]
    assert await waits_of(callbacks, "job_nope", 1) == [None]
