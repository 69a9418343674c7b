"""Traces of real processes: from the client's span through the queue to each call, and an event for each judgment."""

import signal
import socket
from pathlib import Path

from tests.flows.conftest import Serve
from tests.flows.faults import GOOD, KEY
from tests.flows.fleet import ended, fleet_of
from tests.polling import until
from tests.recorded import recorded
from tests.stubs.collector import Collector, Received, collecting
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply
from worker.spans import EVALUATION

SECRET_TEXT = "the customer's account number is 4711-0815-4242"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ANSWER_TRACE, ANSWER_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADERS_KEY = "collector-key"

ITEMS = [
    {"id": "t-1", "output": SECRET_TEXT},
    {
        "id": "t-2",
        "output": "Choose Settings.",
        "metadata": {
            "gen_ai.response.id": "chatcmpl-7",
            "traceparent": f"00-{ANSWER_TRACE}-{ANSWER_SPAN}-01",
        },
    },
]


def only(found: list[Received]) -> Received:
    assert len(found) == 1, found
    return found[0]


async def test_a_trace_leads_from_the_request_to_each_call(tmp_path: Path) -> None:
    broken = Reply(status=500, body={"error": {"message": f"out of memory at {SECRET_TEXT}, key {KEY}"}})
    replies = iter([broken])
    with collecting() as collector:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={HEADERS_KEY}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "OTEL_BLRP_SCHEDULE_DELAY": "50",
            "HTTP_PROXY": "http://127.0.0.1:9",  # nobody is there, and loopback needs no proxy
            "OPENAI_API_KEY": KEY,
        }
        async with (
            ModelServer("openai", lambda body: next(replies, Reply(text=GOOD))) as model,
            fleet_of(tmp_path, model, api_key_env="OPENAI_API_KEY", max_concurrency=1) as fleet,
        ):
            worker = await fleet.worker(**environ)
            api = await fleet.api(**environ)
            response = await api.post(
                "/v1/jobs",
                json={"judge": "helpfulness", "items": ITEMS, "models": ["openai/m"]},
                headers={"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "vendor=1"},
            )
            job_id = response.json()["id"]
            job = await fleet.over(job_id)

            async def has_come() -> bool:
                judged = collector.named("judge chunk") and collector.named("POST /v1/jobs")
                return bool(judged) and len(collector.events) == 2

            await until(has_come, "the spans and events")
            worker.send(signal.SIGTERM)
            assert await ended(worker) == 0
            printed = worker.printed + fleet.printed_by_api()

    request = only(collector.named("POST /v1/jobs"))
    assert (request.trace_id, request.parent_id, request.service) == (TRACE, SPAN, "judged-api")
    assert request.attributes["http.response.status_code"] == 202
    chunk = only(collector.named("judge chunk"))
    assert (chunk.trace_id, chunk.parent_id, chunk.service) == (TRACE, request.span_id, "judged-worker")
    assert chunk.attributes == {"judged.job.id": job_id, "judged.chunk": 0, "judged.items": 2}
    items = {each.attributes["judged.item.id"]: each for each in collector.named("judge helpfulness")}
    assert {each.parent_id for each in items.values()} == {chunk.span_id}
    assert items["t-1"].attributes["gen_ai.evaluation.score.value"] == 4
    calls = collector.named("chat m")
    assert {each.trace_id for each in calls} == {TRACE}
    assert sorted(each.parent_id for each in calls if not each.is_failed) == sorted(e.span_id for e in items.values())
    answered = next(each for each in calls if not each.is_failed)
    assert answered.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.request.max_tokens": 1024,
        "gen_ai.request.temperature": 0,
        "gen_ai.output.type": "json",
        "gen_ai.response.model": job["judgments"][0]["votes"][0]["served_model"],
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 7,
        "judged.http_calls": 1,
    }
    assert only([each for each in calls if each.is_failed]).attributes["error.type"] == "500"
    check_events(collector, job, items["t-1"])
    wire = b"".join(collector.bodies)
    assert collector.headers["x-key"] == HEADERS_KEY
    for text in (SECRET_TEXT, KEY, HEADERS_KEY, "Choose Settings"):
        assert text.encode() not in wire
        assert text not in printed


