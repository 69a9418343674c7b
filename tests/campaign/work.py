"""The work of a round: jobs and labels that are sent until they are accepted, and waited for."""

import asyncio
import time
from collections.abc import Sequence
from random import Random

from service.contracts.ids import new_id
from tests.campaign.lane import Lane, UnexpectedAnswer
from tests.campaign.provider import Provider
from tests.flows.conftest import Row

SIZES = (40, 12, 1, 1, 1, 1)  # items of the jobs of a round
SHARED = 6  # items of the second job that equal some of the first
LABELLED = 6  # items of each job
MODEL = "openai/m"
END_LIMIT_S = 90.0  # after the faults


def jobs_of_round(number: int) -> list[list[Row]]:
    """The items of each job of a round: texts that no other round has, and some that two jobs share."""
    jobs, text = [], 0
    for place, size in enumerate(SIZES):
        items = []
        for index in range(size):
            shared = place == 1 and index < SHARED
            body = index if shared else text
            text += not shared
            items.append(
                {"id": f"r{number}-{place}-{index}", "input": "a question", "output": f"answer r{number}i{body}."}
            )
        jobs.append(items)
    return jobs


async def submitted(lane: Lane, jobs: Sequence[list[Row]], rng: Random) -> list[tuple[str, list[Row]]]:
    """Sends the jobs and some labels, each until it is accepted; a repeat has the same key."""
    accepted = []
    for items in jobs:
        headers = {"Idempotency-Key": new_id("key")}
        body = {"judge": "helpfulness", "items": items, "models": [MODEL]}
        response = await lane.ask("POST", "/v1/jobs", json=body, headers=headers)
        if response.status_code != 202:
            raise UnexpectedAnswer(f"POST /v1/jobs: {response.status_code} {response.text[:500]}")
        accepted.append((str(response.json()["id"]), items))
        for item in items[:LABELLED]:
            label = {"item_id": item["id"], "criterion": "helpfulness", "score": rng.randint(1, 5)}
            labels = [label | {"annotator": annotator} for annotator in ("ann", "bob")]
            response = await lane.ask("POST", "/v1/labels", json={"labels": labels})
            if response.status_code != 200:
                raise UnexpectedAnswer(f"POST /v1/labels: {response.status_code} {response.text[:500]}")
    lane.at_rest.set()
    return accepted


async def keep_asking(lane: Lane) -> None:
    """Asks for things all the time: an answer must be a good one or 503."""
    while True:
        for path in ("/readyz", "/v1/jobs?limit=5", "/metrics"):
            await lane.ask("GET", path)
            await asyncio.sleep(0.2)


async def ended_job(lane: Lane, job_id: str) -> tuple[Row, list[Row]]:
    ends = time.monotonic() + END_LIMIT_S
    while True:
        response = await lane.ask("GET", f"/v1/jobs/{job_id}", params={"wait": 2})
        job: Row = response.json()
        if response.status_code != 200:
            raise UnexpectedAnswer(f"{job_id} was accepted, and is answered with {response.status_code}")
        if job["counts"]["pending"] == 0:
            return job, await lane.judgments(job_id)
        if time.monotonic() > ends:
            raise UnexpectedAnswer(f"{job_id} has not ended {END_LIMIT_S:g} s after the faults: {job['counts']}")


def repeated_calls(provider: Provider, number: int) -> int:
    """The answers in a round that were not needed: all but the first about each text. Failed calls may be repeated."""
    return sum(answers - 1 for text, answers in provider.answers.items() if text.startswith(f"r{number}i"))
