"""Each installation has a secret, packs or not, and keeps its keys apart from another's in the same store."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from service.agreement.recording import record_judgments
from service.config.settings import Settings
from service.contracts.decoding import numbered
from service.contracts.items import Item
from service.contracts.jobs import JobOrder, JobRecord
from service.jobs import Caller, JobIntake, resolve_judges
from service.store import jobs, judgments, keys, workers
from service.store.connection import connect
from service.store.installations import installation_secret, packs
from service.store.items import judgment_ref
from service.store.packing import Packing, packed_judgment
from service.store.sweeping import sweep
from tests.store.made import committed, finished

KEEP_S = 1000


@pytest.fixture
async def other(redis: Redis, store_url: str) -> AsyncIterator[Redis]:
    """A client of the same store, as another process has."""
    client = connect(store_url, retries=1, max_connections=8)
    yield client
    await client.aclose()


async def test_all_processes_get_the_same_secret_also_at_the_same_moment(redis: Redis) -> None:
    drawn = await asyncio.gather(*(installation_secret(redis) for _ in range(8)))
    assert len(set(drawn)) == 1
    assert len(drawn[0]) == 32
    assert await installation_secret(redis) == drawn[0]


async def test_another_installation_has_another(redis: Redis) -> None:
    before = await installation_secret(redis)
    await redis.flushall()
    assert await installation_secret(redis) != before


async def test_an_installation_that_begins_now_packs(redis: Redis, other: Redis) -> None:
    assert set(await asyncio.gather(packs(redis), packs(other))) == {max(Packing)}
    await workers.note_heartbeat(redis, "worker")
    await committed(redis, 2)
    assert await packs(other)


async def has_secret(redis: Redis) -> None:
    await redis.set(keys.SECRET, b"x" * 32)


async def has_job(redis: Redis) -> None:
    await redis.zadd(keys.JOBS, {"job_01": 0})


async def has_worker(redis: Redis) -> None:
    await workers.note_heartbeat(redis, "worker")


@pytest.mark.parametrize("began", [has_secret, has_job, has_worker])
async def test_an_installation_of_an_earlier_version_does_not_pack_until_it_is_marked(
    redis: Redis, other: Redis, began: Callable[[Redis], Awaitable[None]]
) -> None:
    await began(redis)
    assert not await packs(redis)
    assert len(await installation_secret(redis)) == 32
    await redis.set(keys.PACKED, 1)
    assert not await packs(redis)  # until it is restarted
    assert await packs(other)


@pytest.mark.parametrize(
    ("mark", "packing"),
    [
        ("0", Packing.NOTHING),
        ("1", Packing.VALUES),
        ("2", Packing.STATES),
        ("3", Packing.VOTES),
        ("4", Packing.VOTES),  # of a newer version: this one does as much as it can
        ("yes", Packing.VALUES),  # any mark was one for judgments and items, when they were all
    ],
)
async def test_a_mark_says_what_is_packed(redis: Redis, mark: str, packing: Packing) -> None:
    await has_secret(redis)
    await redis.set(keys.PACKED, mark)
    assert await packs(redis) is packing


async def test_a_mark_that_was_set_before_there_was_anything_holds(redis: Redis) -> None:
    await redis.set(keys.PACKED, 1)
    assert await packs(redis) is Packing.VALUES
    assert len(await installation_secret(redis)) == 32


async def taken_in(redis: Redis, items: int) -> JobRecord:
    settings, order = Settings(), JobOrder(judge="helpfulness", models=["control/length"])
    intake = JobIntake(redis, settings, order, await resolve_judges(redis, settings, order), Caller(None, None))
    await intake.take(numbered([Item(id=f"t-{number}", output=f"answer {number}") for number in range(items)]))
    return (await intake.commit("fingerprint")).record


async def stored_values(redis: Redis, record: JobRecord) -> list[bytes]:
    items = await redis.get(keys.chunk_items(record.id, 0))
    assert items is not None
    return [items, *await redis.hvals(keys.chunk_results(record.id, 0))]  # type: ignore[misc]


async def of_item_at(redis: Redis, record: JobRecord, position: int) -> list[msgspec.Raw]:
    """The judgments of an item that was judged at this position of the job."""
    await redis.hset(keys.item("judged"), mapping={judgment_ref(record.id, 0, position): 1})  # type: ignore[misc]
    found = await judgments.judgments_of_item(redis, "judged", None)
    await redis.delete(keys.item("judged"))
    return found


@pytest.mark.parametrize("is_new", [True, False])
async def test_judgments_and_items_are_packed_in_a_new_installation_alone(redis: Redis, is_new: bool) -> None:
    if not is_new:
        await has_secret(redis)
    record = await taken_in(redis, 3)
    batch = [finished(record, position) for position in range(3)]
    await record_judgments(redis, batch, keep_s=KEEP_S)
    items, *results = await stored_values(redis, record)
    assert items[:1] == (b"\x02" if is_new else b"\x93")
    assert {each[:1] for each in results} == {b"\x01" if is_new else b"{"}
    page, _ = await judgments.page_of_judgments(redis, record, start=0, limit=10, outcome=None)
    assert [bytes(each) for each in page] == [msgspec.json.encode(each.judgment) for each in batch]
    assert [each.id for each in await jobs.load_chunk(redis, record.id, 0)] == ["t-0", "t-1", "t-2"]
    found = await jobs.load_small_job(redis, record.id)
    assert found is not None
    assert found[1].judgments == page


async def test_plain_values_are_read_beside_packed_ones(redis: Redis, other: Redis) -> None:
    """An installation of an earlier version that was marked while a job was under way."""
    await has_secret(redis)
    record = await taken_in(redis, 4)
    batch = [finished(record, position) for position in range(4)]
    await record_judgments(redis, batch[:2], keep_s=KEEP_S)
    await redis.set(keys.PACKED, 1)
    await record_judgments(other, batch[2:], keep_s=KEEP_S)
    stored = await redis.hgetall(keys.chunk_results(record.id, 0))  # type: ignore[misc]
    assert {int(field): value[:1] for field, value in stored.items()} == {0: b"{", 1: b"{", 2: b"\x01", 3: b"\x01"}
    page, _ = await judgments.page_of_judgments(redis, record, start=0, limit=10, outcome=None)
    assert [bytes(each) for each in page] == [msgspec.json.encode(each.judgment) for each in batch]
    of_item = [await of_item_at(redis, record, position) for position in (0, 3)]
    assert of_item == [[page[0]], [page[3]]]


async def test_a_sweep_counts_both_and_ends_a_job_with_either(redis: Redis, other: Redis) -> None:
    record = await committed(redis, 2)
    batch = [finished(record, position) for position in range(2)]
    await record_judgments(redis, batch, keep_s=KEEP_S)
    name = keys.chunk_results(record.id, 0)
    await redis.hset(name, "1", msgspec.json.encode(batch[1].judgment).decode())  # type: ignore[misc]
    await redis.hdel(keys.job(record.id), "finished_at", "scored")  # type: ignore[misc]
    await redis.zadd(keys.OPEN_JOBS, {record.id: 0})
    swept = await sweep(other, keep_s=KEEP_S)
    assert (swept.recounted, swept.closed) == (1, 1)
    found = await jobs.load_job(redis, record.id)
    assert found is not None
    assert found[1].counts.scored == 2


@pytest.mark.parametrize("damaged", [b"\x08of a newer version", packed_judgment(b"{" + b" " * 100)[:-2], b"\x01"])
async def test_a_judgment_that_cannot_be_unpacked_is_left_out_alone(
    redis: Redis, damaged: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    record = await committed(redis, 2)
    await record_judgments(redis, [finished(record, position) for position in range(2)], keep_s=KEEP_S)
    await redis.hset(keys.chunk_results(record.id, 0), mapping={"0": damaged})  # type: ignore[misc]
    page, _ = await judgments.page_of_judgments(redis, record, start=0, limit=10, outcome=None)
    assert [msgspec.json.decode(each)["item_id"] for each in page] == ["t-1"]
    assert [await of_item_at(redis, record, position) for position in (0, 1)] == [[], page]
    found = await jobs.load_small_job(redis, record.id)
    assert found is not None
    assert found[1].judgments == page
    assert f"a judgment of job {record.id} can't be read by this version" in caplog.text


ROOT = Path(__file__).parents[2]
NAMES = """
from inspect import getmembers, isfunction, signature
from service.store import installations, keys

