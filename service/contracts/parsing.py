"""The request and response bodies of `POST /v1/parse`."""

from typing import Annotated

import msgspec
from msgspec import Meta

from service.contracts.judges import AnswerKey, Choices, Criterion, Method, Scale
from service.contracts.outcomes import Outcome, ParsedFrom, Reason

MAX_TEXTS = 1000


class ParseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Texts to read as a judge's answers. `finish_reasons`, if given, has one entry per text."""

    method: Method
    scale: Scale | None = None
    choices: Choices = []
    criterion: Criterion | None = None
    answer_key: AnswerKey | None = None
    texts: Annotated[list[str], Meta(min_length=1, max_length=MAX_TEXTS)]
    finish_reasons: list[str | None] | None = None


class ParsedText(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict found in one text. Only rankings have `ranking`."""

    outcome: Outcome
    reason: Reason | None
    score: float | int | None
    label: str | None
    parsed_from: ParsedFrom | None
    ranking: list[int | list[int]] | msgspec.UnsetType | None = msgspec.UNSET


class ParseResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One result per text, in the order of the texts."""

    results: list[ParsedText]
