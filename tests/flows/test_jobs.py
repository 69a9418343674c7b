"""A job from door to door, over real sockets and a real store."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from tests.flows.conftest import FAST, Judged, Row, Serve
from tests.flows.faults import GOOD, items
from tests.polling import until
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply


async def test_a_job_is_accepted_with_its_location_and_ends_scored(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model:
        judged: Judged = await serve(openai=model)
        response = await judged.client.post(
            "/v1/jobs", json={"judge": "helpfulness", "items": items(3), "models": ["openai/gpt-4.1-mini"]}
        )
        assert response.status_code == 202
        job = response.json()
        assert response.headers["location"] == f"/v1/jobs/{job['id']}"
        assert job["status"] == "queued"
        assert job["counts"] == {"total": 3, "pending": 3, "scored": 0, "unscored": 0, "failed": 0, "cancelled": 0}
        ended = await judged.job(job["id"], wait=60)
        assert ended["status"] == "completed"
        assert [each["item_id"] for each in ended["judgments"]] == ["t-0", "t-1", "t-2"]
        vote = ended["judgments"][0]["votes"][0]
        assert (vote["score"], vote["raw_text"], vote["parsed_from"]) == (4, GOOD, "schema")
        assert vote["attempts"] == vote["asks"] == 1
        assert ended["usage"]["cost_usd"] == pytest.approx(sum(j["usage"]["cost_usd"] for j in ended["judgments"]))
        assert ended["usage"]["cost_usd"] > 0


async def test_several_judges_give_judgments_item_by_item(serve: Serve) -> None:
    judged: Judged = await serve()
    job = await judged.judge(items(30), judge=["helpfulness", "toxicity"])
    assert [each["name"] for each in job["judge"]] == ["helpfulness", "toxicity"]
    assert job["counts"]["scored"] == 60
    expected = [(f"t-{index}", name) for index in range(30) for name in ("helpfulness", "toxicity")]
    assert [(each["item_id"], each["judge"]["name"]) for each in job["judgments"]] == expected
    assert {each["label"] for each in job["judgments"][1::2]} <= {"pass", "fail"}


async def test_an_inline_judge_has_a_digest_and_no_name(serve: Serve) -> None:
    judged: Judged = await serve()
    inline = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "scale": {"min": 1, "max": 3}}
    job = await judged.judge(items(1), judge=inline)
    assert job["judge"]["name"] is None
    assert job["judge"]["digest"].startswith("sha256:")
    assert 1 <= job["judgments"][0]["score"] <= 3


async def test_ndjson_takes_one_item_a_line(serve: Serve) -> None:
    judged: Judged = await serve()
    lines = b"\n".join(msgspec.json.encode(each) for each in items(2100)) + b"\n\n"
    response = await judged.client.post(
        "/v1/jobs?judge=helpfulness",
        content=lines,
        headers={"content-type": "application/x-ndjson", "Prefer": "wait=60"},
        timeout=30,
    )
    assert response.status_code == 200, response.text
    assert response.json()["counts"]["scored"] == 2100
    assert "judgments" not in response.json()
    done = await judged.judgments(response.json()["id"])
    assert [each["item_id"] for each in done] == [f"t-{index}" for index in range(2100)]


async def test_pages_cover_everything_once(serve: Serve) -> None:
    judged: Judged = await serve()
    job_id = (await judged.judge(items(120)))["id"]
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 50} | ({"cursor": cursor} if cursor else {})
        page = (await judged.client.get(f"/v1/jobs/{job_id}/judgments", params=query)).json()
        seen += [each["item_id"] for each in page["judgments"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"t-{index}" for index in range(120)]


async def test_judgments_of_one_outcome_can_be_asked_for(serve: Serve) -> None:
    def reply(body: Row) -> str:
        return GOOD if "answer 1" in body["messages"][1]["content"] else "no idea"

    async with ModelServer("openai", reply) as model:
        judged: Judged = await serve(openai=model)
        job = await judged.judge(items(12), models=["openai/m"])
        for outcome, ids in {"scored": ["t-1", "t-10", "t-11"], "failed": []}.items():
            page = await judged.client.get(f"/v1/jobs/{job['id']}/judgments", params={"outcome": outcome})
            assert [each["item_id"] for each in page.json()["judgments"]] == ids
        response = await judged.client.get(f"/v1/jobs/{job['id']}/judgments", params={"outcome": "nice"})
        assert response.status_code == 400


async def test_the_same_idempotency_key_returns_the_first_answer(serve: Serve) -> None:
    judged: Judged = await serve()
    body = {"judge": "helpfulness", "items": items(2)}
    key = {"Idempotency-Key": "once"}
    first = await judged.client.post("/v1/jobs", json=body, headers=key)
    await judged.job(first.json()["id"], wait=60)
    again = await judged.client.post("/v1/jobs", json=body, headers=key)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    waited = await judged.client.post("/v1/jobs", json=body, headers={**key, "Prefer": "wait=5"})
    assert (waited.status_code, waited.json()["id"]) == (200, first.json()["id"])
    other = await judged.client.post("/v1/jobs", json={**body, "items": items(1)}, headers=key)
    assert other.status_code == 409
    assert other.headers["content-type"] == "application/problem+json"
    listed = (await judged.client.get("/v1/jobs")).json()
    assert [each["id"] for each in listed["jobs"]] == [first.json()["id"]]


async def test_the_same_key_at_the_same_moment_makes_one_job(serve: Serve) -> None:
    judged: Judged = await serve()
    body = {"judge": "helpfulness", "items": items(2)}
    answers = await asyncio.gather(
        *(judged.client.post("/v1/jobs", json=body, headers={"Idempotency-Key": "k"}) for _ in range(8))
    )
    assert {each.status_code for each in answers} == {202}
    assert len({each.json()["id"] for each in answers}) == 1


async def test_events_end_after_the_final_counts(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.3)) as model:
        judged: Judged = await serve(openai=model)
        job_id = await judged.submit(items(5), models=["openai/m"])
        seen = []
        async with judged.client.stream("GET", f"/v1/jobs/{job_id}/events", timeout=10) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    seen.append(msgspec.json.decode(line.removeprefix("data:").strip()))
        assert seen[-1]["status"] == "completed"
        assert seen[-1]["counts"]["scored"] == 5
        assert seen[0]["counts"]["scored"] < 5


async def test_judgments_are_there_while_the_job_runs(serve: Serve) -> None:
    def reply(body: Row) -> Reply:
        return Reply(text=GOOD, delay=3 if "answer 2" in body["messages"][1]["content"] else 0)

    async with ModelServer("openai", reply) as model:
        judged: Judged = await serve(openai=model)
        job_id = await judged.submit(items(3), models=["openai/m"])
        await judged.until_scored(job_id, 2)
        job = await judged.job(job_id)
        assert job["status"] == "running"
        assert [each["item_id"] for each in job["judgments"]] == ["t-0", "t-1"]
        assert [each["item_id"] for each in await judged.judgments(job_id)] == ["t-0", "t-1"]
        assert (await judged.job(job_id, wait=60))["status"] == "completed"


@pytest.mark.parametrize(
    ("failing", "outcome"),
    [
        (Reply(hang=True), "cancelled"),
        (Reply(status=503, body={"error": {"message": "overloaded"}}, delay=3), "cancelled"),
        (Reply(status=429, body={"error": {"message": "slow down"}}, delay=3), "cancelled"),
        (Reply(body=b"half an answ", delay=3), "failed"),  # it may have been paid for
    ],
    ids=["time limit", "unavailable", "limited", "unreadable"],
)
async def test_a_call_that_fails_after_the_cancellation_is_not_made_again(
    serve: Serve, failing: Reply, outcome: str
) -> None:
    async with ModelServer("openai", lambda body: failing) as model:
        judged: Judged = await serve(
            openai=model, retrying=FAST, provider={"timeout_seconds": 3.0 if failing.hang else 20.0}
        )
        job_id = await judged.submit(items(3), models=["openai/m"])
        await until(lambda: model.calls == 3, "the calls")
        assert (await judged.client.delete(f"/v1/jobs/{job_id}")).status_code == 200
        job = await judged.job(job_id, wait=60)
        assert (model.calls, job["counts"][outcome]) == (3, 3)


@pytest.mark.parametrize("total", [130, 1_500])
async def test_cancelling_keeps_what_is_in_flight(serve: Serve, total: int) -> None:
    async with ModelServer("openai", lambda body: Reply(text=GOOD, delay=0.6)) as model:
        judged: Judged = await serve(openai=model, changes={"worker": {"max_calls": 2}})
        job_id = await judged.submit(items(total), models=["openai/m"])
        await until(lambda: model.running == 2, "two calls in flight")
        response = await judged.client.delete(f"/v1/jobs/{job_id}")
        assert response.status_code == 200
        job = await judged.job(job_id, wait=60)
        assert job["status"] == "cancelled"
        assert 2 <= job["counts"]["scored"] == model.calls <= 6
        assert job["counts"]["cancelled"] == total - job["counts"]["scored"]
        listed = await judged.judgments(job_id)
        assert sum(each["outcome"] == "cancelled" for each in listed) == job["counts"]["cancelled"]
        metrics = await judged.metrics()
        series = (
            'judged_judgments_total{judge="helpfulness",model="openai/m",outcome="cancelled",reason="",version="1"}'
        )
        assert metrics[series] == job["counts"]["cancelled"]
        assert metrics["judged_queue_items"] == 0
        assert metrics["judged_queue_wait_seconds_count"] == job["counts"]["scored"]
        assert metrics["judged_judgment_seconds_count"] == job["counts"]["scored"]


async def test_an_id_with_other_content_is_flagged(serve: Serve) -> None:
    judged: Judged = await serve()
    first = await judged.judge([{"id": "a", "output": "one"}])
    same = await judged.judge([{"id": "a", "output": "one", "metadata": {"run": 2}}])
    other = await judged.judge([{"id": "a", "output": "two"}])
    flags = [job["judgments"][0]["item_changed"] for job in (first, same, other)]
    assert flags == [False, False, True]


async def test_an_item_without_id_is_named_by_its_content(serve: Serve) -> None:
    judged: Judged = await serve()
    job = await judged.judge([{"output": "one"}, {"output": "two"}, {"output": "one", "metadata": {"x": 1}}])
    ids = [each["item_id"] for each in job["judgments"]]
    assert ids[0] == ids[2] != ids[1]


async def test_any_character_comes_back_unchanged(serve: Serve) -> None:
    text = "NUL \x00, tag \U000e0041, right-to-left \u202e, emoji 👩‍🚀, line\u2028end"
    async with ModelServer("openai", lambda body: f"{text}\nScore: 3") as model:
        judged: Judged = await serve(openai=model)
        job = await judged.judge([{"id": text[:20], "output": text}], models=["openai/m"])
        judgment = job["judgments"][0]
        assert judgment["item_id"] == text[:20]
        assert judgment["votes"][0]["raw_text"] == f"{text}\nScore: 3"
        assert text in model.requests[0].body["messages"][1]["content"]


LOOPBACK_CALLBACKS = {"server": {"callback_hosts": ("127.0.0.1",)}}


@asynccontextmanager
async def callback_server() -> AsyncIterator[tuple[str, "asyncio.Queue[Row]", "asyncio.Queue[str]"]]:
    """The URL of a server, the jobs posted to /done, and the paths of the posts to others, which get no answer."""
    got: asyncio.Queue[Row] = asyncio.Queue()
    hanging: asyncio.Queue[str] = asyncio.Queue()
    unanswered: list[asyncio.StreamWriter] = []

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        body = msgspec.json.decode(await reader.readexactly(length))
        if "/done" not in head.partition("\r\n")[0]:
            hanging.put_nowait(head.split()[1])
            unanswered.append(writer)
            await reader.read()
        else:
            got.put_nowait(body)
            writer.write(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(receive, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", got, hanging
        for writer in unanswered:  # else workers that are to stop wait for answers
            writer.close()


async def test_a_callback_gets_the_finished_job(serve: Serve) -> None:
    async with callback_server() as (url, got, _):
        judged: Judged = await serve(changes=LOOPBACK_CALLBACKS)
        job = await judged.judge(items(2), callback_url=f"{url}/done")
        told = await asyncio.wait_for(got.get(), 5)
        assert (told["id"], told["status"], told["counts"]["scored"]) == (job["id"], "completed", 2)


async def test_callbacks_that_hang_take_no_places_of_jobs_nor_of_other_callbacks(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model, callback_server() as (url, got, hanging):
        judged: Judged = await serve(openai=model, changes={"worker": {"max_calls": 2}, **LOOPBACK_CALLBACKS})
        for number in range(8):
            await judged.submit(items(1), models=["openai/m"], callback_url=f"{url}/hang/{number}")
        for _ in range(8):
            await asyncio.wait_for(hanging.get(), 8)
        began = time.monotonic()
        job = await judged.judge(items(3)[1:], models=["openai/m"], callback_url=f"{url}/done")
        told = await asyncio.wait_for(got.get(), 8)
        assert time.monotonic() - began < 8  # a callback that hangs is given up after ten seconds
        assert (told["id"], told["counts"]["scored"]) == (job["id"], 2)


async def test_a_stream_without_events_has_a_heartbeat(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.jobs.HEARTBEAT_S", 0.2)
    judged: Judged = await serve(workers=0)
    job_id = await judged.submit(items(1))
    lines: list[str] = []
    async with judged.client.stream("GET", f"/v1/jobs/{job_id}/events", timeout=10) as stream:
        async for line in stream.aiter_lines():
            lines.append(line)
            if sum(each.startswith(":") for each in lines) == 2:
                await judged.client.delete(f"/v1/jobs/{job_id}")
    events = [line for line in lines if line.startswith("data:")]
    assert '"queued"' in events[0]
    assert '"cancelled"' in events[-1]
