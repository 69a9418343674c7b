"""An API that is told to end answers those who wait, with what is known by then."""

import asyncio
from pathlib import Path

from service.store import keys
from tests.flows.faults import GOOD, items
from tests.flows.fleet import fleet_of
from tests.polling import until
from tests.stubs.model_server import ModelServer


async def test_those_who_wait_for_a_job_are_answered_when_the_api_ends(tmp_path: Path) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model, fleet_of(tmp_path, model) as fleet:
        waited, followed = [await fleet.judged.submit(items(1), models=["openai/m"]) for _ in range(2)]
        api = await fleet.api()
        waiting = asyncio.create_task(api.get(f"/v1/jobs/{waited}", params={"wait": 60}, timeout=60))
        following = asyncio.create_task(api.get(f"/v1/jobs/{followed}/events", timeout=60))

        async def both_wait() -> bool:
            channels = [keys.ENDED, keys.job_events(followed)]
            return all(listeners for _, listeners in await fleet.redis.pubsub_numsub(*channels))

        await until(both_wait, "two subscriptions")
        assert await fleet.end_api() == 0
        shown, events = await waiting, await following
        assert (shown.status_code, shown.json()["counts"]["pending"]) == (200, 1)
        assert (events.status_code, events.text.count("data:")) == (200, 1)
        assert "ERROR" not in fleet.printed_by_api()
