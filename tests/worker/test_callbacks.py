"""A finished job is posted to its callback until a POST succeeds, or has failed too often."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from redis.asyncio import Redis
from standardwebhooks import Webhook, WebhookVerificationError

from service.agreement.recording import record_judgments
from service.contracts.jobs import Job, JobCallback, JobRecord
from service.contracts.outcomes import JobStatus
from service.jobs import callback_secret
from service.store import jobs
from service.store.installations import installation_secret
from service.store.queue import Requeue
from tests.described import DOCUMENT
from tests.store.made import committed, finished
from worker.callbacks import Callbacks

WAITS_S = [5, 30, 120, 600, 3600, 7200, 14_400, 21_600, 28_800, 10_045]


class Receiver:
    """A server on loopback that answers each POST with the next of `statuses`, the last one again and again."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.sent: list[str] = []  # the heads as they came
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.url = ""

    async def receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sent.append((await reader.readuntil(b"\r\n\r\n")).decode())
        head = self.sent[-1].lower()
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
    callbacks = Callbacks(redis, ["127.0.0.1"])
    yield callbacks
    await callbacks.aclose()


async def finished_job(redis: Redis, url: str | None) -> JobRecord:
    record = await committed(redis, 2, callback_url=url)
    await record_judgments(redis, [finished(record, 0), finished(record, 1)], keep_s=1000)
    return record


async def delivery(redis: Redis, record: JobRecord) -> JobCallback:
    found = await jobs.load_job(redis, record.id)
    assert found is not None
    assert isinstance(found[1].callback, JobCallback)
    return found[1].callback


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


async def test_the_post_is_as_the_openapi_document_describes_it(redis: Redis, callbacks: Callbacks) -> None:
    [described] = DOCUMENT["paths"]["/v1/jobs"]["post"]["callbacks"]["finishedJob"].values()
    async with receiving(200) as receiver:
        record = await finished_job(redis, receiver.url)
        await callbacks.call_back(record.id)
    assert all(f"\r\n{each['name']}: " in receiver.heads[0] for each in described["post"]["parameters"])
    schema = described["post"]["requestBody"]["content"]["application/json"]["schema"]
    body = jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]}, validate_formats=True)
    body.validate(msgspec.json.decode(receiver.bodies[0]))


@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
async def test_all_but_success_is_tried_again_later(redis: Redis, callbacks: Callbacks, status: int) -> None:
    async with receiving(status, 200) as receiver:
        record = await finished_job(redis, receiver.url)
        assert await waits_of(callbacks, record.id, 2) == [WAITS_S[0], None]
    assert len(receiver.bodies) == 2


async def test_it_is_given_up_after_a_day_of_ever_longer_waits(redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    assert sum(WAITS_S) == 24 * 3600
    async with receiving(500) as receiver:
        record = await finished_job(redis, receiver.url)
        waits = []
        for _ in range(11):  # a new worker each time: the attempts are counted in the job
            callbacks = Callbacks(redis, ["127.0.0.1"])
            waits += await waits_of(callbacks, record.id, 1)
            await callbacks.aclose()
        assert waits == [*WAITS_S, None]
    assert len(receiver.bodies) == 11
    assert f"{record.id}: its callback was given up after 11 attempts: status 500" in caplog.text
    assert await delivery(redis, record) == JobCallback(status="failed", attempts=11, last_error="status 500")


async def test_the_job_tells_how_far_the_delivery_is(redis: Redis, callbacks: Callbacks) -> None:
    async with receiving(500, 200) as receiver:
        record = await finished_job(redis, receiver.url)
        assert await delivery(redis, record) == JobCallback(status="pending", attempts=0, last_error=None)
        await waits_of(callbacks, record.id, 1)
        assert await delivery(redis, record) == JobCallback(status="pending", attempts=1, last_error="status 500")
        await callbacks.call_back(record.id)
        assert await delivery(redis, record) == JobCallback(status="delivered", attempts=2, last_error=None)


async def test_gone_ends_the_delivery(redis: Redis, callbacks: Callbacks) -> None:
    async with receiving(410) as receiver:
        record = await finished_job(redis, receiver.url)
        assert await waits_of(callbacks, record.id, 1) == [None]
    assert await delivery(redis, record) == JobCallback(status="failed", attempts=1, last_error="status 410")


async def test_every_attempt_is_signed_under_one_id(redis: Redis, callbacks: Callbacks) -> None:
    async with receiving(500, 200) as receiver:
        record = await finished_job(redis, receiver.url)
        await waits_of(callbacks, record.id, 2)
    secret = callback_secret(await installation_secret(redis), record.owner)
    for head, body in zip(receiver.sent, receiver.bodies, strict=True):
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        assert headers["webhook-id"] == record.id
        assert Webhook(secret).verify(body, headers)["id"] == record.id
        with pytest.raises(WebhookVerificationError):
            Webhook(callback_secret(b"other", None)).verify(body, headers)


class Fixed(AbstractResolver):
    """Resolves every name to these addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        self.asked.append(host)
        return [
            ResolveResult(hostname=host, host=each, port=port, family=socket.AF_INET, proto=0, flags=0)
            for each in self.addresses
        ]

    async def close(self) -> None:
        pass


async def test_a_name_of_a_private_address_is_never_called(redis: Redis) -> None:
    async with receiving(200) as receiver:
        port = receiver.url.rpartition(":")[2].partition("/")[0]
        callbacks = Callbacks(redis, [], Fixed("127.0.0.1", "10.0.0.1"))
        record = await finished_job(redis, f"http://hooks.example:{port}/done?token=secret")
        assert await waits_of(callbacks, record.id, 1) == [5]
        literal = await finished_job(redis, receiver.url)
        assert await waits_of(callbacks, literal.id, 1) == [5]
        await callbacks.aclose()
    assert receiver.bodies == []
    for each in (record, literal):
        assert "not public" in str((await delivery(redis, each)).last_error)


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to(redis: Redis) -> None:
    async with receiving(200) as receiver:
        port = receiver.url.rpartition(":")[2].partition("/")[0]
        resolver = Fixed("10.255.255.1", "127.0.0.1")  # only the second one is listed
        callbacks = Callbacks(redis, ["127.0.0.1"], resolver)
        record = await finished_job(redis, f"http://hooks.example:{port}/done")
        await callbacks.call_back(record.id)
        await callbacks.aclose()
    assert resolver.asked == ["hooks.example"]  # once: the name is not resolved again to connect
    assert f"host: hooks.example:{port}" in receiver.heads[0]


async def test_a_redirect_is_not_followed(redis: Redis, callbacks: Callbacks) -> None:
    async with receiving(302) as receiver:
        record = await finished_job(redis, receiver.url)
        assert await waits_of(callbacks, record.id, 1) == [5]
    assert len(receiver.bodies) == 1
    assert (await delivery(redis, record)).last_error == "status 302"


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
    assert "no connection: ClientConnectorError" in caplog.text
    assert "secret" not in caplog.text + str(await delivery(redis, record))


async def test_a_job_without_a_callback_or_that_has_expired_is_not_posted(redis: Redis, callbacks: Callbacks) -> None:
    record = await finished_job(redis, None)
    assert await waits_of(callbacks, record.id, 1) == [None]
    assert await waits_of(callbacks, "job_nope", 1) == [None]
