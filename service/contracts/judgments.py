"""A judgment: the verdict of one judge on one item, with the votes behind it."""

from datetime import datetime
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from service.contracts.judges import JudgeRef
from service.contracts.outcomes import Outcome, ParsedFrom, Reason


class Ballot(NamedTuple):
    """A vote to ask for. `sample` counts from 0; `order` is None unless outputs are compared in two orders."""

    model: str
    sample: int
    order: str | None


class PromptMessage(msgspec.Struct, frozen=True):
    """A chat message of a call, as people see it."""

    role: str
    content: str


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens and US dollars. The cost is None if the price of any call is unknown."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of one model. Tokens, cost, latency and attempts cover all its calls, including re-asks.

    `asks` counts the answers asked for, `attempts` the calls; `latency_seconds` is the time spent in calls. A vote from
    the cache has no cost and no latency. `served_model` is the model that answered, as the provider names it.
    `score_deviation` is the standard deviation of the score under the model's token probabilities, in points; None
    unless `score_from` is `logprobs`.
    """

    model: str
    sample: int
    order: str | None
    outcome: Outcome
    reason: Reason | None
    score: float | int | None
    label: str | None
    explanation: str | None
    parsed_from: ParsedFrom | None
    score_from: str | None
    raw_text: str | None
    finish_reason: str | None
    error: str | None
    asks: int
    attempts: int
    latency_seconds: float
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    ranking: list[int | list[int]] | None = None
    cached: bool = False
    served_model: str | None = None
    score_deviation: float | None = None


class Judgment(msgspec.Struct, frozen=True, kw_only=True):
    """`score`, `label` and `ranking` are None unless the outcome is `scored`: a failure is never a score.

    `consistent` tells whether both orders gave the same verdict, None if only one was asked. `tied` lists the scores or
    labels with equally many votes, `missing` the models without a scored vote. `passed` is there if the judge has
    `pass_if`; it is None without a score. `group` and `case` are the item's; the case is a digest of its input if the
    caller gave none.
    """

    id: str
    job_id: str
    item_id: str
    item_changed: bool
    judge: JudgeRef
    criterion: str
    outcome: Outcome
    reason: Reason | None
    score: float | int | None
    label: str | None
    ranking: list[int | list[int]] | None
    explanation: str | None
    consistent: bool | None
    spread: float | None
    votes: list[Vote]
    usage: Usage
    cached: bool
    created_at: datetime
    finished_at: datetime
    flags: list[str] = []
    tied: list[float | str] | None = None
    missing: list[str] = []
    passed: bool | msgspec.UnsetType | None = msgspec.UNSET
    group: str | None = None
    case: str | None = None


EncodedJudgment = Annotated[msgspec.Raw, Meta(extra_json_schema={"$ref": "#/components/schemas/Judgment"})]
"""A Judgment in the JSON in which it is stored, sent on without decoding it."""
