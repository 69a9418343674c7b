"""A damaged file of the archive does not keep the others from being tidied."""

import pytest
from redis.asyncio import Redis

from service.archive.catalog import load_catalog
from service.archive.maintaining import Maintenance, forget
from service.archive.objects import Objects
from service.store import archiving, clock
from tests.archive.test_writing import ended_job, writer_of


@pytest.mark.parametrize("harm", ["cut", "overwritten", "missing"])
async def test_a_damaged_file_is_left_and_named_and_the_others_are_joined(
    redis: Redis, objects: Objects, harm: str
) -> None:
    await archiving.turn_on(redis, 0)
    writer = writer_of(redis, objects, "one")
    for _ in range(4):
        await ended_job(redis)
        await writer.write_due(clock.now_ms())
    first, *others = (await load_catalog(objects)).of("judgments")
    content = await objects.get(first.path)
    await objects.delete(first.path)
    if harm != "missing":
        half = len(content) // 2
        await objects.put_new(first.path, content[:half] if harm == "cut" else b"\xff" * half + content[half:])
    done = await Maintenance(redis, objects, writer).compact(keep_days=0, includes_today=True)
    assert done.replaced == len(others) == 3
    [words] = done.damaged
    assert words.startswith(first.path)
    assert {first.path} < {each.path for each in (await load_catalog(objects)).of("judgments")}
    again = await Maintenance(redis, objects, writer).compact(keep_days=0, includes_today=True)
    assert (again.replaced, len(again.damaged)) == (0, 1)  # nothing is written anew each time
    await forget(redis, objects, items=["t-0"], jobs=[])
    forgotten = await Maintenance(redis, objects, writer).compact(keep_days=0, includes_today=True)
    assert (forgotten.replaced, forgotten.damaged) == (1, (words,))
