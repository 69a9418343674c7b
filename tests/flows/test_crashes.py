"""Workers that are killed, a store that is restarted: nothing is lost, and nothing is counted twice."""

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from arq.constants import in_progress_key_prefix
from redis.asyncio import Redis

from service.agreement.recording import Finisher
from service.costs import Prices
from service.store import keys
from service.store.jobs import JUDGE_CHUNK
from service.store.queue import Requeue
from tests.flows.conftest import Judged, Row, Serve
from tests.flows.faults import GOOD, asked_about, items
from tests.flows.fleet import ended, fleet_of
from tests.polling import until
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply
from worker.asking import Asker
from worker.limits import CallLimits
from worker.providers import build_provider
from worker.providers.capabilities import Capabilities
from worker.tasks import MOST_TRIES, Tasks
from worker.vote_cache import VoteCache

MODEL = "openai/m"
TAKEN_OVER_S = 14.0  # a lease of ten seconds, the time to see that it is over, and a busy machine


def number_of(body: Row) -> int:
    """Which of `items` a request is about."""
    return int(asked_about("openai", body).partition("answer ")[2].partition(".")[0])


def calls_by_item(model: ModelServer) -> Counter[int]:
    return Counter(number_of(each.body) for each in model.requests)


async def assert_each_was_scored_once(judged: Judged, job: Row, total: int) -> None:
    """In the counts, in the list and in the metrics."""
    assert (job["status"], job["counts"]["scored"]) == ("completed", total)
    assert [each["item_id"] for each in job["judgments"]] == [f"t-{index}" for index in range(total)]
    assert len({each["id"] for each in job["judgments"]}) == total
    metrics = await judged.metrics()
    labels = f'judge="helpfulness",model="{MODEL}"'
    assert metrics[f'judged_judgments_total{{{labels},outcome="scored",reason="",version="1"}}'] == total
    assert metrics[f'judged_score_total{{{labels},score="4",version="1"}}'] == total
    assert metrics[f'judged_tokens_total{{direction="input",model="{MODEL}"}}'] == 11 * total
    assert job["usage"]["input_tokens"] == 11 * total
    assert metrics["judged_judgment_seconds_count"] == total
    assert metrics["judged_queue_items"] == 0


async def test_another_worker_takes_over_from_one_that_was_killed(tmp_path: Path) -> None:
    async with (
        ModelServer("openai", lambda body: Reply(text=GOOD, hang=number_of(body) >= 20)) as model,
        fleet_of(tmp_path, model) as fleet,
    ):
        first = await fleet.worker()
        job_id = await fleet.judged.submit(items(40), models=[MODEL])
        await fleet.judged.until_scored(job_id, 20)
        await fleet.worker()
        first.send(signal.SIGKILL)
        await ended(first)
        model.reply = lambda body: GOOD
        killed_at = time.monotonic()
        job = await fleet.over(job_id)
        assert time.monotonic() - killed_at < TAKEN_OVER_S
        await assert_each_was_scored_once(fleet.judged, job, 40)
        assert calls_by_item(model) == Counter({index: 1 if index < 20 else 2 for index in range(40)})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restart_of_the_store_loses_nothing(tmp_path: Path, number: signal.Signals) -> None:
    async with (
        ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.1)) as model,
        fleet_of(tmp_path, model, max_concurrency=8) as fleet,
    ):
        worker = await fleet.worker()
        job_id = await fleet.judged.submit(items(160), models=[MODEL])
        await fleet.judged.until_scored(job_id, 30)
        await fleet.end_store(number)
        for path in (f"/v1/jobs/{job_id}", "/readyz", "/metrics"):
            response = await fleet.judged.client.get(path)
            assert response.status_code == 503, path
            assert response.headers["content-type"] == "application/problem+json"
            assert response.headers["retry-after"]
        refused = await fleet.judged.client.post("/v1/jobs", json={"judge": "helpfulness", "items": items(1)})
        assert refused.status_code == 503
        await fleet.start_store()
        job = await fleet.over(job_id)
        assert worker.process.poll() is None
        await assert_each_was_scored_once(fleet.judged, job, 160)
        assert (await fleet.judged.client.get("/readyz")).status_code == 200
        later = await fleet.judged.submit(items(1), models=[MODEL])
        assert (await fleet.over(later))["status"] == "completed"


