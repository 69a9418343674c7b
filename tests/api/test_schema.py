"""The OpenAPI document is true: what the service says and takes is what it describes."""

import asyncio
import json
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest
import uvicorn
from redis.asyncio import Redis

from service.api.openapi import document_of
from service.app import create_app
from service.config.settings import Settings
from tests.described import DOCUMENT
from tests.flows.conftest import Judged, Row, Serve, settings_for

REGENERATE = "judged openapi > deploy/openapi.json"
WITHOUT_BODY = {
    "/v1/arena/battles/{battle_id}/regenerate",
    "/v1/agreement/rebuild",
    "/v1/anchors/{judge}/restart",
}


def takes_only_texts(operation: Row) -> bool:
    """Whether nothing wrong can be sent: there is no body, and each parameter may be any text."""
    parameters = operation.get("parameters", [])
    return "requestBody" not in operation and all(each["schema"] == {"type": "string"} for each in parameters)


SENT = sorted(
    (f"{method.upper()} {path}", mode)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    for mode in (["positive"] if takes_only_texts(operation) else ["positive", "negative"])
)


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


@pytest.mark.parametrize(("label", "mode"), SENT)
def test_whatever_is_sent_the_answer_is_as_described(label: str, mode: str, live_url: str, redis: Redis) -> None:
    from tests.api.conformance import check_answers

    check_answers(live_url, label, mode)


def operations_of(document: Row) -> list[Row]:
    return [each for path in document["paths"].values() for each in path.values()]


def validator(described: Row, name: str) -> Any:
    """Checks a value against one of the document's schemas."""
    components = {"components": described["components"]}
    return jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{name}", **components}, validate_formats=True)


def test_the_committed_document_is_not_stale(settings: Settings) -> None:
    assert document_of(create_app(settings)) == DOCUMENT, f"run: {REGENERATE}"


