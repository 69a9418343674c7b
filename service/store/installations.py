"""An installation: its secret, whether it packs what it stores, and its prefix, the setting `store.prefix`.

The secret and the packing are settled when it begins, and kept in the store with everything else. Several installations
in one store have prefixes of their own before all their keys.
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


_names = {name: key for name, key in vars(keys).items() if name.isupper() and isinstance(key, str)}
_prefixes = [""]  # of this process: none, then that of its installation


def use_prefix(prefix: str) -> None:
    """Puts the prefix of an installation before all keys and channels of this process.

    To be called before the store is used. Raises RuntimeError if the process has the prefix of another installation.
    """
    if prefix == _prefixes[-1]:
        return
    if len(_prefixes) > 1:
        raise RuntimeError(f"this process is of the installation {_prefixes[-1]!r}: {prefix!r} needs one of its own")
    _prefixes.append(prefix)
    vars(keys).update({name: prefix + key for name, key in _names.items()})


def own_patterns(prefix: str) -> tuple[str, str]:
    """Returns patterns that all keys of the installation with this prefix match, and no other's."""
    return f"{prefix}judged:*", f"{prefix}arq:*"
