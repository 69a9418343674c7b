"""A store that comes back without its last writes, and workers that were frozen: every job ends, once."""

import asyncio
import shutil
import signal
from pathlib import Path

from service.store import keys
from service.store.sweeping import Swept, sweep
from tests.flows.conftest import Row
from tests.flows.faults import GOOD, items
from tests.flows.fleet import Fleet, ended, fleet_of
from tests.flows.test_crashes import MODEL, assert_each_was_scored_once, calls_by_item, number_of
from tests.polling import until
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

LIMIT_S = 50.0


async def copied(fleet: Fleet, folder: Path) -> None:
    """The store's data as they are on the disk now: a power cut later on would leave at least these."""
    await asyncio.to_thread(shutil.copytree, fleet.store.data / "appendonlydir", folder)


async def restored(fleet: Fleet, folder: Path) -> None:
    """Ends the store, and starts it with the copy of its data."""
    await fleet.end_store(signal.SIGKILL)
    await asyncio.to_thread(shutil.rmtree, fleet.store.data / "appendonlydir")
    await asyncio.to_thread(shutil.copytree, folder, fleet.store.data / "appendonlydir")
    await fleet.start_store()


async def test_a_store_that_loses_its_last_writes_gets_every_job_done(tmp_path: Path) -> None:
    """One job was half done, one was done, and one was cancelled when it went back."""
    async with (
        ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.05)) as model,
        fleet_of(tmp_path, model, max_concurrency=8) as fleet,
    ):
        worker = await fleet.worker()
        small = await fleet.judged.submit(items(10), models=[MODEL], cache=False)
        job_id = await fleet.judged.submit(items(160), models=[MODEL], cache=False)
        await fleet.judged.until_scored(job_id, 20)
        await copied(fleet, tmp_path / "copy")
        kept = (await fleet.counts(job_id))["scored"]
        await fleet.judged.until_scored(job_id, kept + 60)
        lost = (await fleet.counts(job_id))["scored"] - kept
        await restored(fleet, tmp_path / "copy")
        job = await fleet.over(job_id, LIMIT_S)
        assert worker.process.poll() is None
        await fleet.over(small)
        assert job["counts"]["scored"] == len({each["item_id"] for each in job["judgments"]}) == 160
        assert await sweep(fleet.redis, keep_s=3600) == Swept()
        assert await fleet.redis.get(keys.PENDING) == b"0"
        assert await fleet.redis.zcard(keys.OPEN_JOBS) == 0
        repeated = model.calls - 170
        print(f"lost {lost}, repeated {repeated}")
        assert repeated <= lost + 2 * 8 + 20  # those lost since the copy, and those in flight


async def test_judgments_that_the_store_lost_are_stored_again_by_the_worker_that_still_has_them(tmp_path: Path) -> None:
    def answer(body: Row) -> Reply:
        delays = [(5, 0.05), (30, 2.0), (40, 8.0)]  # before the copy of the store, after it, and once it is restored
        return Reply(text=GOOD, delay=next(delay for before, delay in delays if number_of(body) < before))

    async with ModelServer("openai", answer) as model, fleet_of(tmp_path, model, max_concurrency=40) as fleet:
        await fleet.worker()
        job_id = await fleet.judged.submit(items(40), models=[MODEL])  # one chunk
        await fleet.judged.until_scored(job_id, 3)
        await copied(fleet, tmp_path / "copy")
        await fleet.judged.until_scored(job_id, 30)
        await restored(fleet, tmp_path / "copy")
        assert (await fleet.counts(job_id))["scored"] < 30
        job = await fleet.over(job_id, LIMIT_S)
        await assert_each_was_scored_once(fleet.judged, job, 40)
        assert model.calls == 40
        assert await sweep(fleet.redis, keep_s=3600) == Swept()


async def test_a_worker_that_was_frozen_stops_and_repeats_only_calls_in_flight(tmp_path: Path) -> None:
    async with (
        ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.3)) as model,
        fleet_of(tmp_path, model, max_concurrency=8) as fleet,
    ):
        frozen = await fleet.worker()
        job_id = await fleet.judged.submit(items(200), models=[MODEL], cache=False)
        await fleet.judged.until_scored(job_id, 20)
        await fleet.worker()
        frozen.send(signal.SIGSTOP)
        in_flight = model.running
        await asyncio.sleep(12)  # longer than a lease
        frozen.send(signal.SIGCONT)
        job = await fleet.over(job_id, LIMIT_S)
        await assert_each_was_scored_once(fleet.judged, job, 200)
        repeated = sum(count - 1 for count in calls_by_item(model).values())
        print(f"in flight {in_flight}, repeated {repeated}")
        assert repeated <= 2 * 8
        assert frozen.process.poll() is None
        frozen.send(signal.SIGTERM)
        assert await ended(frozen) == 0, frozen.printed


async def test_calls_repeated_after_a_kill_are_at_most_those_in_flight(tmp_path: Path) -> None:
    limit = 32
    async with (
        ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.2)) as model,
        fleet_of(tmp_path, model, max_concurrency=limit) as fleet,
    ):
        victims = [await fleet.worker() for _ in range(2)]
        job_id = await fleet.judged.submit(items(600), models=[MODEL], cache=False)
        for least, victim in zip((60, 250), victims, strict=True):
            await fleet.judged.until_scored(job_id, least)
            await fleet.worker()  # one that is there before the other is gone
            victim.send(signal.SIGKILL)
            await ended(victim)
        job = await fleet.over(job_id, LIMIT_S)
        await assert_each_was_scored_once(fleet.judged, job, 600)
        repeated = model.calls - 600
        print(f"two kills, {limit} calls in flight, repeated {repeated}")
        assert 0 < repeated <= 2 * limit


async def test_an_outage_longer_than_leases_live_repeats_no_call(tmp_path: Path) -> None:
    """The workers keep the answers that came meanwhile, and none takes a chunk of another that goes on with it."""
    async with (
        ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.1)) as model,
        fleet_of(tmp_path, model, max_concurrency=8) as fleet,
    ):
        await asyncio.gather(fleet.worker(), fleet.worker())
        job_id = await fleet.judged.submit(items(300), models=[MODEL], cache=False)
        await fleet.judged.until_scored(job_id, 30)
        await fleet.end_store(signal.SIGKILL)
        await asyncio.sleep(12)
        await fleet.start_store()
        job = await fleet.over(job_id, LIMIT_S)
        await assert_each_was_scored_once(fleet.judged, job, 300)
        print(f"repeated {model.calls - 300}")
        assert model.calls - 300 <= 8


async def test_of_a_job_that_the_store_lost_no_further_call_is_made(tmp_path: Path) -> None:
    """The worker paid for all items of its chunks, and said nothing; then it works on for others."""
    async with (
        ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.3)) as model,
        fleet_of(tmp_path, model, max_concurrency=4) as fleet,
    ):
        worker = await fleet.worker()
        lost = await fleet.judged.submit(items(100), models=[MODEL], cache=False)
        await until(lambda: model.calls >= 4, "the first calls")
        await fleet.redis.flushall()
        await asyncio.to_thread(worker.until, f"{lost} is no longer in the store")
        kept = await fleet.judged.submit(items(3), models=[MODEL], cache=False)
        await assert_each_was_scored_once(fleet.judged, await fleet.over(kept, LIMIT_S), 3)
        assert model.calls < 60
        assert worker.process.poll() is None
        assert "Traceback" not in worker.printed
        assert not [key async for key in fleet.redis.scan_iter(f"{keys.job(lost)}*")]
        assert await fleet.redis.zcard(keys.QUEUE) == 0
