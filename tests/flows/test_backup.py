"""A backup of a store under load, restored elsewhere: every job that was accepted goes on, and every count is right."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.flows.conftest import Row
from tests.flows.faults import GOOD, items
from tests.flows.fleet import Fleet, ended, fleet_of
from tests.launch.processes import watched
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

MODEL = "openai/m"
ITEMS = 60


async def command(folder: Path, *arguments: str, environ: Mapping[str, str]) -> str:
    """Runs `judged` and returns what it printed."""
    with watched((sys.executable, "-m", "service.cli", *arguments), folder, environ) as running:
        assert await ended(running, 60.0) == 0, running.printed
        return running.printed


async def submitted(fleet: Fleet, name: str) -> str:
    named = [{**item, "id": f"{name}-{item['id']}"} for item in items(ITEMS)]
    return await fleet.judged.submit(named, models=[MODEL], cache=False)


async def labelled(fleet: Fleet, name: str) -> None:
    labels = [
        {"item_id": f"{name}-t-{n}", "criterion": "helpfulness", "annotator": who, "score": 1 + n % 5}
        for n in range(ITEMS)
        for who in ("ann", "bea")
    ]
    response = await fleet.judged.client.post("/v1/labels", json={"labels": labels}, timeout=30)
    assert response.status_code == 200, response.text


async def rebuilt(fleet: Fleet) -> Row:
    response = await fleet.judged.client.post("/v1/agreement/rebuild", params={"repair": "false"}, timeout=60)
    found: Row = response.json()
    return found


@pytest.mark.timeout(240)  # two stores, two workers and some hundred slow judgments
async def test_a_backup_under_load_is_restored_with_all_that_was_accepted(tmp_path: Path) -> None:
    first, second, file = tmp_path / "first", tmp_path / "second", tmp_path / "all.rdb"
    first.mkdir()
    second.mkdir()
    async with ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.2)) as model:
        async with fleet_of(first, model, max_concurrency=4) as fleet:
            await fleet.worker()
            accepted = [await submitted(fleet, f"j{n}") for n in range(3)]
            await labelled(fleet, "j0")
            await fleet.judged.until_scored(accepted[0], 6)
            environ = {"JUDGED_REDIS_URL": fleet.store.url}
            saving = asyncio.create_task(command(tmp_path, "backup", str(file), environ=environ))
            later = 0
            while not saving.done():  # what comes while it is taken is in it whole, or not at all
                await submitted(fleet, f"later{later}")
                await labelled(fleet, f"later{later}")
                later += 1
            assert f"{file}: " in await saving
            assert (await fleet.counts(accepted[2]))["pending"] > 0
        restored = await command(tmp_path, "restore", str(file), "--data", str(second), environ={})
        assert restored.startswith(f"{second} has what {file} had")

        model.reply = lambda body: GOOD
        async with fleet_of(second, model, max_concurrency=64) as fleet:
            assert (await rebuilt(fleet))["differing"] == 0
            await fleet.worker()
            listed = (await fleet.judged.client.get("/v1/jobs", params={"limit": 1000})).json()["jobs"]
            there = [job["id"] for job in listed]
            assert set(accepted) <= set(there)
            for job_id in there:
                job = await fleet.over(job_id, 60.0)
                assert (job["status"], job["counts"]["scored"]) == ("completed", ITEMS)
                assert len({each["item_id"] for each in job["judgments"]}) == ITEMS
            found = await rebuilt(fleet)
            assert (found["differing"], found["labels"] >= 2 * ITEMS) == (0, True)
            metrics = await fleet.judged.metrics()
            labels = f'judge="helpfulness",model="{MODEL}",outcome="scored",reason="",version="1"'
            assert metrics[f"judged_judgments_total{{{labels}}}"] == ITEMS * len(there)
            assert metrics["judged_queue_items"] == 0
