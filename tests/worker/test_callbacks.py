"""The POST that tells the end of a job."""

import httpx
import pytest
from redis.asyncio import Redis

from service.store.queue import Requeue
from tests.store.made import committed
from worker.callbacks import Callbacks

URL = "https://done.example.invalid/judged"


def callbacks(redis: Redis, *statuses: int) -> tuple[Callbacks, list[httpx.Request]]:
    """Callbacks to an address that answers with these statuses in turn, and the requests that came."""
    left, asked = list(statuses), []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(left.pop(0))

    return Callbacks(redis, httpx.AsyncClient(transport=httpx.MockTransport(answer))), asked


async def test_a_job_without_an_address_is_told_to_nobody(redis: Redis) -> None:
    told, asked = callbacks(redis)
    await told.call_back((await committed(redis, 1)).id)
    await told.call_back("job_of_another_time")
    assert not asked


async def test_it_is_tried_again_after_longer_and_longer_waits(redis: Redis) -> None:
    record = await committed(redis, 1, callback_url=URL)
    told, asked = callbacks(redis, 500, 503, 204)
    waits = []
    for _ in range(2):
        with pytest.raises(Requeue) as caught:
            await told.call_back(record.id)
        waits.append(caught.value.delay_s)
    await told.call_back(record.id)
    assert waits == sorted(set(waits))
    assert [str(each.url) for each in asked] == [URL] * 3
    assert record.id in asked[0].content.decode()
