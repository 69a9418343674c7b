"""Periodic tasks: each runs once in its period, however many processes would run it."""

import logging
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from service.store import clock, keys
from service.store.connection import reply
from service.store.errors import StoreError, UnreadableRecordError
from service.store.records import say_once

logger = logging.getLogger(__name__)


def left_s(every_s: float) -> float:
    """Returns the seconds until the next period begins, by the store's clock."""
    return every_s - clock.seconds() % every_s


async def claim_present_period(redis: Redis, task: str, every_s: float) -> bool:
    """Returns whether this process is the one to run a task in the present period. Raises StoreError."""
    return await claim_period(redis, task, int(clock.seconds() // every_s), every_s)


async def claim_period(redis: Redis, task: str, period: int, every_s: float) -> bool:
    """Returns the same for the period of this number. Raises StoreError."""
    return bool(await reply(redis.set(keys.due(task, period), b"1", nx=True, px=int(2000 * every_s))))


def forgiving(name: str, task: Callable[[], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Returns a periodic task whose errors are logged: it runs again in its next period."""

    async def run() -> None:
        try:
            await task()
        except UnreadableRecordError as error:
            say_once(error)
        except StoreError as error:
            logger.warning("%s waits for the store: %s", name, error)
        except Exception:
            logger.exception("%s failed, and will be run again in its time", name)

    return run
