"""Sessions of people who signed in on a page with an API key. The browser has a random token, the store its digest."""

import secrets
from hashlib import sha256

from redis.asyncio import Redis

from service.store import keys
from service.store.connection import reply

SESSION_S = 12 * 3600  # a working day

_TOKEN_BYTES = 32


async def open_session(redis: Redis, key_digest: str) -> str:
    """Returns the token of a new session of the API key with this digest. It ends after SESSION_S seconds."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    await reply(redis.set(_place(token), key_digest, ex=SESSION_S))
    return token


async def key_of_session(redis: Redis, token: str) -> str | None:
    """Returns the digest of the API key that opened a session, None if there is no such session."""
    found = await reply(redis.get(_place(token)))
    return found.decode() if found is not None else None


async def close_session(redis: Redis, token: str) -> None:
    """Ends a session; does nothing if there is none."""
    await reply(redis.unlink(_place(token)))


def _place(token: str) -> str:
    return keys.SESSION + sha256(token.encode()).hexdigest()
