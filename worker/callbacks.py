"""Tells the address that a job named that the job is over."""

import logging

import httpx
import msgspec
from redis.asyncio import Redis

from service.store import jobs
from service.store.queue import Requeue

logger = logging.getLogger(__name__)

_LIMIT_S = 10.0
_WAITS_S = (5.0, 30.0, 120.0, 600.0, 3600.0)  # before the second try, the third, ...


class CallingBack:
    """POSTs the finished job, as `GET /v1/jobs/{id}` shows it without its judgments, until it is taken."""

    def __init__(self, redis: Redis, client: httpx.AsyncClient) -> None:
        self._redis = redis
        self._client = client
        self._failures: dict[str, int] = {}

    async def call_back(self, job_id: str) -> None:
        """Any 2xx is taken for an answer. A worker that stops starts counting tries anew."""
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
            logger.error("%s: its callback was given up: %s", job_id, type(error).__name__)
            return
        self._failures[job_id] = failures + 1
        logger.warning("%s: its callback failed, trying again: %s", job_id, type(error).__name__)
        raise Requeue(_WAITS_S[failures])
