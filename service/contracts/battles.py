"""A battle of the arena: two models judge one item alike, and people say which of them judged it better."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service.contracts.arena import Winner
from service.contracts.items import Item
from service.contracts.jobs import JudgeReference
from service.contracts.judges import Judge, JudgeRef, ModelName, ResolvedJudge

Voter = Annotated[str, Meta(min_length=1, max_length=200)]  # a person, by a name of the caller's


class BattleStatus(StrEnum):
    """`open` has no vote yet; others than those who voted may still vote on one that is `voted`."""

    QUEUED = "queued"
    OPEN = "open"
    VOTED = "voted"
    FAILED = "failed"


class BattleRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of `POST /v1/arena/battles`. Two of `models`, else of the judge's own, are drawn; each judges alone."""

    item: Item
    judge: JudgeReference | Judge
    models: Annotated[list[ModelName], Meta(min_length=1, max_length=20)] | None = None


class VoteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a vote."""

    winner: Winner
    voter: Voter


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What a voter sees of a judgment, and nothing that tells which model gave it."""

    score: float | int | None
    label: str | None
    ranking: list[int | list[int]] | None
    explanation: str | None


class Evaluations(msgspec.Struct, frozen=True, kw_only=True):
    """A is the one on the left."""

    A: Evaluation
    B: Evaluation


class BattleModels(msgspec.Struct, frozen=True, kw_only=True):
    """Who was who."""

    A: str
    B: str


class PromptMessage(msgspec.Struct, frozen=True):
    role: str
    content: str


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """What both models were asked, save the delimiter, drawn for each call. `order` is that of a judgment's vote."""

    order: str | None
    messages: list[PromptMessage]


class Battle(msgspec.Struct, frozen=True, kw_only=True):
    """How a battle is shown. `evaluations` is null until both have a score or label.

    `winner`, `models` and `prompts` are there for who has voted, and left out for all others.
    """

    id: str
    status: BattleStatus
    criterion: str
    judge: JudgeRef
    item: Item
    evaluations: Evaluations | None
    votes: int
    created_at: datetime
    winner: Winner | msgspec.UnsetType = msgspec.UNSET
    models: BattleModels | msgspec.UnsetType = msgspec.UNSET
    prompts: list[Prompt] | msgspec.UnsetType = msgspec.UNSET


class BattleSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A battle in a list."""

    id: str
    status: BattleStatus
    criterion: str
    votes: int
    created_at: datetime


class BattlePage(msgspec.Struct, frozen=True, kw_only=True):
    battles: list[BattleSummary]
    next_cursor: str | None


class BattleRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a battle is, from intake on; it never changes. The judge's `models` are all that may be drawn."""

    id: str
    item: Item
    judge: ResolvedJudge
    prompts: list[Prompt]
    owner: str | None
    created_at: datetime

    @property
    def criterion(self) -> str:
        return self.judge.definition.criterion


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two: where its judgment is or will be, and what it says once it is there and scored.

    `finished_ms` is the judgment's end, in milliseconds since the epoch.
    """

    model: str
    job_id: str
    position: int
    evaluation: Evaluation | None = None
    finished_ms: int = 0


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """How far a battle has come. `dropped` are the models that were drawn and gave no valid score."""

    status: Literal["queued", "open", "failed"]
    A: Side
    B: Side
    dropped: list[str] = []


class VoteRow(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A vote as it is kept for ever; fields are only ever added, at the end.

    `lengths` are the characters of A's and of B's explanation.
    """

    battle: str
    criterion: str
    A: str
    B: str
    winner: Winner
    voter: str
    at_ms: int
    lengths: tuple[int, int]
