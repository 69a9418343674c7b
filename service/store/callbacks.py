"""The delivery of callbacks, noted in the hashes of their jobs."""

from redis.asyncio import Redis

from service.contracts.jobs import CallbackStatus
from service.store import keys
from service.store.connection import Script

_note = Script("note_callback")


async def note_callback_attempt(redis: Redis, job_id: str) -> int:
    """Counts an attempt that begins. Returns the number of attempts so far, 0 if the job has expired."""
    return int(await _note(redis, [keys.job(job_id), keys.CALLBACKS], [job_id, 1, "", ""]))


async def note_callback_end(redis: Redis, job_id: str, status: CallbackStatus, error: str | None) -> None:
    """Stores how an attempt ended: the new status of the delivery, and the reason if it failed."""
    await _note(redis, [keys.job(job_id), keys.CALLBACKS], [job_id, 0, status, error or ""])
