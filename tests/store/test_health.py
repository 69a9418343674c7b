"""A store that can't be reached is waited for; one that takes no writes, or does not keep them, is found out."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from service.launch import embedded_store
from service.launch.preflight import free_port
from service.store import health, keys
from service.store.connection import cancelled, connect
from service.store.errors import StoreUnavailableError, UnconfirmedError, UnfitStoreError
from service.store.health import check_kind, check_rights, check_writable, durability_faults, wait_for_store
from tests.launch.processes import watched
from tests.polling import until
from tests.store.made import committed


@pytest.fixture
async def setting(redis: Redis) -> AsyncIterator[Redis]:
    """A store whose settings are put back in the end."""
    names = ["maxmemory-policy", "appendonly", "save", "min-replicas-to-write", "maxmemory"]
    before = {name: (await redis.config_get(name))[name] for name in names}
    yield redis
    for name, value in before.items():
        await redis.config_set(name, value)


async def test_the_embedded_store_has_no_fault(redis: Redis) -> None:
    await check_writable(redis)
    assert await durability_faults(redis) == []
    assert 0 < await redis.ttl(keys.PROBE) <= 60


async def test_a_policy_that_removes_keys_is_a_fault(setting: Redis) -> None:
    await setting.config_set("maxmemory-policy", "allkeys-lru")
    [fault] = await durability_faults(setting)
    assert "maxmemory-policy is allkeys-lru" in fault
    assert "set noeviction" in fault


async def test_a_store_without_persistence_is_a_fault_and_one_with_snapshots_is_none(setting: Redis) -> None:
    await setting.config_set("appendonly", "no")
    [fault] = await durability_faults(setting)
    assert "keeps nothing on disk" in fault
    await setting.config_set("save", "3600 1")
    assert await durability_faults(setting) == []


async def test_a_server_that_tells_nothing_has_no_known_fault(setting: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """As hosted stores do, which allow neither command."""
    await setting.config_set("appendonly", "no")

    async def refuse(*args: object) -> None:
        raise ResponseError("NOPERM this user has no permissions to run the command")

    monkeypatch.setattr(setting, "config_get", refuse)
    assert await durability_faults(setting) == []
    monkeypatch.setattr(setting, "info", refuse)
    assert await durability_faults(setting) == []
    monkeypatch.undo()


@pytest.mark.parametrize(("name", "value"), [("min-replicas-to-write", "1"), ("maxmemory", "1")])
async def test_a_store_that_refuses_writes_is_away(setting: Redis, name: str, value: str) -> None:
    await setting.config_set(name, value)
    assert await setting.get("anything") is None
    with pytest.raises(StoreUnavailableError):
        await check_writable(setting)


async def test_a_store_that_is_away_is_waited_for_with_one_line(
    setting: Redis, store_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_AGAIN_S", 0.02)
    caplog.set_level(logging.INFO, logger="service.store.health")
    await setting.config_set("min-replicas-to-write", "1")
    waiting = asyncio.create_task(wait_for_store(store_url, "redis://store"))
    await until(lambda: "waiting for the store at redis://store" in caplog.text, "the line")
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await setting.config_set("min-replicas-to-write", "0")
    await asyncio.wait_for(waiting, 5)
    assert [each.getMessage().partition(":")[0] for each in caplog.records] == [
        "waiting for the store at redis",
        "the store at redis",
    ]


async def limited(redis: Redis, *rules: str) -> None:
    await redis.execute_command("ACL", "SETUSER", "limited", "reset", "on", ">pw", "~*", "&*", "+@all", *rules)  # type: ignore[no-untyped-call]


@pytest.fixture
async def as_limited(redis: Redis, store_url: str) -> AsyncIterator[Redis]:
    """A client of the user whose rights `limited` sets."""
    await limited(redis)
    client = connect(f"{store_url}?username=limited&password=pw", retries=0, max_connections=2)
    yield client
    await client.aclose()
    await redis.acl_deluser("limited")


RIGHTS = ["-set", "-evalsha", "-exists", "-publish", "-scan", "-time", "-subscribe"]


@pytest.mark.parametrize(
    "rules",
    [*((right,) for right in RIGHTS), ("resetkeys", "~other:*"), ("resetkeys", "~judged:*"), ("resetchannels",)],
    ids=" ".join,
)
async def test_a_right_that_the_user_lacks_is_found(redis: Redis, as_limited: Redis, rules: tuple[str, ...]) -> None:
    await check_rights(as_limited)
    await limited(redis, *rules)
    with pytest.raises(UnfitStoreError, match="the store's user lacks a right: "):
        await check_rights(as_limited)


async def test_a_lack_of_rights_is_said_in_one_line_and_waited_for(
    redis: Redis, as_limited: Redis, store_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_AGAIN_S", 0.02)
    await limited(redis, "-evalsha")
    waiting = asyncio.create_task(wait_for_store(f"{store_url}?username=limited&password=pw", "redis://store"))
    await until(lambda: caplog.messages, "the line")
    await limited(redis)
    await asyncio.wait_for(waiting, 5)
    said, answers = caplog.messages
    assert said.startswith("waiting for the store at redis://store: the store's user lacks a right: ")
    assert "evalsha" in said
    assert answers == "the store at redis://store answers"


@pytest.mark.parametrize(
    ("server", "problem"),
    [
        ({"redis_mode": "cluster", "redis_version": "7.2.4"}, "it is a Redis Cluster"),
        ({"redis_mode": "sentinel", "redis_version": "7.2.4"}, "it is a Sentinel: write redis\\+sentinel://"),
        ({"redis_version": "6.2.14"}, "it is Redis 6.2.14: the service needs Redis 7.0 or Valkey 7.2"),
        ({"server_mode": "sentinel", "valkey_version": "9.1.2"}, "it is a Sentinel"),
        ({"redis_version": "7.2.4", "valkey_version": "7.1.9"}, "it is Valkey 7.1.9"),
    ],
)
async def test_a_store_of_another_kind_is_found(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, server: dict[str, str], problem: str
) -> None:
    await check_kind(redis)

    async def info(section: str) -> dict[str, str]:
        return server

    monkeypatch.setattr(redis, "info", info)
    with pytest.raises(UnfitStoreError, match=problem):
        await check_kind(redis)
    monkeypatch.undo()


@pytest.mark.parametrize(
    "server", [{}, {"redis_version": "7.0.15"}, {"redis_version": "7.2.4", "valkey_version": "8.1"}]
)
async def test_a_store_that_is_new_enough_or_tells_nothing_is_taken(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, server: dict[str, str]
) -> None:
    async def info(section: str) -> dict[str, str]:
        return server

    monkeypatch.setattr(redis, "info", info)
    await check_kind(redis)
    monkeypatch.undo()


async def test_a_cluster_is_named_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_AGAIN_S", 0.02)
    binary = embedded_store.find_binary(os.environ.get("JUDGED_TEST_STORE"))
    port, bus = free_port("127.0.0.1"), free_port("127.0.0.1")
    ports = ("--port", str(port), "--cluster-port", str(bus), "--bind", "127.0.0.1")
    with watched((str(binary), "--cluster-enabled", "yes", *ports), tmp_path):
        url = f"redis://127.0.0.1:{port}"
        waiting = asyncio.create_task(wait_for_store(url, url))
        await until(
            lambda: "it is a Redis Cluster, whose nodes have a part of the keys each" in caplog.text, "the line"
        )
        await cancelled(waiting)


async def test_a_job_that_too_few_replicas_have_is_not_confirmed(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_CONFIRMED_WITHIN_MS", 1)
    record = await committed(redis, 1)
    await health.confirm_job(redis, record.id, 0)
    with pytest.raises(UnconfirmedError, match="0 replicas of the store have the job, and 1 are needed"):
        await health.confirm_job(redis, record.id, 1)
    with pytest.raises(UnconfirmedError):  # as after a fail-over to a replica without it
        await health.confirm_job(redis, "job_0", 0)