def check_events(collector: Collector, job: dict[str, object], first_span: Received) -> None:
    events = {each.attributes["judged.item.id"]: each for each in collector.events}
    first, second = events["t-1"], events["t-2"]
    assert {each.name for each in events.values()} == {EVALUATION}
    assert (first.trace_id, first.span_id) == (TRACE, first_span.span_id)
    assert (second.trace_id, second.span_id) == (ANSWER_TRACE, ANSWER_SPAN)
    assert second.attributes["gen_ai.response.id"] == "chatcmpl-7"
    assert first.attributes["gen_ai.evaluation.name"] == "helpfulness"
    assert first.attributes["gen_ai.evaluation.score.value"] == 4
    assert first.attributes["judged.job.id"] == job["id"]
    assert "gen_ai.evaluation.explanation" not in first.attributes


async def test_a_collector_that_is_away_holds_nothing_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with ModelServer("openai", lambda body: GOOD) as model, fleet_of(tmp_path, model) as fleet:
            worker = await fleet.worker(JUDGED_TELEMETRY_ENDPOINT=url)
            job = await fleet.judged.judge([{"output": "yes"}], models=["openai/m"])
            worker.send(signal.SIGTERM)
            assert await ended(worker) == 0
    assert job["counts"]["scored"] == 1
    assert "the collector does not answer" in worker.printed
    assert "Traceback" not in worker.printed


async def test_unread_answers_and_own_settings(serve: Serve) -> None:
    replies = iter(["I can't say.", '{"explanation": "Rude to the customer.", "label": "fail"}'])
    judge = {
        "criterion": "tone",
        "method": "pass_fail",
        "instructions": "Is it polite?",
        "models": ["openai/m", "control/length"],
        "reasks": 0,
    }
    async with ModelServer("openai", lambda body: next(replies)) as model:
        judged = await serve(openai=model, provider={"max_concurrency": 1})
        with recorded(explanations=True) as (spans, logs):
            job = await judged.judge([{"id": "a", "output": "Go."}, {"id": "b", "output": "Go away."}], judge=judge)
    events = {each.attributes["judged.item.id"]: each.attributes for each in logs()}
    by_item = {each["item_id"]: each for each in job["judgments"]}
    for item, attributes in events.items():
        assert attributes.get("gen_ai.evaluation.score.label") == by_item[item]["label"]
        assert attributes.get("gen_ai.evaluation.score.value") == by_item[item]["score"]
        assert attributes.get("gen_ai.evaluation.explanation") == by_item[item]["explanation"]
        assert attributes.get("error.type") == by_item[item]["reason"]
    assert set(events) == {"a", "b"}
    names = [each.name for each in spans()]
    assert names.count("chat m") == 2
    assert not [name for name in names if name.startswith("chat") and name != "chat m"]  # baselines are no models


async def test_traces_that_are_not_sampled_have_events_alone(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model:
        judged = await serve(openai=model)
        with recorded() as (spans, logs):
            response = await judged.client.post(
                "/v1/jobs",
                json={"judge": "helpfulness", "items": [{"output": "yes"}], "models": ["openai/m"]},
                headers={"traceparent": f"00-{TRACE}-{SPAN}-00", "Prefer": "wait=60"},
            )
    assert response.json()["counts"]["scored"] == 1
    assert [each for each in spans() if format(each.context.trace_id, "032x") == TRACE] == []
    assert len(logs()) == 1


async def test_nothing_tells_the_models_of_a_battle(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model:
        judged = await serve(openai=model)
        with recorded() as (spans, logs):
            body = {"item": {"output": "yes"}, "judge": "helpfulness", "models": ["openai/m", "openai/n"]}
            response = await judged.client.post("/v1/arena/battles", json=body)
            assert response.status_code == 202

            async def is_open() -> bool:
                shown = (await judged.client.get(response.headers["location"])).json()
                return bool(shown["status"] == "open")

            await until(is_open, "the battle")
    assert "POST /v1/arena/battles" in [each.name for each in spans()]
    assert [each.name for each in spans() if each.name.startswith(("chat", "judge h"))] == []
    assert logs() == []
