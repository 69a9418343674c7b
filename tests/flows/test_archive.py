"""The archive: judgments move from the store to it, each seen once at any moment, and come back from it."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from redis.asyncio import Redis

from service.archive.lookup import found_judgments
from service.archive.maintaining import Compacted, forget
from service.archive.objects import Objects
from service.archive.reading import ArchiveReader
from service.archive.restoring import restore_archive
from service.archive.running import ArchiveRuns
from service.config.settings import ArchiveSettings, Settings
from service.store import archiving, keys
from service.store.connection import connect, scanned_hashes
from service.store.items import StoredItem, item_of
from service.store.packing import Packing
from tests.flows.conftest import Judged, Row, Serve
from tests.flows.faults import GOOD, items
from tests.stubs.model_server import ModelServer

MODEL = "openai/m"
DAY_S = 86_400


@asynccontextmanager
async def archiving_service(serve: Serve, redis: Redis, folder: Path, **others: Any) -> AsyncIterator[Judged]:
    """An API that reads an archive in a local folder, and a worker that does not write it: the test does."""
    changes = {"archive": {"url": str(folder / "archive"), "after_hours": 0.0, **others}}
    async with ModelServer("openai", lambda body: GOOD) as model:
        judged: Judged = await serve(workers=0, openai=model, changes=changes)
        await archiving.turn_on(redis, 0)
        without = msgspec.structs.replace(judged.settings, archive=ArchiveSettings())
        async with judged.worker(without):
            yield judged


def runs_of(redis: Redis, settings: Settings) -> ArchiveRuns:
    return ArchiveRuns(redis, settings, Objects(settings.archive))


async def archived(redis: Redis, settings: Settings) -> None:
    """Archives all that has ended."""
    await archiving.turn_on(redis, settings.archive.after_s)
    await runs_of(redis, settings).run(0, takes_snapshots=True)


async def labelled(judged: Judged, names: list[str], people: tuple[str, ...] = ("ann", "bea")) -> None:
    labels = [
        {"item_id": name, "criterion": "helpfulness", "annotator": who, "score": 1 + (n + len(who)) % 5}
        for n, name in enumerate(names)
        for who in people
    ]
    response = await judged.client.post("/v1/labels", json={"labels": labels})
    assert response.status_code == 200, response.text


async def ids_of_item(judged: Judged, name: str) -> list[str]:
    response = await judged.client.get(f"/v1/items/{name}")
    assert response.status_code == 200, response.text
    return [each["id"] for each in response.json()["judgments"]]


async def figures(judged: Judged) -> Row:
    response = await judged.client.get(
        "/v1/agreement", params={"judge": "helpfulness", "model": MODEL, "window": "all"}
    )
    assert response.status_code == 200, response.text
    found: Row = response.json()
    return found


async def let_go(redis: Redis) -> int:
    """Removes what has an expiry, as its time would. Returns the number of jobs that went."""
    names = [name.decode() async for name in redis.scan_iter(match=keys.job("*"))]
    names += [name.decode() async for name in redis.scan_iter(match=keys.item("*"))]
    async with redis.pipeline(transaction=False) as asking:
        for name in names:
            asking.pttl(name)
        gone = [name for name, ttl in zip(names, await asking.execute(), strict=True) if ttl >= 0]
    if gone:
        await redis.delete(*gone)
    return sum(":" not in name.removeprefix(keys.job("")) for name in gone if name.startswith(keys.job("")))


def rows_in(folder: Path) -> list[tuple[Any, ...]]:
    """Returns the ids of the judgments of an archive as DuckDB reads them."""
    files = f"{folder}/archive/judgments/*/*.parquet"
    return duckdb.execute(f"SELECT id FROM read_parquet('{files}')").fetchall()


async def test_judgments_move_to_the_archive_and_are_seen_once_all_the_time(
    serve: Serve, redis: Redis, tmp_path: Path
) -> None:
    async with archiving_service(serve, redis, tmp_path, file_judgments=100) as judged:
        first = await judged.judge(items(120), models=[MODEL])
        second = await judged.judge(items(30), models=[MODEL], cache=False)
        await labelled(judged, [f"t-{n}" for n in range(20)])
        before = await figures(judged)
        wanted = {f"t-{n}": await ids_of_item(judged, f"t-{n}") for n in (0, 7, 29, 30, 119)}
        assert list(map(len, wanted.values())) == [2, 2, 2, 1, 1]
        await archived(redis, judged.settings)
        for name in ("t-0", "t-29", "t-119"):
            assert await ids_of_item(judged, name) == wanted[name]  # in both
        assert await let_go(redis) == 2
        assert (await judged.client.get(f"/v1/jobs/{first['id']}")).status_code == 404
        for name, ids in wanted.items():
            assert await ids_of_item(judged, name) == ids
        assert await figures(judged) == before
        told = {each["id"]: each for job in (first, second) for each in job["judgments"]}
        seen = (await judged.client.get("/v1/items/t-7")).json()["judgments"]
        assert seen == [told[each["id"]] for each in seen]
        assert Counter(name for (name,) in rows_in(tmp_path)) == Counter(list(told))
        page = await judged.client.get("/items/t-119", headers={"Accept": "text/html"})
        assert "answer 119" in page.text
        metrics = await judged.metrics()
        assert metrics["judged_archived_judgments_total"] == 150
        assert metrics["judged_archived_jobs_total"] == 2
        assert (metrics["judged_archive_lag_seconds"], metrics["judged_unarchived_jobs"]) == (0, 0)


class Killed(BaseException):
    """The process died here."""


class Death:
    """Ends the work before one of its calls to the object store or the store, which is after the one before."""

    def __init__(self, at: int) -> None:
        self._left = at
        self.came = False

    def comes(self) -> None:
        if self._left == 0:
            self.came = True
        if self.came:
            raise Killed
        self._left -= 1

    def wrapped(self, call: Any) -> Any:
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            self.comes()
            return await call(*args, **kwargs)

        return wrapper


async def all_keys(redis: Redis) -> dict[bytes, tuple[int, bytes]]:
    return {name: (max(await redis.pttl(name), 0), await redis.dump(name)) async for name in redis.scan_iter()}


async def set_keys(redis: Redis, stored: dict[bytes, tuple[int, bytes]]) -> None:
    async with redis.pipeline(transaction=True) as writing:  # the API that still runs writes at its own times
        writing.flushall()
        for name, (ttl, content) in stored.items():
            writing.restore(name, ttl, content)
        await writing.execute()


async def seen_by_readers(redis: Redis, settings: Settings, names: list[str]) -> Counter[str]:
    """How often a new reader sees each judgment of these items."""
    reader = ArchiveReader(Objects(settings.archive))
    found = [await found_judgments(redis, reader, name, None) for name in names]
    return Counter(msgspec.json.decode(each)["id"] for item in found for each in item.judgments)


@pytest.mark.timeout(400)
async def test_a_death_at_any_step_loses_and_repeats_nothing(
    serve: Serve, redis: Redis, store_url: str, tmp_path: Path
) -> None:
    names = ["t-0", "t-4", "t-5", "t-109"]
    async with archiving_service(serve, redis, tmp_path) as judged:
        jobs = [await judged.judge(items(110), models=[MODEL]), await judged.judge(items(5), models=[MODEL])]
        await labelled(judged, names[:2])
    settings = judged.settings
    every = Counter(each["id"] for job in jobs for each in job["judgments"])
    once = Counter(each["id"] for job in jobs for each in job["judgments"] if each["item_id"] in names)
    stored = await all_keys(redis)
    assert await seen_by_readers(redis, settings, names) == once
    for at in range(1_000):
        folder = tmp_path / f"{at}"
        own = msgspec.structs.replace(
            settings, archive=ArchiveSettings(url=str(folder / "archive"), after_hours=0.0, file_judgments=100)
        )
        await set_keys(redis, stored)
        death = Death(at)
        dying, objects = connect(store_url, retries=1, max_connections=4), Objects(own.archive)
        dying.execute_command = death.wrapped(dying.execute_command)  # type: ignore[method-assign]
        for method in ("put_new", "get", "listed", "delete"):
            setattr(objects, method, death.wrapped(getattr(objects, method)))
        with contextlib.suppress(Killed):
            await ArchiveRuns(dying, own, objects).run(0)
        await dying.aclose()
        await let_go(redis)
        assert await seen_by_readers(redis, own, names) == once, at
        await redis.delete(keys.ARCHIVE_LEASE)  # as its time would
        await runs_of(redis, own).run(0)
        assert await seen_by_readers(redis, own, names) == once, at
        assert await let_go(redis) == 2 or at, at
        assert await seen_by_readers(redis, own, names) == once, at
        assert Counter(name for (name,) in rows_in(folder)) == every, at
        assert await redis.hget(keys.COUNTERS, "archived_judgments_total") == b"115", at  # type: ignore[misc]
        assert await redis.zcard(keys.UNARCHIVED) == await redis.zcard(keys.UNARCHIVED_LABELS) == 0, at
        if not death.came:
            assert at > 30
            return


async def counts_of(judged: Judged, names: list[str]) -> Row:
    """What people see of some items: their judgments with votes, their labels, and the figures of agreement."""
    seen = [(await judged.client.get(f"/v1/items/{name}")).json() for name in names]
    rebuilt = await judged.client.post("/v1/agreement/rebuild", params={"repair": "false"})
    labels = (await judged.client.get("/v1/labels", headers={"Accept": "application/x-ndjson"})).text.splitlines()
    return {
        "items": len(seen),
        "judgments": sorted(each["id"] for item in seen for each in item["judgments"]),
        "votes": sum(len(each["votes"]) for item in seen for each in item["judgments"]),
        "labels": sorted(labels),
        "agreement": await figures(judged),
        "rebuilt": rebuilt.json(),
        "judges": (await judged.client.get("/v1/judges")).json(),
    }


async def test_an_empty_store_is_restored_with_equal_counts(serve: Serve, redis: Redis, tmp_path: Path) -> None:
    names = [f"t-{n}" for n in range(25)]
    async with archiving_service(serve, redis, tmp_path) as judged:
        await labelled(judged, names[:3])  # before anybody judges them
        await judged.judge(items(25), models=[MODEL, "control/overlap"], samples=2)
        await judged.judge(items(5), judge=["helpfulness", "relevance"], models=[MODEL], cache=False)
        await labelled(judged, names[:12])
        await archived(redis, judged.settings)
        await judged.client.delete("/v1/labels", params={"item_id": "t-4"})
        await archived(redis, judged.settings)
        before = await counts_of(judged, names)
        states = await item_states(redis)
        await redis.flushall()
        await redis.set(
            keys.PACKED, int(max(Packing))
        )  # as in a new installation: the worker's heartbeat may come before it begins
        done = await restore_archive(
            redis, Objects(judged.settings.archive), keep_s=DAY_S, since=None, note_rows=lambda _: None
        )
        assert (done.judgments, done.jobs, done.labels) == (35, 2, 22)
        assert await first_bytes(redis) == {b"\x01", b"\x02"}  # the store is a new installation
        assert await counts_of(judged, names) == before
        assert (before["votes"], before["rebuilt"]["differing"]) == (25 * 4 + 10, 0)
        assert await item_states(redis) == states  # also of items without labels, which may get some
        assert await let_go(redis) == 2
        assert await counts_of(judged, names) == before  # from the archive alone


async def first_bytes(redis: Redis) -> set[bytes]:
    """What the judgments and the items of all chunks begin with."""
    found = [await redis.getrange(name, 0, 0) async for name in redis.scan_iter(match=keys.job("*:items:*"))]
    async for _, fields in scanned_hashes(redis, keys.job("*:results:*")):
        found += [value[:1] for value in fields.values()]
    return set(found)


async def item_states(redis: Redis) -> dict[str, Any]:
    """The labels and scores of every item, without their revisions."""
    return {
        name: {(each, criterion): state.json for criterion, state in item.states.items()}
        async for item, name in stored_items(redis)
        for each in [item.content]
    }


async def stored_items(redis: Redis) -> AsyncIterator[tuple[StoredItem, str]]:
    async for name, fields in scanned_hashes(redis, keys.item("*")):
        yield item_of(name.removeprefix(keys.item("")), fields), name


async def test_labels_that_change_after_they_were_archived_are_followed(
    serve: Serve, redis: Redis, tmp_path: Path
) -> None:
    async with archiving_service(serve, redis, tmp_path) as judged:
        await judged.judge(items(4), models=[MODEL])
        await labelled(judged, ["t-0", "t-1", "t-2"])
        await archived(redis, judged.settings)
        before = newest_labels(tmp_path)
        assert len(before) == 6
        await labelled(judged, ["t-9", "t-1"], people=("ann",))
        assert (await judged.client.delete("/v1/labels", params={"annotator": "bea"})).json()["deleted"] == 3
        assert (await judged.client.delete("/v1/labels", params={"item_id": "t-2"})).json()["deleted"] == 1
        await archived(redis, judged.settings)
        told = (await judged.client.get("/v1/labels")).json()["labels"]
        assert newest_labels(tmp_path) == {(each["item_id"], each["annotator"], each["score"]) for each in told}
        assert len(newest_labels(tmp_path)) == 3
        await runs_of(redis, judged.settings).compact()
        assert {who for _, who, _ in labels_in(tmp_path)} == {"ann"}  # nothing is left of whom people removed
        assert set(labels_in(tmp_path)) == newest_labels(tmp_path)


def labels_in(folder: Path, chosen: str = "") -> list[tuple[Any, ...]]:
    files = f"read_parquet('{folder}/archive/labels/*/*.parquet')"
    return duckdb.connect().execute(f"SELECT item_id, annotator, score FROM {files} {chosen}").fetchall()


def newest_labels(folder: Path) -> set[tuple[Any, ...]]:
    newest = "QUALIFY reading = max(reading) OVER (PARTITION BY item_id, criterion)"
    return {row for row in labels_in(folder, newest) if row[1] is not None}


async def test_forgotten_items_and_jobs_are_gone_for_every_reader(serve: Serve, redis: Redis, tmp_path: Path) -> None:
    async with archiving_service(serve, redis, tmp_path) as judged:
        first = await judged.judge(items(6), models=[MODEL])
        await archived(redis, judged.settings)
        second = await judged.judge(items(3), models=[MODEL], cache=False)  # waits in the store
        before = await figures(judged)
        objects = Objects(judged.settings.archive)
        await forget(redis, objects, items=["t-1"], jobs=[second["id"]])
        assert (await judged.client.get("/v1/items/t-1")).status_code == 404
        assert await ids_of_item(judged, "t-2") == [first["judgments"][2]["id"]]
        await runs_of(redis, judged.settings).compact()
        await archived(redis, judged.settings)
        kept = {each["id"] for number, each in enumerate(first["judgments"]) if number != 1}
        assert {name for (name,) in rows_in(tmp_path)} == kept
        assert await figures(judged) == before
        await judged.judge(items(2), models=[MODEL], cache=False)  # the item may come back
        await archived(redis, judged.settings)
        await let_go(redis)
        assert len(await ids_of_item(judged, "t-1")) == 1
        assert len(rows_in(tmp_path)) == 7


async def test_labels_of_a_forgotten_item_stay_until_they_are_removed(
    serve: Serve, redis: Redis, tmp_path: Path
) -> None:
    async with archiving_service(serve, redis, tmp_path) as judged:
        await judged.judge(items(2), models=[MODEL])
        for name in ("t-0", "t-1"):
            await labelled(judged, [name])
            await archived(redis, judged.settings)
        await forget(redis, Objects(judged.settings.archive), items=["t-0"], jobs=[])
        await runs_of(redis, judged.settings).compact()
        assert {row[0] for row in labels_in(tmp_path)} == {"t-0", "t-1"}
        await judged.client.delete("/v1/labels", params={"item_id": "t-0"})
        await archived(redis, judged.settings)
        await runs_of(redis, judged.settings).compact()
        assert {row[0] for row in labels_in(tmp_path)} == {"t-1"}


async def test_files_of_a_day_become_one_and_readers_notice_nothing(serve: Serve, redis: Redis, tmp_path: Path) -> None:
    async with archiving_service(serve, redis, tmp_path) as judged:
        for _ in range(3):
            await judged.judge(items(40), models=[MODEL], cache=False)
            await archived(redis, judged.settings)
        await let_go(redis)
        before = await ids_of_item(judged, "t-3")
        assert len(before) == 3
        folder = tmp_path / "archive"
        assert len(list(folder.glob("judgments/*/*.parquet"))) == 3
        stale = ArchiveReader(Objects(judged.settings.archive))
        await stale.judgments_of_item(redis, "t-3", None)
        all_times = datetime.fromtimestamp(0, UTC), datetime.now(UTC) + timedelta(days=1)
        exporting = stale.judgments_between(redis, *all_times, None, None)
        exported = [(await anext(exporting)).id]
        await runs_of(redis, judged.settings).compact()
        exported += [each.id async for each in exporting]
        assert Counter(exported) == Counter(name for (name,) in rows_in(tmp_path))
        assert len(list(folder.glob("judgments/*/*.parquet"))) == len(list(folder.glob("index/judgments/*/*"))) == 1
        assert await ids_of_item(judged, "t-3") == before
        assert [each.id for each in await stale.judgments_of_item(redis, "t-3", None)] == before
        assert len(rows_in(tmp_path)) == 120
        assert await runs_of(redis, judged.settings).compact() == Compacted()


async def test_an_archive_that_is_away_keeps_everything_in_the_store(
    serve: Serve, redis: Redis, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with archiving_service(serve, redis, tmp_path) as judged:
        job = await judged.judge(items(5), models=[MODEL])
        (tmp_path / "archive").write_text("no folder")
        runs = runs_of(redis, msgspec.structs.replace(judged.settings))
        for _ in range(3):
            await runs.run_due()
        told = [each.getMessage() for each in caplog.records if each.levelname == "ERROR" and "archive" in each.name]
        assert len(told) == 1
        assert told[0].startswith("the archive can't be written, and nothing is let go from the store: ")
        assert await let_go(redis) == 0
        assert (await judged.job(job["id"]))["counts"]["scored"] == 5
        assert (await judged.client.get("/v1/items/t-1")).status_code == 503
        metrics = await judged.metrics()
        assert (metrics["judged_archive_failures_total"], metrics["judged_unarchived_jobs"]) == (3, 1)
        assert metrics["judged_archive_lag_seconds"] > 0
        (tmp_path / "archive").unlink()
        (tmp_path / "archive").mkdir()
        await runs.run_due()
        assert await let_go(redis) == 1
        assert len(await ids_of_item(judged, "t-1")) == 1


async def test_without_an_archive_jobs_expire_as_ever_and_an_archive_adopts_them(
    serve: Serve, redis: Redis, tmp_path: Path
) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model:
        judged: Judged = await serve(openai=model)
        job = await judged.judge(items(3), models=[MODEL])
        await labelled(judged, ["t-1"])
        assert await redis.ttl(keys.job(job["id"])) > 0
        assert await redis.ttl(keys.item("t-0")) > 0
        assert "judged_archive_lag_seconds" not in await judged.metrics()
        own = msgspec.structs.replace(
            judged.settings, archive=ArchiveSettings(url=str(tmp_path / "archive"), after_hours=1)
        )
        await runs_of(redis, own).run_due()  # adopts it, and it is not due yet
        assert await redis.ttl(keys.job(job["id"])) == await redis.ttl(keys.item("t-0")) == -1
        assert len(newest_labels(tmp_path)) == 2
        assert await archiving.turn_off(redis, keep_s=DAY_S) == 1
        assert 0 < await redis.ttl(keys.job(job["id"])) <= DAY_S
        assert 0 < await redis.ttl(keys.item("t-0")) <= DAY_S
        assert await redis.ttl(keys.item("t-1")) == -1
        await runs_of(redis, own).run(0)
        assert not (tmp_path / "archive" / "judgments").exists()  # what was let go is not taken back
