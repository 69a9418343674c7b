"""A job: items to be judged by one judge or several, and how far that has come."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service.contracts.items import Item
from service.contracts.judges import Judge, JudgeRef, ModelName, ResolvedJudge
from service.contracts.judgments import Usage
from service.contracts.outcomes import JobStatus

DAY_S = 86_400.0
MOST_DEADLINE_S = 30 * DAY_S
INLINE_JUDGMENTS = 100  # a job of at most so many judgments shows them in its own answer

JudgeName = Annotated[str, Meta(min_length=1, max_length=120)]  # "name" or "name@3"
Purpose = Literal["judging", "benchmark", "battle"]
Judges = JudgeName | Judge | Annotated[list[JudgeName | Judge], Meta(min_length=1, max_length=20)]


class JobOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a job request says beside its items; for NDJSON it stands in the query."""

    judge: Judges
    models: Annotated[list[ModelName], Meta(min_length=1, max_length=20)] | None = None
    cache: bool = True
    budget_usd: Annotated[float, Meta(gt=0)] | None = None
    deadline_s: Annotated[float, Meta(gt=0, le=MOST_DEADLINE_S)] = DAY_S
    callback_url: Annotated[str, Meta(pattern=r"^https?://\S+$", max_length=2000)] | None = None


class JobRequest(JobOrder, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of `POST /v1/jobs`."""

    items: Annotated[list[Item], Meta(min_length=1)]


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a job is, from intake on; it never changes. `chunk_items` is the number of items in a full chunk.

    `purpose`: what is judged for a benchmark or a battle tells nothing of the stream of items that judges are trusted
    with, and so no counter of agreement and no note of an item's content comes of it. `deadline_s` is the time from
    `created_at` on for which items wait for their turn at a provider that limits calls.
    """

    id: str
    judges: list[ResolvedJudge]
    several_judges: bool
    items: int
    chunk_items: int
    cache: bool
    budget_usd: float | None
    callback_url: str | None
    owner: str | None
    created_at: datetime
    purpose: Purpose = "judging"
    deadline_s: float = DAY_S

    @property
    def total(self) -> int:
        """The number of judgments."""
        return self.items * len(self.judges)

    def judge_at(self, position: int) -> ResolvedJudge:
        """The judge of the judgment at a position: item by item, in the list's order."""
        return self.judges[position % len(self.judges)]

    @property
    def chunks(self) -> int:
        return -(-self.items // self.chunk_items)


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    pending: int
    scored: int
    unscored: int
    failed: int
    cancelled: int


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """How a job is shown. `judgments` is left out where there are more than 100."""

    id: str
    status: JobStatus
    judge: JudgeRef | list[JudgeRef]
    counts: Counts
    usage: Usage
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    judgments: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET

    @property
    def is_over(self) -> bool:
        return self.counts.pending == 0


def status_of(counts: Counts, *, started: bool) -> JobStatus:
    """The status that the counts amount to: a job is over when nothing of it is pending."""
    if counts.pending:
        return JobStatus.RUNNING if started else JobStatus.QUEUED
    if counts.cancelled:
        return JobStatus.CANCELLED
    return JobStatus.COMPLETED_WITH_ERRORS if counts.failed else JobStatus.COMPLETED
