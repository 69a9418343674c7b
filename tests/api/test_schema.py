"""The OpenAPI document is true: what the service says and takes is what it describes."""

import asyncio
import contextlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis.errors import Unsatisfiable
from redis.asyncio import Redis
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from service.api.openapi import document_of
from service.app import create_app
from service.config.settings import Settings, load_settings
from tests.flows.conftest import Judged, Row, Serve, settings_for

COMMITTED = Path(__file__).parents[2] / "deploy" / "openapi.json"
REGENERATE = "judged openapi > deploy/openapi.json"
EXAMPLES = int(os.environ.get("JUDGED_TEST_EXAMPLES", "10"))
WITHOUT_BODY = {"/v1/arena/battles/{battle_id}/regenerate", "/v1/agreement/rebuild"}
CHECKS = [
    content_type_conformance,
    negative_data_rejection,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]


def document(settings: Settings | None = None) -> Row:
    """The document of an API; building it connects to nothing."""
    return document_of(create_app(settings or load_settings(None, {"JUDGED_REDIS_URL": "redis://nowhere"})))


OPERATIONS = {
    operation.label: operation
    for found in schemathesis.openapi.from_dict(document()).get_all_operations()
    if isinstance(found, Ok) and (operation := found.ok())
}


@schemathesis.serializer("application/x-ndjson")
def as_lines(ctx: schemathesis.SerializationContext, value: Any) -> bytes:
    """Items as an upload has them."""
    lines = value if isinstance(value, list) else [value]
    return b"\n".join(json.dumps(line).encode() for line in lines)


@pytest.fixture(scope="session")
def live_url(store_url: str) -> Iterator[str]:
    """An API on a real socket, in a thread of its own, with no worker."""
    settings = settings_for(store_url, {"server": {"max_wait_seconds": 0.05}})
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_config=None, lifespan="on"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_whatever_is_sent_the_answer_is_as_described(
    label: str, mode: schemathesis.GenerationMode, live_url: str, redis: Redis
) -> None:
    @given(OPERATIONS[label].as_strategy(generation_mode=mode))
    @examples(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    def answers_as_described(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(base_url=live_url, checks=checks, timeout=10)

    checks = [check for check in CHECKS if label != "GET /readyz" or check is not not_a_server_error]  # no worker
    with contextlib.suppress(Unsatisfiable):  # an operation that takes nothing can't be sent anything wrong
        answers_as_described()


def validator(described: Row, name: str) -> Any:
    """Checks a value against one of the document's schemas."""
    components = {"components": described["components"]}
    return jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{name}", **components}, validate_formats=True)


def test_the_committed_document_is_not_stale(settings: Settings) -> None:
    assert json.loads(COMMITTED.read_text()) == document(settings), f"run: {REGENERATE}"


def test_it_is_openapi_31_with_every_reference_answered(settings: Settings) -> None:
    described = document(settings)
    assert described["openapi"].startswith("3.1")
    text = json.dumps(described)
    for name in {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in described["components"]["schemas"], name


def test_every_operation_has_an_id_and_says_what_it_does(settings: Settings) -> None:
    operations = [each for path in document(settings)["paths"].values() for each in path.values()]
    ids = [each["operationId"] for each in operations]
    assert len(set(ids)) == len(ids)
    assert all(each["summary"] and each["description"] and each["tags"] for each in operations)


def test_every_operation_that_reads_a_body_describes_it_and_its_refusals(settings: Settings) -> None:
    for path, methods in document(settings)["paths"].items():
        for method in {"post", "put", "patch"} & methods.keys():
            operation = methods[method]
            if path in WITHOUT_BODY:
                assert "requestBody" not in operation
                continue
            assert operation["requestBody"]["content"], path
            assert {"400", "413", "415", "422"} <= operation["responses"].keys(), path


def test_every_refusal_is_described_as_a_problem(settings: Settings) -> None:
    for path in document(settings)["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if not status.startswith(("2", "3")):
                    assert list(response["content"]) == ["application/problem+json"], (operation["operationId"], status)


def test_the_examples_of_bodies_fit_their_schemas_and_are_taken(settings: Settings) -> None:
    described = document(settings)
    for path, name in (
        ("/v1/jobs", "JobRequest"),
        ("/v1/parse", "ParseRequest"),
        ("/v1/statistics", "StatisticsRequest"),
        ("/v1/labels", "LabelRequest"),
    ):
        example = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
        validator(described, name).validate(example)


@pytest.mark.parametrize(
    "order",
    [
        {"judge": "helpfulness", "items": [{"output": "x", "surprise": 1}]},
        {"judge": {"criterion": "c", "method": "rating", "instructions": "i", "surprise": 1}, "items": [{}]},
        {"judge": "helpfulness", "items": [{"output": "x"}], "surprise": 1},
        {"judge": "helpfulness", "items": []},
    ],
)
def test_what_the_service_refuses_does_not_fit_the_schema(settings: Settings, order: Row) -> None:
    assert not validator(document(settings), "JobRequest").is_valid(order)


async def test_what_a_finished_job_answers_fits_the_schemas(serve: Serve) -> None:
    judged: Judged = await serve()
    described = (await judged.client.get("/schema")).json()
    judge = ["helpfulness", "toxicity"]
    job = await judged.judge([{"output": "one", "input": "two"}, {"id": "named", "output": ""}], judge=judge)
    path = f"/v1/jobs/{job['id']}"
    for address, name in (
        (path, "Job"),
        (f"{path}/judgments", "JudgmentPage"),
        ("/v1/jobs", "JobPage"),
        ("/readyz", "Readiness"),
        ("/healthz", "Health"),
    ):
        response: httpx.Response = await judged.client.get(address)
        assert response.status_code == 200
        validator(described, name).validate(response.json())
    for judgment in job["judgments"]:
        validator(described, "Judgment").validate(judgment)
        properties = set(described["components"]["schemas"]["Judgment"]["properties"])
        assert set(judgment) == properties - {"passed"}  # only of judges with pass_if


async def test_events_and_lines_have_the_described_media_types(serve: Serve) -> None:
    judged: Judged = await serve()
    described = (await judged.client.get("/schema")).json()["paths"]
    job = await judged.judge([{"output": "one"}])
    for tail, accept in (("judgments", "application/x-ndjson"), ("events", "text/event-stream")):
        response = await judged.client.get(f"/v1/jobs/{job['id']}/{tail}", headers={"Accept": accept})
        media_type = response.headers["content-type"].partition(";")[0]
        assert media_type == accept
        assert accept in described[f"/v1/jobs/{{job_id}}/{tail}"]["get"]["responses"]["200"]["content"]
    events = [line for line in response.text.splitlines() if line.startswith("data:")]
    assert set(msgspec.json.decode(events[-1].removeprefix("data:").strip())) == {"status", "counts"}
