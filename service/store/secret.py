"""The secret of the installation: drawn once, and kept in the store with everything else."""

import secrets

from redis.asyncio import Redis

from service.store import keys
from service.store.connection import reply

_BYTES = 32


async def installation_secret(redis: Redis) -> bytes:
    """Returns the secret, which is the same for all processes of an installation. Draws it if there is none yet."""
    known = await reply(redis.get(keys.SECRET))
    if known is None:
        await reply(redis.set(keys.SECRET, secrets.token_bytes(_BYTES), nx=True))
        known = await reply(redis.get(keys.SECRET))
    assert known is not None, "a secret that was just drawn is there"
    return bytes(known)
