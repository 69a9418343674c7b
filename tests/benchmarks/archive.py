"""The archive with many judgments: what writing costs, and what a look-up of an item takes in time and requests.

    python -m tests.benchmarks.archive [--judgments 1000000] [--days 30] [--lookups 200] [--s3]

Prints the CPU seconds of the process for a thousand judgments written, the size of a judgment, and for look-ups with
cold and with warm indexes the median time and the calls to the object store. `--s3` asks a server on loopback that
speaks S3, whose own time is in the figures; else a local folder. Judgments are made up, 600 bytes of text each.
"""

import argparse
import asyncio
import hashlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
from redis.asyncio import Redis

from service.archive.catalog import ArchivedFile, Catalog, change_catalog
from service.archive.columns import ARCHIVED_JUDGMENT_COLUMNS
from service.archive.objects import Objects
from service.archive.reading import ArchiveReader
from service.archive.writing import encoded_judgments, file_path, put_judgments
from service.config.settings import ArchiveSettings
from service.files.export_columns import row_values

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
FILE_ROWS = 35_000


class _NoStore:
    """Stands for the store, of which only the version of the archive is asked."""

    async def hget(self, *_: object) -> bytes:
        return b"1"


def item_id(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:20]


def row(number: int, at: datetime) -> dict[str, Any]:
    text = hashlib.sha256(f"{number}".encode()).hexdigest() * 4
    vote = {"model": "openai/m", "sample": 0, "outcome": "scored", "score": 4.0, "raw_text": text, "explanation": text}
    judgment = {
        "id": f"jdg_{number:022}",
        "job_id": f"job_{number // 1000:022}",
        "item_id": item_id(number),
        "judge": {"name": "helpfulness", "version": 1, "digest": "sha256:0"},
        "criterion": "helpfulness",
        "outcome": "scored",
        "score": 4.0,
        "explanation": text,
        "finished_at": at,
        "created_at": at,
        "votes": [vote],
    }
    told = json.dumps(judgment, default=str)
    kept = {"position": number % 1000, "purpose": "judging", "owner": "k", "json": told}
    item = json.dumps({"id": judgment["item_id"], "output": text[:200]})
    return row_values(
        ARCHIVED_JUDGMENT_COLUMNS, {**judgment, **kept, "item": item, "job": f"job {number // 1000}" * 99}
    )


async def written(objects: Objects, judgments: int, days: int) -> None:
    a_day, spent, size = judgments // days, 0.0, 0
    files: list[ArchivedFile] = []
    for day in range(days):
        at = FIRST_DAY + timedelta(days=day)
        for start in range(0, a_day, FILE_ROWS):
            first = day * a_day + start
            rows = [row(number, at) for number in range(first, first + min(FILE_ROWS, a_day - start))]
            began = time.process_time()
            made = encoded_judgments(rows)
            spent += time.process_time() - began
            size += len(made.file.content)
            name = at.date().isoformat()
            files.append(await put_judgments(objects, file_path("judgments", name, f"{start}"), name, made, 0))

    async def change(known: Catalog) -> Catalog:
        return known.changed(added=files)

    await change_catalog(objects, change)
    print(f"written: {judgments:,} judgments in {len(files)} files, {size / judgments:.0f} bytes each")
    print(f"         {1000 * spent / judgments * 1000:.1f} ms of CPU for a thousand judgments")


async def looked_up(
    objects: Objects, name: str, numbers: list[int], reader_of: Callable[[], ArchiveReader], expected: int
) -> None:
    store = cast("Redis", _NoStore())
    times, cpu, calls = [], [], []
    for number in numbers:
        reader = reader_of()
        before, began, used = objects.calls, time.perf_counter(), time.process_time()
        found = await reader.judgments_of_item(store, item_id(number), None)
        times.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
        calls.append(objects.calls - before)
        assert len(found) == expected, number
    middle = 1000 * statistics.median(times)
    print(
        f"{name:<28}{middle:8.1f} ms, {1000 * statistics.median(cpu):6.1f} ms of CPU,"
        f" {statistics.median(calls):g} calls (at most {max(calls)})"
    )


async def measured(settings: ArchiveSettings, judgments: int, days: int, lookups: int) -> None:
    objects = Objects(settings)
    await written(objects, judgments, days)
    step = max(judgments // days * days // lookups, 1)
    numbers = [index * step for index in range(lookups)]
    warm = ArchiveReader(objects)
    await looked_up(objects, "a new process, first look-up", numbers[:5], lambda: ArchiveReader(objects), 1)
    await looked_up(objects, "an item, files not yet read", numbers[: lookups // 2], lambda: warm, 1)
    await looked_up(objects, "an item, files read before", numbers[lookups // 2 :], lambda: warm, 1)
    unknown = [judgments * 2 + number for number in range(lookups)]
    await looked_up(objects, "an item that is not there", unknown, lambda: warm, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judgments", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--lookups", type=int, default=200)
    parser.add_argument("--s3", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        settings = ArchiveSettings(url=str(Path(name) / "archive"))
        if options.s3:
            settings = _served(name)
        asyncio.run(measured(settings, options.judgments, options.days, options.lookups))


def _served(name: str) -> ArchiveSettings:
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    os.environ |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    httpx.put(f"{endpoint}/archive").raise_for_status()
    return ArchiveSettings(url="s3://archive/judged", endpoint=endpoint, region="us-east-1")


if __name__ == "__main__":
    main()
