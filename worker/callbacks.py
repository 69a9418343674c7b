"""Posts a finished job to the `callback_url` that it names."""

import logging

import httpx
import msgspec
from redis.asyncio import Redis

from service.store import jobs
from service.store.queue import Requeue

_log = logging.getLogger(__name__)

_LIMIT_S = 10.0
_WAITS_S = (5.0, 30.0, 120.0, 600.0, 3600.0)  # before the second try, the third, ...


class Callbacks:
    """POSTs the finished job, as `GET /v1/jobs/{id}` shows it without its judgments, until a POST succeeds."""

    def __init__(self, redis: Redis, client: httpx.AsyncClient) -> None:
        self._redis = redis
        self._client = client
        self._failures: dict[str, int] = {}

    async def call_back(self, job_id: str) -> None:
        """Posts one job; any 2xx is a success. Raises Requeue to be tried later.

        The count of tries starts anew if the worker stops.
        """
        found = await jobs.load_job(self._redis, job_id)
        if found is None or found[0].callback_url is None:
            return
        try:
            answer = await self._client.post(
                found[0].callback_url,
                content=msgspec.json.encode(found[1]),
                headers={"Content-Type": "application/json"},
                timeout=_LIMIT_S,
            )
            answer.raise_for_status()
        except httpx.HTTPError as error:
            self._try_later(job_id, error)
        else:
            self._failures.pop(job_id, None)

    def _try_later(self, job_id: str, error: httpx.HTTPError) -> None:
        failures = self._failures.get(job_id, 0)
        if failures >= len(_WAITS_S):
            self._failures.pop(job_id, None)
            _log.error("%s: its callback was given up: %s", job_id, type(error).__name__)
            return
        self._failures[job_id] = failures + 1
        _log.warning("%s: its callback failed, trying again: %s", job_id, type(error).__name__)
        raise Requeue(_WAITS_S[failures])
