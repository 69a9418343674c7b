"""Machines whose clocks are a minute apart work together: all times are the store's."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from service.store import keys
from tests.flows.faults import GOOD, items
from tests.flows.fleet import fleet_of
from tests.flows.test_crashes import MODEL, assert_each_was_scored_once
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

LIMIT = 4


async def test_workers_a_minute_ahead_and_behind_are_alive_and_keep_limits_and_deadlines(tmp_path: Path) -> None:
    async with (
        ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.05)) as model,
        fleet_of(tmp_path, model, max_concurrency=LIMIT) as fleet,
    ):
        workers = [fleet.started("tests.flows.skewed_worker", JUDGED_TEST_SKEW_S=skew) for skew in ("60", "-60", "0")]
        await fleet.judged.until_ready(workers=3)
        before = datetime.now(UTC)
        job_id = await fleet.judged.submit(items(120), models=[MODEL], deadline_s=40)
        job = await fleet.over(job_id)
        await assert_each_was_scored_once(fleet.judged, job, 120)
        assert model.peak <= LIMIT
        assert model.calls == 120
        times = [job["started_at"], job["finished_at"], *(each["finished_at"] for each in job["judgments"])]
        for each in times:
            assert (
                before - timedelta(seconds=1) < datetime.fromisoformat(each) < datetime.now(UTC) + timedelta(seconds=1)
            )
        due = [each.decode().split(":") for each in await fleet.redis.keys(f"{keys.PREFIX}due:sweep:*")]
        periods = {int(each[-1]) * 30 for each in due}
        assert max(periods) - min(periods) <= 60
        assert max(periods) <= datetime.now(UTC).timestamp()
        assert all(worker.process.poll() is None for worker in workers)
