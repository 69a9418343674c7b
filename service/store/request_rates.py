"""The rate of requests of an API key, over all API processes, by the store's own clock."""

from redis.asyncio import Redis

from service.store import keys
from service.store.connection import Script

_take = Script("take_request")


async def take_request(redis: Redis, key_name: str, most_per_minute: int) -> int:
    """Counts a request of an API key, of which there may be `most_per_minute` within any minute.

    Returns 0, or the milliseconds to wait if there were as many; then it is not counted.
    """
    return int(await _take(redis, [keys.request_times(key_name)], [most_per_minute]))
