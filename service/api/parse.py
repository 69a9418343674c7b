"""`/v1/parse`: reads texts as a judge's answers, with the reader that workers use."""

from collections.abc import Sequence
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
from service.threads import aside

_TOGETHER_CHARS = 200_000  # of texts that are read in one step: some of them take tens of milliseconds

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
    await aside(_check, asked)
    results: list[ParsedText] = []
    while len(results) < len(asked.texts):
        results += await aside(_next_results, asked, len(results))
    return ParseResponse(results=results)


def _next_results(asked: ParseRequest, start: int) -> Sequence[ParsedText]:
    """The results of the texts from `start` on, until they have _TOGETHER_CHARS."""
    method, found, chars = METHODS[asked.method], list[ParsedText](), 0
    for index in range(start, len(asked.texts)):
        text = asked.texts[index]
        read = method.parse(asked, text, asked.finish_reasons[index] if asked.finish_reasons else None)
        found.append(
            ParsedText(
                outcome=read.outcome,
                reason=read.reason,
                score=read.score,
                label=read.label,
                parsed_from=read.parsed_from,
                ranking=as_listed(read.ranking) if method.gives_rankings else msgspec.UNSET,
            )
        )
        chars += len(text)
        if chars >= _TOGETHER_CHARS:
            break
    return found


def _check(asked: ParseRequest) -> None:
    if asked.finish_reasons is not None and len(asked.finish_reasons) != len(asked.texts):
        entries = f"{len(asked.finish_reasons)} entries for {len(asked.texts)} texts"
        raise invalid([Fault("/finish_reasons", f"must have one entry per text: {entries}")])
    wrong = METHODS[asked.method].parse_problems(asked)
    if wrong:
        raise impossible([Fault(pointer, detail) for pointer, detail in wrong])
