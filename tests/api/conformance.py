"""Generated requests to an operation, whose answers must be as the OpenAPI document says.

Schemathesis takes seconds to import, so that only tests that send such requests import this.
"""

import json
import os
from collections.abc import Mapping, Sequence, Set
from functools import cache
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.described import DOCUMENT
from tests.flows.conftest import Row

EXAMPLES = int(os.environ.get("JUDGED_TEST_EXAMPLES", "6"))
CHECKS = [
    content_type_conformance,
    negative_data_rejection,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]
OF_FITTING_REQUESTS = [each for each in CHECKS if each not in (negative_data_rejection, unsupported_method)]
SCENARIOS, STEPS = (6, 24, 96), 10  # as many as it takes to reach each operation


@schemathesis.serializer("application/x-ndjson")
def as_lines(ctx: schemathesis.SerializationContext, value: Any) -> bytes:
    """Items as an upload has them."""
    lines = value if isinstance(value, list) else [value]
    return b"\n".join(json.dumps(line).encode() for line in lines)


@cache
def operations() -> Mapping[str, APIOperation[Any, Any, Any, Any]]:
    """The operations of the document, by method and path."""
    found = schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
    return {operation.label: operation for each in found if isinstance(each, Ok) and (operation := each.ok())}


def check_answers(url: str, label: str, mode: str) -> None:
    """Sends requests that fit the operation's description (positive), or that don't (negative)."""

    @given(operations()[label].as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
    @examples(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    def answers_as_described(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(base_url=url, checks=checks, timeout=10)

    checks = [check for check in CHECKS if label != "GET /readyz" or check is not not_a_server_error]  # no worker
    answers_as_described()


def walk_links(url: str, document: Row, walked: Sequence[str], wanted: Set[str]) -> set[str]:
    """Follows a document's links between these operations, from a job on, until each of the wanted ones answered.

    Returns those that answered with 200.
    """
    schema = schemathesis.openapi.from_dict(document).include(operation_id=list(walked))
    schema.config.update(base_url=url)
    schema.config.generation.update(modes=[schemathesis.GenerationMode.POSITIVE])  # a refusal leads nowhere
    reached: set[str] = set()

    class Machine(schema.as_state_machine()):  # type: ignore[misc]
        def before_call(self, case: schemathesis.Case[Any]) -> None:
            if case.operation.definition.raw["operationId"] == "submitJob":
                case.media_type, case.query = "application/json", {}
                case.headers.update({"Prefer": "wait=10"})
                case.body = {"judge": "helpfulness", "models": ["control/overlap"], "items": [{"output": "Hello."}]}

        def get_call_kwargs(self, case: schemathesis.Case[Any]) -> Row:
            return {"timeout": 60}

        def validate_response(self, response: Any, case: schemathesis.Case[Any], *_: Any, **__: Any) -> None:
            if response.status_code == 200:
                reached.add(case.operation.definition.raw["operationId"])
            is_stream = response.headers["content-type"][0].startswith("text/event-stream")  # of events, not of JSON
            left_out = {response_schema_conformance} if is_stream else set()
            case.validate_response(response, checks=[each for each in OF_FITTING_REQUESTS if each not in left_out])

    for scenarios in SCENARIOS:
        if reached >= wanted:
            break
        Machine.run(
            settings=examples(
                max_examples=scenarios,
                stateful_step_count=STEPS,
                derandomize=True,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
        )
    return reached