async def test_a_worker_told_to_stop_ends_its_calls_and_leaves_the_rest_to_another(tmp_path: Path) -> None:
    async with (
        ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.4)) as model,
        fleet_of(tmp_path, model) as fleet,
    ):
        worker = await fleet.worker(JUDGED_WORKER_MAX_CALLS="5")
        job_id = await fleet.judged.submit(items(60), models=[MODEL])
        await until(lambda: model.running == 5, "calls")
        worker.send(signal.SIGTERM)
        assert await ended(worker) == 0, worker.printed
        counts = await fleet.counts(job_id)
        assert counts["scored"] == model.calls == 5 * (model.calls // 5) < 60
        assert {await fleet.redis.hget(keys.job(job_id), f"tries:{chunk}") for chunk in range(2)} <= {b"0", None}  # type: ignore[misc]
        waiting = await fleet.redis.zrange(keys.QUEUE, 0, -1)
        assert sum(each.startswith(b"judge_chunk") for each in waiting) == 2
        await fleet.worker()
        job = await fleet.over(job_id)
        await assert_each_was_scored_once(fleet.judged, job, 60)
        assert model.calls == 60


async def test_calls_that_outlast_the_stop_are_made_again_and_use_up_no_try(tmp_path: Path) -> None:
    async with (
        ModelServer("openai", lambda body: Reply(text=GOOD, hang=True)) as model,
        fleet_of(tmp_path, model) as fleet,
    ):
        worker = await fleet.worker(JUDGED_WORKER_SHUTDOWN_SECONDS="1")
        job_id = await fleet.judged.submit(items(3), models=[MODEL])
        await until(lambda: model.running == 3, "calls")
        worker.send(signal.SIGTERM)
        assert await ended(worker) == 0, worker.printed
        assert await fleet.redis.hget(keys.job(job_id), "tries:0") == b"0"  # type: ignore[misc]
        model.reply = lambda body: GOOD
        await fleet.worker()
        await assert_each_was_scored_once(fleet.judged, await fleet.over(job_id), 3)


async def test_a_chunk_that_ends_its_worker_each_time_fails_in_the_end(tmp_path: Path) -> None:
    workers: list[int] = []

    def kill(body: Row) -> Reply:
        os.kill(workers[-1], signal.SIGKILL)
        return Reply(hang=True)

    async with ModelServer("openai", kill) as model, fleet_of(tmp_path, model) as fleet:
        arq_id = f"{JUDGE_CHUNK}:{(job_id := await fleet.judged.submit(items(2), models=[MODEL]))}:0"
        # Two real crashes, with the first MOST_TRIES - 2 of them noted by hand, and leases that need no waiting.
        await fleet.redis.hset(keys.job(job_id), "tries:0", str(MOST_TRIES - 2))  # type: ignore[misc]
        for _ in range(2):
            worker = fleet.started()
            workers.append(worker.process.pid)
            assert await ended(worker) == -signal.SIGKILL
            await fleet.redis.delete(in_progress_key_prefix + arq_id)
            await fleet.redis.delete(keys.WORKERS)
        calls = model.calls
        await fleet.worker()
        job = await fleet.over(job_id)
        assert (job["status"], job["counts"]["failed"]) == ("completed_with_errors", 2)
        assert {each["reason"] for each in job["judgments"]} == {"provider_error"}
        assert {each["score"] for each in job["judgments"]} == {None}
        assert model.calls == calls
        assert await fleet.redis.zscore(keys.QUEUE, arq_id) is None


@pytest.mark.parametrize("limit", [4, 1])
async def test_two_workers_together_keep_a_providers_limit(tmp_path: Path, limit: int) -> None:
    async with (
        ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.02)) as model,
        fleet_of(tmp_path, model, max_concurrency=limit) as fleet,
    ):
        await asyncio.gather(fleet.worker(), fleet.worker())
        total = 60 * limit
        job_id = await fleet.judged.submit(items(total), models=[MODEL])
        await assert_each_was_scored_once(fleet.judged, await fleet.over(job_id), total)
        assert model.peak <= limit
        assert model.calls == total


