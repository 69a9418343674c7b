"""A judgment: what a judge said of one item, vote by vote."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from service.contracts.judges import JudgeRef
from service.contracts.outcomes import Outcome, ParsedFrom, Reason


class Ballot(NamedTuple):
    """A vote to ask for. `sample` counts from 0; `order` is None where there is but one output."""

    model: str
    sample: int
    order: str | None


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens and US dollars. The cost is None as soon as the price of any call in it is unknown."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of one model. Tokens, cost, latency and attempts cover all its calls, re-asks included.

    `asks` counts answers asked for, `attempts` counts calls, `latency_seconds` is the time spent in calls. A vote
    that was served from the cache took nothing. `served_model` is the model that answered, as the provider names it.
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


class Judgment(msgspec.Struct, frozen=True, kw_only=True):
    """`score`, `label` and `ranking` are None unless the outcome is `scored`: a failure is never a score.

    `consistent` says whether the orders agreed, None where one was asked. `tied` lists what had equally many votes,
    `missing` the models of which no vote was scored.
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