installations.use_prefix("staging:")
names = [key for name, key in vars(keys).items() if name.isupper() and isinstance(key, str)]
for name, function in getmembers(keys, isfunction):
    if function.__module__ == keys.__name__ and name not in ("bucket_of", "item_state", "owned"):
        kinds = [each.annotation for each in signature(function).parameters.values()]
        names.append(function(*(1 if kind is int else "x" for kind in kinds)))
assert len(names) > 80, names
assert [each for each in names if not each.startswith(("staging:judged:", "staging:arq:"))] == []
assert keys.owned(keys.JOBS, "ann").startswith("staging:judged:")
assert keys.bucket_of(keys.agreement_counters("seen", "d3", "j m", "wit")) == "d3"
"""
ANOTHER = """
from service.store import installations, keys

installations.use_prefix("")
installations.use_prefix("staging:")
installations.use_prefix("staging:")
for other in ("", "other:"):
    try:
        installations.use_prefix(other)
    except RuntimeError as error:
        assert "staging:" in str(error)
    else:
        raise AssertionError(other)
"""
ARQ = """
from pathlib import Path
import re
import arq.connections, arq.constants, arq.worker
from service.store import installations, keys, queue

installations.use_prefix("staging:")
queue._name_keys_of_arq()
names = {name for name, value in vars(arq.constants).items() if isinstance(value, str) and value.startswith("arq:")}
for module in (arq.worker, arq.connections):
    here = {name: value for name, value in vars(module).items() if name in names}
    assert len(here) >= 2
    assert [value for value in here.values() if not value.startswith("staging:arq:")] == []
"""

KEPT = """
import importlib, pkgutil
import service, worker

# the names themselves, and the check of a prefix
OWN = {"service.store.keys", "service.store.installations", "service.config.checks"}
modules = [
    importlib.import_module(each.name)
    for root in (service, worker)
    for each in pkgutil.walk_packages(root.__path__, f"{root.__name__}.")
    if not each.name.endswith("__main__") and each.name not in OWN
]
kept = [
    f"{module.__name__}.{name}"
    for module in modules
    for name, value in vars(module).items()
    if not name.startswith("__") and isinstance(value, str | bytes | tuple | list | dict)
    and any(start in str(value) for start in ("judged:", "arq:"))
]
assert len(modules) > 200
assert kept == []
"""


def run(script: str) -> None:
    done = subprocess.run((sys.executable, "-c", script), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_every_key_and_every_channel_begins_with_the_prefix() -> None:
    run(NAMES)


def test_a_process_has_the_keys_of_one_installation() -> None:
    run(ANOTHER)


def test_every_key_of_arq_begins_with_the_prefix() -> None:
    """If this fails, arq names its keys in another way."""
    run(ARQ)


def test_no_module_keeps_the_name_of_a_key_from_before_the_prefix() -> None:
    run(KEPT)