def test_it_is_openapi_31_with_every_reference_answered() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    text = json.dumps(DOCUMENT)
    for name in {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in DOCUMENT["components"]["schemas"], name


def test_every_operation_has_an_id_and_says_what_it_does() -> None:
    operations = operations_of(DOCUMENT)
    ids = [each["operationId"] for each in operations]
    assert len(set(ids)) == len(ids)
    assert all(each["summary"] and each["description"] and each["tags"] for each in operations)


def test_no_two_paths_are_the_same_but_for_the_names_of_their_parameters() -> None:
    paths = [re.sub(r"{[^}]*}", "{}", path) for path in DOCUMENT["paths"]]
    assert len(set(paths)) == len(paths)


def within(part: Any) -> Iterator[Row]:
    """Every object of a part of the document."""
    if isinstance(part, dict):
        yield part
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from within(each)


def test_no_parameter_of_a_url_or_a_header_is_null() -> None:
    for operation in operations_of(DOCUMENT):
        for parameter in operation.get("parameters", ()):
            assert "null" not in json.dumps(parameter["schema"]), (operation["operationId"], parameter["name"])


def test_what_is_for_uploads_alone_has_no_default_that_a_client_may_send_beside_json() -> None:
    parameters = DOCUMENT["paths"]["/v1/jobs"]["post"]["parameters"]
    of_uploads = [each for each in parameters if each["in"] == "query"]
    assert {"judge", "cache", "deadline_s"} < {each["name"] for each in of_uploads}
    assert all("default" not in each["schema"] for each in of_uploads)


def test_schemas_are_in_forms_that_generators_of_clients_know() -> None:
    for part in within(DOCUMENT):
        assert part.get("items") is not False  # openapi-python-client refuses the whole document
        assert part.get("type") != "number" or part["format"] == "double"  # of 32 bits in Go else
        assert len(part) == 1 or not str(part.get("$ref", "")).startswith("#") or "description" in part, part
        assert not {"integer", "number"} <= {each.get("type") for each in part.get("anyOf", ())}, part
        assert "type" in part or not isinstance(part.get("enum"), list), part
        assert part.get("type") != "object" or part.keys() & {"properties", "additionalProperties"}, part
        assert not str(part.get("pattern", "")).endswith(r"\Z")


def test_answers_may_get_more_fields_and_say_which_are_always_there() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert "additionalProperties" not in schemas["StoredJudge"]
    assert schemas["StoredJudge"].keys() >= {"properties", "required"}
    assert set(schemas["StoredJudge"]["properties"]) - set(schemas["StoredJudge"]["required"]) == {"retired_at"}
    assert set(schemas["Usage"]["required"]) == {"input_tokens", "output_tokens", "cost_usd"}
    assert schemas["Usage"]["properties"]["input_tokens"] == {"type": "integer", "format": "int64"}
    assert "errors" not in schemas["Problem"]["required"]
    assert "cached" not in schemas["Vote"]["required"]  # a vote that an earlier version stored may lack it
    assert schemas["Item"]["properties"]["metadata"]["additionalProperties"] is True
    assert schemas["Judge"]["additionalProperties"] is False  # of what is sent, unknown fields are refused
    assert set(schemas["Judge"]["required"]) == {"criterion", "method", "instructions"}


def test_fields_have_no_default_by_which_generated_types_would_require_them_in_bodies() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert [name for name, schema in schemas.items() for each in within(schema) if "default" in each] == []
    described = {name: each.get("description") for name, each in schemas["Judge"]["properties"].items()}
    assert (described["panel"], described["samples"], described["system"]) == (
        'By default `"mean"`.',
        "By default `1`.",
        None,
    )


def test_every_time_is_described_as_one() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    times = [
        (struct.__name__, field.encode_name)
        for struct in structs_below(msgspec.Struct)
        if struct.__module__.startswith("service.") and struct.__name__ in schemas
        for field in msgspec.structs.fields(struct)
        if "datetime" in str(field.type) and field.encode_name in schemas[struct.__name__].get("properties", {})
    ]
    assert ("ServedModel", "first_seen") in times
    for name, field in times:
        assert '"date-time"' in json.dumps(schemas[name]["properties"][field]), (name, field)


def structs_below(struct: type[Any]) -> Iterator[type[Any]]:
    for each in struct.__subclasses__():
        yield each
        yield from structs_below(each)


def test_every_operation_that_reads_a_body_describes_it_and_its_refusals() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method in {"post", "put", "patch"} & methods.keys():
            operation = methods[method]
            if path in WITHOUT_BODY:
                assert "requestBody" not in operation
                continue
            assert operation["requestBody"]["content"], path
            assert {"400", "413", "415", "422"} <= operation["responses"].keys(), path


def test_every_refusal_is_described_as_a_problem() -> None:
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if not status.startswith(("2", "3")):
                    assert list(response["content"]) == ["application/problem+json"], (operation["operationId"], status)


def test_the_examples_of_bodies_fit_their_schemas_and_are_taken() -> None:
    for path, name in (
        ("/v1/jobs", "JobRequest"),
        ("/v1/parse", "ParseRequest"),
        ("/v1/statistics", "StatisticsRequest"),
        ("/v1/labels", "LabelRequest"),
    ):
        example = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
        validator(DOCUMENT, name).validate(example)


@pytest.mark.parametrize(
    "order",
    [
        {"judge": "helpfulness", "items": [{"output": "x", "surprise": 1}]},
        {"judge": {"criterion": "c", "method": "rating", "instructions": "i", "surprise": 1}, "items": [{}]},
        {"judge": "helpfulness", "items": [{"output": "x"}], "surprise": 1},
        {"judge": "helpfulness", "items": []},
    ],
)
def test_what_the_service_refuses_does_not_fit_the_schema(order: Row) -> None:
    assert not validator(DOCUMENT, "JobRequest").is_valid(order)


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
