"""`/v1/parse`: reads texts as a judge's answers, with the reader that workers use."""

from typing import Any

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency

from service.api.access import needs
from service.api.bodies import read_json
from service.api.openapi import json_body, operation
from service.api.problems import documented
from service.config.settings import Settings
from service.contracts.parsing import ParsedText, ParseRequest, ParseResponse
from service.contracts.refusals import Fault, impossible, invalid
from service.judging.combining import as_listed
from service.judging.methods import METHODS

_EXAMPLE = {"method": "rating", "scale": {"min": 1, "max": 5}, "texts": ["Clear and complete.\nScore: 4"]}


@post(
    "/v1/parse",
    operation_id="parseTexts",
    summary="Read texts as a judge's answers",
    opt=needs("read"),
    status_code=200,
    tags=["parse"],
    response_description="One result per text, in the order of the texts.",
    responses=documented(400, 401, 403, 413, 415, 422),
    operation_class=operation(body=json_body(ParseRequest, _EXAMPLE)),
)
async def parse(request: Request[Any, Any, Any], settings: NamedDependency[Settings]) -> ParseResponse:
    """Reads each text as a judge's answer, exactly as a worker does. Nothing is stored."""
    asked = await read_json(request, ParseRequest, settings.server.max_body_bytes)
    _check(asked)
    reasons = asked.finish_reasons or [None] * len(asked.texts)
    method = METHODS[asked.method]
    readings = [method.parse(asked, text, reason) for text, reason in zip(asked.texts, reasons, strict=True)]
    return ParseResponse(
        results=[
            ParsedText(
                outcome=each.outcome,
                reason=each.reason,
                score=each.score,
                label=each.label,
                parsed_from=each.parsed_from,
                ranking=as_listed(each.ranking) if method.gives_rankings else msgspec.UNSET,
            )
            for each in readings
        ]
    )


def _check(asked: ParseRequest) -> None:
    if asked.finish_reasons is not None and len(asked.finish_reasons) != len(asked.texts):
        entries = f"{len(asked.finish_reasons)} entries for {len(asked.texts)} texts"
        raise invalid([Fault("/finish_reasons", f"must have one entry per text: {entries}")])
    wrong = METHODS[asked.method].parse_problems(asked)
    if wrong:
        raise impossible([Fault(pointer, detail) for pointer, detail in wrong])
