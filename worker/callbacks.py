"""Posts a finished job to the `callback_url` that it names, signed as Standard Webhooks has it.

No URL is ever logged or shown: its path or its query may hold a token.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from redis.asyncio import Redis
from standardwebhooks import Webhook

from service.config import logs
from service.jobs import callback_secret
from service.store import jobs
from service.store.callbacks import note_callback_attempt, note_callback_end
from service.store.installations import installation_secret
from service.store.queue import Requeue

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from worker.webhooks import WebhookClient

_log = logging.getLogger(__name__)

_WAITS_S = (5.0, 30.0, 120.0, 600.0, 3600.0, 7200.0, 14_400.0, 21_600.0, 28_800.0, 10_045.0)  # a day in all
_GONE = 410  # the receiver wants no more, as Standard Webhooks has it


class Callbacks:
    """POSTs the finished job, as `GET /v1/jobs/{id}` shows it without its judgments, until a POST succeeds.

    `listed` is the setting `server.callback_hosts`.
    """

    def __init__(self, redis: Redis, listed: Sequence[str], resolver: "AbstractResolver | None" = None) -> None:
        self._redis = redis
        self._listed = listed
        self._resolver = resolver
        self._client: WebhookClient | None = None

    async def call_back(self, job_id: str) -> None:
        """Posts one job; any 2xx is a success. Raises Requeue to be tried later, for about a day."""
        logs.job_id.set(job_id)
        found = await jobs.load_job(self._redis, job_id)
        if found is None or found[0].callback_url is None:
            return
        record, job = found
        secret = callback_secret(await installation_secret(self._redis), record.owner)
        attempts = await note_callback_attempt(self._redis, job_id)
        failure = await self._failure(record.callback_url or "", job_id, msgspec.json.encode(job), secret)
        if failure is None:
            await note_callback_end(self._redis, job_id, "delivered", None)
            return
        gave_up = attempts > len(_WAITS_S) or failure == _status(_GONE)
        await note_callback_end(self._redis, job_id, "failed" if gave_up else "pending", failure)
        if gave_up:
            _log.error("%s: its callback was given up after %d attempts: %s", job_id, attempts, failure)
            return
        _log.warning("%s: its callback failed, trying again: %s", job_id, failure)
        raise Requeue(_WAITS_S[attempts - 1])

    async def _failure(self, url: str, message_id: str, body: bytes, secret: str) -> str | None:
        """Posts a message. Returns the reason why it was not accepted, None if it was."""
        now = datetime.now(UTC)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "judged",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(message_id, now, body.decode()),
        }
        answer = await self._opened().post(url, body, headers)
        if isinstance(answer, str):
            return answer
        return None if 200 <= answer < 300 else _status(answer)

    def _opened(self) -> "WebhookClient":
        if self._client is None:
            from worker.webhooks import WebhookClient

            self._client = WebhookClient(self._listed, self._resolver)
        return self._client

    async def aclose(self) -> None:
        """Closes every connection."""
        if self._client is not None:
            await self._client.aclose()


def _status(status: int) -> str:
    return f"status {status}"