async def test_two_workers_together_keep_a_providers_rate(tmp_path: Path) -> None:
    moments: list[float] = []

    def reply(body: Row) -> str:
        moments.append(time.monotonic())
        return GOOD

    async with ModelServer("openai", reply) as model, fleet_of(tmp_path, model, requests_per_minute=1200) as fleet:
        await asyncio.gather(fleet.worker(), fleet.worker())
        await fleet.over(await fleet.judged.submit(items(120), models=[MODEL]))
    # 20 a second, a second's worth ahead, and one more for a worker that has not yet heard of the other.
    most_a_second = max(sum(start <= each < start + 1 for each in moments) for start in moments)
    assert most_a_second <= 60
    assert moments[-1] - moments[0] >= (120 - 60) / 20


async def test_every_api_shows_the_same_metrics(tmp_path: Path) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model, fleet_of(tmp_path, model) as fleet:
        one, other, *_ = await asyncio.gather(fleet.api(), fleet.api(), fleet.worker(), fleet.worker())
        ids = []
        for client, start in ((one, 0), (other, 100)):
            body = {"judge": "helpfulness", "items": items(200)[start : start + 100], "models": [MODEL]}
            response = await client.post("/v1/jobs", json=body)
            assert response.status_code == 202, response.text
            ids.append(response.json()["id"])
        for job_id in ids:
            assert (await fleet.over(job_id))["counts"]["scored"] == 100
        shown = [Judged(client, fleet.judged.settings) for client in (one, other)]
        series = 'judged_provider_request_seconds_count{model="openai/m",provider="openai",status="200"}'

        async def all_calls_counted() -> bool:
            return (await shown[0].metrics()).get(series) == 200

        await until(all_calls_counted, "the count of calls")
        first: dict[str, float] = {}

        async def all_the_same() -> bool:
            nonlocal first
            first, second = [await each.metrics() for each in shown]
            return first == second

        await until(all_the_same, "the same metrics, with no refresh of gauges in between")
        scored = 'judged_judgments_total{judge="helpfulness",model="openai/m",outcome="scored",reason="",version="1"}'
        assert (first[scored], first["judged_workers"]) == (200, 2)


async def test_a_chunk_delivered_twice_counts_once(serve: Serve, redis: Redis) -> None:
    async with ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.05)) as model:
        judged: Judged = await serve(workers=0, openai=model)
        job_id = await judged.submit(items(20), models=[MODEL])
        settings = judged.settings
        provider = build_provider("openai", settings.providers["openai"], Capabilities())
        limits = CallLimits(64, settings.providers)
        limits.providers["openai"].share(64, 1)
        asker = Asker({"openai": provider}, Prices(settings), limits)
        mine, others = [
            Tasks(redis, settings, asker, Finisher(redis, keep_s=60), VoteCache(redis, worker), {})
            for worker in ("a", "b")
        ]

        async def judge(tasks: Tasks) -> None:
            for _ in range(20):  # an item that waits for another worker's answer goes back to the queue after a moment
                with contextlib.suppress(Requeue):
                    await tasks.judge_chunk(job_id, 0)
                    return
                await asyncio.sleep(0.2)

        await asyncio.gather(judge(mine), judge(others), judge(mine))
        calls = model.calls
        await judge(others)
        await provider.aclose()
        assert model.calls == calls
        job = await judged.job(job_id)
        job["judgments"] = await judged.judgments(job_id)
        await assert_each_was_scored_once(judged, job, 20)
