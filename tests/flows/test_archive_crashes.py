"""Workers that are killed as an archive in S3 is written, and a stopped store: each judgment is there once."""

import signal
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from service.archive.catalog import load_catalog
from service.archive.objects import Objects
from service.config.settings import ArchiveSettings
from service.store import keys
from tests.archive.conftest import s3, s3_archive
from tests.flows.faults import GOOD, items
from tests.flows.fleet import ended, fleet_of
from tests.launch.processes import Watched
from tests.polling import until
from tests.stubs.model_server import ModelServer

__all__ = ["s3", "s3_archive"]

MODEL = "openai/m"
STEPS = ["archive: the plan of", " has 100 judgments", " jobs are let go"]


@pytest.mark.timeout(300)
async def test_killed_workers_and_a_stopped_store_leave_each_judgment_once(
    tmp_path: Path, s3_archive: ArchiveSettings
) -> None:
    environ = {
        "JUDGED_ARCHIVE_URL": str(s3_archive.url),
        "JUDGED_ARCHIVE_ENDPOINT": s3_archive.endpoint,
        "JUDGED_ARCHIVE_REGION": s3_archive.region,
        "JUDGED_ARCHIVE_AFTER_HOURS": "0",
        "JUDGED_ARCHIVE_EVERY_SECONDS": "0.3",
        "JUDGED_ARCHIVE_FILE_JUDGMENTS": "100",
        "JUDGED_LOG_LEVEL": "debug",
    }
    objects = Objects(s3_archive)
    async with ModelServer("openai", lambda body: GOOD) as model, fleet_of(tmp_path, model) as fleet:
        jobs: list[str] = []
        for step in STEPS:
            worker = await fleet.worker(**environ)
            jobs.append(await fleet.judged.submit(items(130), models=[MODEL], cache=False))

            async def has_come(step: str = step, worker: Watched = worker) -> bool:
                return step in worker.printed

            await until(has_come, step)
            worker.send(signal.SIGKILL)
            await ended(worker)
            await fleet.redis.delete(keys.ARCHIVE_LEASE, "arq:in-progress:write_archive")  # as their times would
        await fleet.end_store(signal.SIGTERM)  # killed, it may lose its last second, and a job is archived again
        await fleet.start_store()
        await fleet.worker(**environ)

        async def all_archived() -> bool:
            files = (await load_catalog(objects)).of("judgments")
            return sum(each.rows for each in files) == 390 and not await fleet.redis.zcard(keys.UNARCHIVED)

        await until(all_archived, "all judgments in the archive")
        there = Counter[str]()
        for number, file in enumerate((await load_catalog(objects)).of("judgments")):
            local = tmp_path / f"{number}.parquet"
            local.write_bytes(await objects.get(file.path))
            rows = duckdb.connect().execute(f"SELECT id, job_id FROM '{local}'").fetchall()
            there.update(name for name, _ in rows)
        told = [each["id"] for job_id in jobs for each in await fleet.judged.judgments(job_id)]
        assert there == Counter(told)
        assert len(told) == 390
        metrics = await fleet.judged.metrics()
        assert (metrics["judged_archived_judgments_total"], metrics["judged_archived_jobs_total"]) == (390, 3)
        assert all([await fleet.redis.ttl(keys.job(job_id)) > 0 for job_id in jobs])
