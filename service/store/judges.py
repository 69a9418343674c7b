"""Named judges: immutable versions, each with the digest of its content. Built-in ones are version 1 of their name."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from redis.asyncio import Redis

from service.contracts.judges import Judge, StoredJudge, judge_digest
from service.judges import built_in
from service.store import clock, keys
from service.store.connection import Script, pipeline, reply
from service.store.records import from_json, readable
from service.threads import aside_if_large

_VERSION = re.compile("[1-9][0-9]{0,8}")

_AT_ONCE = 100  # judges in one round trip
_RETIRED = "retired"  # field: the time since when the name takes no new jobs

_put = Script("put_judge")


async def put_judge(redis: Redis, name: str, judge: Judge) -> tuple[StoredJudge, bool]:
    """Returns the version with this content, and whether it is new; if not, the latest version stays the same.

    A name that was retired takes jobs again.
    """
    shipped = built_in().get(name)
    version, is_new = await _put(
        redis,
        [keys.judge(name), keys.JUDGES],
        [
            name,
            judge_digest(judge),
            msgspec.json.encode(judge),
            clock.now().isoformat(),
            judge_digest(shipped) if shipped else "",
            msgspec.json.encode(shipped) if shipped else "",
        ],
    )
    stored = await find_judge(redis, name, int(version))
    assert stored is not None, "a version that was just stored is there"
    return stored, bool(is_new)


async def mark_retired(redis: Redis, name: str) -> bool:
    """Makes a name take no new jobs; its versions can still be read. Returns whether there is such a judge."""
    if await find_judge(redis, name) is None:
        return False
    await reply(redis.hsetnx(keys.judge(name), _RETIRED, clock.now().isoformat()))
    return True


async def find_judge(redis: Redis, name: str, version: int | None = None) -> StoredJudge | None:
    """Returns a version of a judge, the latest one unless given; None if there is none."""
    asked = 1 if version is None else version  # most judges have one version: it is read with the number of the latest
    latest, *fields = await reply(redis.hmget(keys.judge(name), ["latest", *_fields(asked)]))
    newest = asked if version is not None or not latest else int(latest)
    if newest != asked:
        fields = await reply(redis.hmget(keys.judge(name), _fields(newest)))
    return _shown(name, newest, fields)


async def judge_by_reference(redis: Redis, reference: str) -> StoredJudge | None:
    """Returns the judge that `name` or `name@version` stands for; None if there is none."""
    name, at, version = reference.partition("@")
    if not at:
        return await find_judge(redis, name)
    return await find_judge(redis, name, int(version)) if _VERSION.fullmatch(version) else None


async def judge_names(redis: Redis) -> set[str]:
    """Returns the names of all judges, built-in ones included."""
    return {each.decode() for each in await reply(redis.zrange(keys.JUDGES, 0, -1))} | set(built_in())


async def list_judges(redis: Redis, *, after: str | None, limit: int) -> tuple[list[StoredJudge], str | None]:
    """Returns the latest version of each name that is not retired, by name, and the name that the next page follows."""
    following = sorted(name for name in await judge_names(redis) if after is None or name > after)
    cursor = following[limit - 1] if len(following) > limit else None
    return await _latest(redis, following[:limit]), cursor


async def every_judge(redis: Redis) -> list[StoredJudge]:
    """Returns the latest version of each name that is not retired, by name, built-in ones included."""
    return await _latest(redis, sorted(await judge_names(redis)))


def built_in_judge_of(criterion: str) -> Judge | None:
    """Returns the built-in judge of a criterion, None if there is none."""
    return next((judge for judge in built_in().values() if judge.criterion == criterion), None)


async def _latest(redis: Redis, names: Sequence[str]) -> list[StoredJudge]:
    """Returns the latest versions of those of the names that are not retired."""
    return [
        judge
        for start in range(0, len(names), _AT_ONCE)
        for judge in await _latest_of_few(redis, names[start : start + _AT_ONCE])
    ]


async def _latest_of_few(redis: Redis, names: Sequence[str]) -> list[StoredJudge]:
    async with pipeline(redis) as pipe:
        for name in names:
            pipe.hget(keys.judge(name), "latest")
        versions = [int(latest) if latest else 1 for latest in await pipe.execute()]
    async with pipeline(redis) as pipe:
        for name, version in zip(names, versions, strict=True):
            pipe.hmget(keys.judge(name), _fields(version))
        found = await pipe.execute()
    by_name = {name: (version, fields) for name, version, fields in zip(names, versions, found, strict=True)}
    size = sum(len(definition or b"") for definition, _, _ in found)
    return await aside_if_large(size, _not_retired, by_name)


def _not_retired(by_name: Mapping[str, tuple[int, Sequence[Any]]]) -> list[StoredJudge]:
    shown = readable(by_name, lambda name: _shown(name, *by_name[name]))
    return [judge for _, judge in shown if judge.retired_at is msgspec.UNSET]


def _fields(version: int) -> list[str]:
    return [f"version:{version}", f"created:{version}", _RETIRED]


def _shown(name: str, version: int, fields: Sequence[Any]) -> StoredJudge | None:
    """Returns a version from its fields, or the built-in judge of the name; None if there is neither."""
    definition, created, retired = fields
    if definition is not None:
        return _stored(name, version, from_json(definition, Judge, f"judge {name}@{version}"), created, retired)
    shipped = built_in().get(name)
    return _stored(name, 1, shipped, b"", retired) if shipped and version == 1 else None


def _stored(name: str, version: int, judge: Judge, created: bytes, retired: bytes | None) -> StoredJudge:
    fields: dict[str, Any] = {each: getattr(judge, each) for each in judge.__struct_fields__}
    return StoredJudge(
        **fields,
        name=name,
        version=version,
        digest=judge_digest(judge),
        created_at=datetime.fromisoformat(created.decode()) if created else None,
        retired_at=datetime.fromisoformat(retired.decode()) if retired else msgspec.UNSET,
    )
