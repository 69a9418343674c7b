"""The state of the store itself: whether it takes writes, and whether its settings keep them."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis

from service.store import clock, keys
from service.store.connection import Script, connect, pipeline, reply, translated_errors
from service.store.errors import StoreError, StoreUnavailableError, UnconfirmedError, UnfitStoreError

_log = logging.getLogger(__name__)

_AGAIN_S = 1.0
_PROBE_KEPT_S = 60
_CONFIRMED_WITHIN_MS = 2_000
_LEAST_REDIS, _LEAST_VALKEY = (7, 0), (7, 2)
_LOOK_S = 10.0
_TIMEOUT_S = 5.0

SAFE_POLICY = "noeviction"

_probe = Script("probe")


async def check_writable(redis: Redis) -> None:
    """Raises StoreUnavailableError if the store can't be reached or takes no writes."""
    await reply(redis.set(keys.PROBE, b"1", ex=_PROBE_KEPT_S))


async def confirm_job(redis: Redis, job_id: str, replicas: int) -> None:
    """Returns once so many replicas of the store have the job. Raises UnconfirmedError if they do not in time.

    The job is there all the same, unless the store has failed over to a replica without it.
    """
    async with pipeline(redis) as pipe:  # over one connection, so that one server tells both
        pipe.exists(keys.job(job_id))
        pipe.set(keys.PROBE, b"1", ex=_PROBE_KEPT_S)  # WAIT is about the writes of its own connection
        pipe.wait(replicas, _CONFIRMED_WITHIN_MS)
        is_there, _, confirmed = await pipe.execute()
    if not is_there or confirmed < replicas:
        raise UnconfirmedError(
            f"{confirmed} replicas of the store have the job, and {replicas} are needed to accept it; it may run all"
            " the same: send the request again with the same Idempotency-Key"
        )


async def check_kind(redis: Redis) -> None:
    """Raises UnfitStoreError if the server is of a kind or a version that the service can't use."""
    server = await _info(redis, "server")
    mode = server.get("server_mode") or server.get("redis_mode")  # of Valkey, of Redis
    if mode == "cluster":
        raise UnfitStoreError(
            "it is a Redis Cluster, whose nodes have a part of the keys each: the service needs a single primary, with"
            " cluster-enabled no"
        )
    if mode == "sentinel":
        raise UnfitStoreError("it is a Sentinel: write redis+sentinel://HOST:PORT/NAME, with the name of the primary")
    name, least = ("valkey", _LEAST_VALKEY) if "valkey_version" in server else ("redis", _LEAST_REDIS)
    version = str(server.get(f"{name}_version", ""))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if len(numbers) == len(least) and numbers < least:
        raise UnfitStoreError(
            f"it is {name.title()} {version}: the service needs Redis {_shown(_LEAST_REDIS)} or Valkey"
            f" {_shown(_LEAST_VALKEY)}, or a later one"
        )


def _shown(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


async def check_rights(redis: Redis) -> None:
    """Raises UnfitStoreError if the store's user lacks a right without which nothing works.

    Each kind of command is tried: to write, to run scripts on each kind of key, to publish, to listen and to scan.
    """
    await check_writable(redis)
    await _probe(redis, [keys.PROBE, f"{keys.ARQ}probe"], [keys.WAKE])
    await reply(redis.scan(match=keys.PROBE, count=1))
    await reply(redis.time())
    with translated_errors():
        async with redis.pubsub() as listening:
            await listening.subscribe(keys.WAKE)
            await listening.get_message(timeout=_TIMEOUT_S)


def _hint(url: str, error: StoreError) -> str:
    # A server that asks for a certificate ends the connection, often before its reason is read (TLS 1.3).
    ended = re.search("reset by peer|closed|broken pipe", str(error), re.IGNORECASE)
    if ended and url.startswith("rediss") and "ssl_certfile=" not in url:
        return "; if it asks for a certificate, name yours as ssl_certfile and ssl_keyfile in its address"
    return ""


async def wait_for_store(url: str, name: str) -> None:
    """Returns once the store at `url` answers, takes writes, and is fit for the service. Says in a line why it waits.

    `name` is the store's address without its password.
    """
    redis = connect(url, retries=0, max_connections=2, timeout_s=_TIMEOUT_S)
    said: type[StoreError] | None = None
    try:
        while True:
            try:
                await check_kind(redis)
                await check_rights(redis)
            except StoreError as error:
                if said is not type(error):
                    _log.warning("waiting for the store at %s: %s%s", name, error, _hint(url, error))
                said = type(error)
                await asyncio.sleep(_AGAIN_S)
            else:
                break
    finally:
        await redis.aclose()
    if said is not None:
        _log.warning("the store at %s answers", name)


async def durability_faults(redis: Redis) -> list[str]:
    """Returns the settings of the store by which accepted work may be lost, each in a sentence.

    A server that does not tell its settings, as some hosted ones, has none that is known. Raises StoreError.
    """
    memory, persistence = await _info(redis, "memory"), await _info(redis, "persistence")
    faults = []
    policy = str(memory.get("maxmemory_policy", SAFE_POLICY))
    if policy != SAFE_POLICY:
        faults.append(
            f"the store's maxmemory-policy is {policy}: when it is full it removes accepted work; set {SAFE_POLICY}"
        )
    if persistence.get("aof_enabled") == 0 and await _snapshots(redis) == "":
        faults.append("the store keeps nothing on disk: a restart of it loses accepted work; set appendonly yes")
    return faults


async def _info(redis: Redis, section: str) -> Mapping[str, Any]:
    try:
        return await reply(redis.info(section))
    except StoreUnavailableError:
        raise
    except StoreError:
        return {}


async def _snapshots(redis: Redis) -> str | None:
    """Returns the times of the store's snapshots as its setting `save` has them, None if it does not tell."""
    try:
        settings: Mapping[str, str] = await reply(redis.config_get("save"))
        return settings.get("save")
    except StoreUnavailableError:
        raise
    except StoreError:
        return None


async def keep_watching(redis: Redis, url: str, name: str) -> None:
    """Runs for ever: waits for the store, logs the faults of its settings once, and keeps this process's clock its."""
    await wait_for_store(url, name)
    said: set[str] = set()
    while True:
        with contextlib.suppress(StoreError):
            await clock.store_seconds(redis)
            for fault in await durability_faults(redis):
                if fault not in said:
                    said.add(fault)
                    _log.warning("%s", fault)
        await asyncio.sleep(_LOOK_S)
