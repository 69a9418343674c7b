"""The log of real processes: a job can be followed from its request to its end, and no text or secret is in it."""

import json
from pathlib import Path
from typing import Any

from tests.flows.faults import GOOD, KEY
from tests.flows.fleet import fleet_of
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply
from worker.failure_lines import LEFT_OUT

SECRET_TEXT = "the customer's account number is 4711-0815-4242"


BROKEN = Reply(status=500, body={"error": {"message": f"out of memory at {SECRET_TEXT}, key {KEY}"}})


def events(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines()]


async def test_a_job_can_be_followed_through_the_log(tmp_path: Path) -> None:
    replies = iter([BROKEN])
    async with (
        ModelServer("openai", lambda body: next(replies, Reply(text=GOOD))) as model,
        fleet_of(tmp_path, model, api_key_env="OPENAI_API_KEY") as fleet,
    ):
        json_lines = {"JUDGED_LOG_FORMAT": "json", "OPENAI_API_KEY": KEY}
        worker = await fleet.worker(**json_lines)
        api = await fleet.api(**json_lines)
        response = await api.post(
            "/v1/jobs",
            json={"judge": "helpfulness", "items": [{"output": SECRET_TEXT}], "models": ["openai/m"]},
            headers={"X-Request-Id": "req-of-mine"},
        )
        job_id = response.json()["id"]
        await fleet.over(job_id)
        of_api, of_worker = (
            [each for each in events(printed) if each.get("request_id") == "req-of-mine"]
            for printed in (fleet.printed_by_api(), worker.printed)
        )
    assert [(each["logger"], each.get("job_id")) for each in of_api] == [
        ("service.jobs.intake", job_id),
        ("service.api.request_log", None),
    ]
    assert {each["job_id"] for each in of_worker} == {job_id}
    assert [each["message"] for each in of_worker] == [
        "the job has started: 1 judgments",
        f"a call of openai/m failed (provider_error): openai answered 500: out of memory at {LEFT_OUT}, key [key]",
        "the job has ended: 1 scored",
    ]
    assert of_worker[-1]["counts"] == {"scored": 1, "unscored": 0, "failed": 0, "cancelled": 0}
    assert all(each["time"] and each["level"] for each in (*of_api, *of_worker))
    for printed in (fleet.printed_by_api(), worker.printed):
        assert SECRET_TEXT not in printed
        assert KEY not in printed
