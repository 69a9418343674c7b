"""What is settled when an installation begins: its secret, and whether it packs what it stores.

Both are kept in the store with everything else.
"""

import secrets
from weakref import WeakKeyDictionary

from redis.asyncio import Redis

from service.store import keys
from service.store.connection import Script, reply
from service.store.packing import Packing

_BYTES = 32

_begin = Script("begin_installation")
_packs = WeakKeyDictionary[Redis, Packing]()  # as each client found it


async def installation_secret(redis: Redis) -> bytes:
    """Returns the secret, which is the same for all processes of an installation. Begins one if there is none yet."""
    known = await reply(redis.get(keys.SECRET))
    if known is None:
        begun = [keys.SECRET, keys.PACKED, keys.JOBS, keys.OPEN_JOBS, keys.WORKERS]
        known = await _begin(redis, begun, [secrets.token_bytes(_BYTES), int(max(Packing))])
    return bytes(known)


async def packs(redis: Redis) -> Packing:
    """Returns how much is to be stored packed: all that can be in an installation that this version begins.

    In one that an earlier version began, which can't read it, only what its operator has marked: a number, of which a
    greater one than this version knows means all, and another word 1. Begins an installation if there is none. The
    store is asked once for each client.
    """
    known = _packs.get(redis)
    if known is None:
        await installation_secret(redis)
        mark = await reply(redis.get(keys.PACKED))
        known = _packs[redis] = Packing.NOTHING if mark is None else _marked(bytes(mark))
    return known


def _marked(mark: bytes) -> Packing:
    return Packing(min(int(mark), max(Packing))) if mark.isdigit() else Packing.VALUES
