"""`/v1/parse`: the workers' own reader, to try a prompt's answers on."""

from typing import Any

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency

from service.api.access import needs
from service.api.bodies import read_json
from service.api.problems import Fault, documented, impossible, invalid
from service.contracts.judges import Choice, Method, Scale
from service.contracts.parsing import ParsedText, ParseRequest, ParseResponse
from service.judging import scales
from service.judging.ranking import FEWEST, MOST, as_listed
from service.judging.reading import (
    PAIRWISE_CHOICES,
    PASS_FAIL_CHOICES,
    Reading,
    read_label,
    read_ranking,
    read_score,
)
from service.settings import Settings


@post(
    "/v1/parse",
    opt=needs("read"),
    status_code=200,
    tags=["parse"],
    responses=documented(400, 401, 403, 413, 415, 422),
)
async def parse(request: Request[Any, Any, Any], settings: NamedDependency[Settings]) -> ParseResponse:
    """Reads each text as a judge's answer, exactly as a worker would; stores nothing."""
    asked = await read_json(request, ParseRequest, settings.server.max_body_bytes)
    _check(asked)
    reasons = asked.finish_reasons or [None] * len(asked.texts)
    readings = [_read(asked, text, reason) for text, reason in zip(asked.texts, reasons, strict=True)]
    return ParseResponse(
        results=[
            ParsedText(
                outcome=each.outcome,
                reason=each.reason,
                score=each.score,
                label=each.label,
                parsed_from=each.parsed_from,
                ranking=as_listed(each.ranking) if asked.method is Method.RANKING else msgspec.UNSET,
            )
            for each in readings
        ]
    )


def _read(asked: ParseRequest, text: str, finish_reason: str | None) -> Reading:
    criterion, key = asked.criterion, asked.answer_key
    if asked.method is Method.RATING:
        scale = asked.scale or Scale()
        return read_score(text, scale, criterion=criterion, answer_key=key, finish_reason=finish_reason)
    if asked.method is Method.RANKING:
        count = len(asked.choices)
        return read_ranking(text, count, criterion=criterion, answer_key=key, finish_reason=finish_reason)
    return read_label(
        text,
        _choices(asked),
        criterion=criterion,
        answer_key=key,
        finish_reason=finish_reason,
        pairwise=asked.method is Method.PAIRWISE,
    )


def _choices(asked: ParseRequest) -> list[Choice]:
    """The request's labels; for pass_fail and pairwise the usual ones, unless the request has its own."""
    usual = {Method.PASS_FAIL: PASS_FAIL_CHOICES, Method.PAIRWISE: PAIRWISE_CHOICES}.get(asked.method, ())
    return list(asked.choices or usual)


def _check(asked: ParseRequest) -> None:
    if asked.finish_reasons is not None and len(asked.finish_reasons) != len(asked.texts):
        raise invalid([Fault("/finish_reasons", "has not one entry for each text")])
    wrong = [Fault(f"/scale{pointer}", detail) for pointer, detail in scales.problems(asked.scale or Scale())]
    if asked.method is Method.RANKING and not FEWEST <= len(asked.choices) <= MOST:
        wrong.append(Fault("/choices", f"a ranking needs one choice for each of its {FEWEST} to {MOST} outputs"))
    elif asked.method is Method.CATEGORY and not asked.choices:
        wrong.append(Fault("/choices", "a category needs its labels"))
    if wrong:
        raise impossible(wrong)
