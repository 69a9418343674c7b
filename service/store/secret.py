"""What is settled when an installation begins: its secret, and whether it packs what it stores.

Both are kept in the store with everything else.
"""

import secrets
from weakref import WeakKeyDictionary

from redis.asyncio import Redis

from service.store import keys
from service.store.connection import Script, reply

_BYTES = 32

_begin = Script("begin_installation")
_packs = WeakKeyDictionary[Redis, bool]()  # as each client found it


async def installation_secret(redis: Redis) -> bytes:
    """Returns the secret, which is the same for all processes of an installation. Begins one if there is none yet."""
    known = await reply(redis.get(keys.SECRET))
    if known is None:
        begun = [keys.SECRET, keys.PACKED, keys.JOBS, keys.OPEN_JOBS, keys.WORKERS]
        known = await _begin(redis, begun, [secrets.token_bytes(_BYTES)])
    return bytes(known)


async def packs(redis: Redis) -> bool:
    """Returns whether judgments and items are to be stored packed (`packing`). Begins an installation if there is none.

    Not so in an installation that an earlier version began, which can't read them, unless its operator has marked it.
    The store is asked once for each client.
    """
    known = _packs.get(redis)
    if known is None:
        await installation_secret(redis)
        known = _packs[redis] = bool(await reply(redis.exists(keys.PACKED)))
    return known
