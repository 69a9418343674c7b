"""Sessions: a token for the browser, its digest in the store."""

from redis.asyncio import Redis

from service.store import keys
from service.store.sessions import SESSION_S, close_session, key_of_session, open_session


async def test_a_session_gives_its_key_until_it_is_closed(redis: Redis) -> None:
    token, other = await open_session(redis, "digest"), await open_session(redis, "digest")
    assert token != other
    assert await key_of_session(redis, token) == "digest"
    await close_session(redis, token)
    assert await key_of_session(redis, token) is None
    assert await key_of_session(redis, other) == "digest"
    await close_session(redis, "nobody")
    assert await key_of_session(redis, "") is None


async def test_a_session_expires_and_the_store_does_not_know_the_token(redis: Redis) -> None:
    token = await open_session(redis, "digest")
    [key] = [each.decode() async for each in redis.scan_iter(f"{keys.PREFIX}*")]
    assert token not in key
    assert SESSION_S - 5 <= await redis.ttl(key) <= SESSION_S
