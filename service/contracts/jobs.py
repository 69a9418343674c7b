"""A job: items to be judged by one or several judges, and the progress of that work."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service.contracts.items import Item
from service.contracts.judges import (
    URL_PATTERN,
    Judge,
    JudgeRef,
    ModelName,
    ParameterOverrides,
    Reasks,
    ResolvedJudge,
    Samples,
)
from service.contracts.judgments import EncodedJudgment, Usage
from service.contracts.outcomes import JobStatus, Reason

DAY_S = 86_400.0
MOST_DEADLINE_S = 30 * DAY_S
INLINE_JUDGMENTS = 100  # a job with at most this many judgments includes them when it is shown

JudgeReference = Annotated[str, Meta(min_length=1, max_length=120)]  # "name" or "name@3"
Purpose = Literal["judging", "benchmark", "battle", "anchor", "trial"]
ListedPurpose = Literal["judging", "benchmark", "trial"]  # of jobs that are in the list of jobs
Judges = JudgeReference | Judge | Annotated[list[JudgeReference | Judge], Meta(min_length=1, max_length=20)]


class JobOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A job request without its items. An NDJSON upload sends it as query parameters.

    `models`, `samples`, `reasks` and the given `parameters` replace those of the judges. The digest of a judge that is
    changed by the last three is that of the changed definition.
    """

    judge: Annotated[
        Judges, Meta(description="The `name` or `name@3` of a judge, or a whole definition; or a list of these.")
    ]
    models: Annotated[
        Annotated[list[ModelName], Meta(min_length=1, max_length=20)] | None,
        Meta(description="The models to ask, in place of the judges' own."),
    ] = None
    samples: Annotated[Samples | None, Meta(description="The samples per item, in place of the judges' own.")] = None
    reasks: Annotated[
        Reasks | None, Meta(description="The maximum number of re-asks, in place of the judges' own.")
    ] = None
    parameters: Annotated[
        ParameterOverrides | None, Meta(description="Parameters in place of the judges' own; the others stay.")
    ] = None
    cache: Annotated[bool, Meta(description="If `false`, models are asked again for items in the cache.")] = True
    budget_usd: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="The maximum cost of the job, in US dollars.")
    ] = None
    deadline_s: Annotated[
        float,
        Meta(
            gt=0,
            le=MOST_DEADLINE_S,
            description="The seconds for which items wait for their turn at a provider that limits calls.",
        ),
    ] = DAY_S
    callback_url: Annotated[
        Annotated[str, Meta(pattern=URL_PATTERN, max_length=2000)] | None,
        Meta(description="The URL to post the finished job to."),
    ] = None

    @property
    def changes_judges(self) -> bool:
        """Whether it has samples, re-asks or parameters in place of a judge's own."""
        return not (self.samples is None and self.reasks is None and self.parameters is None)

    def applied_to(self, judge: Judge) -> Judge:
        """Returns a judge with the samples, re-asks and parameters of this order in place of its own."""
        return msgspec.structs.replace(
            judge,
            samples=judge.samples if self.samples is None else self.samples,
            reasks=judge.reasks if self.reasks is None else self.reasks,
            parameters=self.parameters.applied_to(judge.parameters) if self.parameters else judge.parameters,
        )


class JobRequest(JobOrder, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of `POST /v1/jobs`."""

    items: Annotated[list[Item], Meta(min_length=1)]


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it was taken in; it never changes. `chunk_items` is the number of items in a full chunk.

    Judgments for a benchmark, a battle or a trial, or of anchors (`purpose`), are not part of the production stream:
    they change no counter of agreement and record no item's content. `anchors_of` is the judge whose anchors are
    judged, as it was named when they were marked. `deadline_s` is the time in seconds from `created_at` on for which
    items wait for their turn at a provider that limits calls. `groups` are those of its items. `request_id` is that of
    the request that sent it, for the log; `trace_context` has the headers of W3C Trace Context of its span, if it was
    recorded.
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
    groups: list[str] = []
    anchors_of: str | None = None
    request_id: str = ""
    trace_context: dict[str, str] = {}

    @property
    def total(self) -> int:
        """The number of judgments."""
        return self.items * len(self.judges)

    def judge_at(self, position: int) -> ResolvedJudge:
        """Returns the judge of the judgment at a position; positions run item by item, in the order of `judges`."""
        return self.judges[position % len(self.judges)]

    @property
    def chunks(self) -> int:
        """The number of chunks of `chunk_items` items, of which the last one may be shorter."""
        return -(-self.items // self.chunk_items)


class JobCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Judgments by outcome; `total` is the sum of the others."""

    total: int
    pending: int
    scored: int
    unscored: int
    failed: int
    cancelled: int


class FailingModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model whose provider fails, so that items wait while single calls try again.

    `error` is the newest failure in the provider's words, `retry_in_seconds` the time until the next call that tries.
    """

    model: str
    since: datetime | None
    reason: Reason
    error: str
    retry_in_seconds: float


class PausedProvider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider that refused calls because there were too many: nobody calls it for so many seconds."""

    provider: str
    retry_in_seconds: float


FailingModels = (
    Annotated[
        list[FailingModel], Meta(description="Models whose provider fails: their items wait. Absent if there are none.")
    ]
    | msgspec.UnsetType
)
PausedProviders = (
    Annotated[
        list[PausedProvider], Meta(description="Providers that take no call now: their items wait. Absent if none do.")
    ]
    | msgspec.UnsetType
)

CallbackStatus = Literal["pending", "delivered", "failed"]


class JobCallback(msgspec.Struct, frozen=True, kw_only=True):
    """The delivery of a finished job to its `callback_url`: tried again for a day while it is `pending`.

    `last_error` is the reason why the newest attempt failed.
    """

    status: CallbackStatus
    attempts: int
    last_error: str | None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as clients see it."""

    id: str
    status: JobStatus
    judge: JudgeRef | list[JudgeRef]
    counts: JobCounts
    usage: Usage
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    judgments: (
        Annotated[
            list[EncodedJudgment],
            Meta(description=f"In item order, as far as finished; only of jobs with at most {INLINE_JUDGMENTS}."),
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET

    failing_models: FailingModels = msgspec.UNSET
    paused_providers: PausedProviders = msgspec.UNSET

    callback: (
        Annotated[JobCallback, Meta(description="The delivery to the `callback_url`; absent if the job has none.")]
        | msgspec.UnsetType
    ) = msgspec.UNSET

    @property
    def is_over(self) -> bool:
        return self.counts.pending == 0


def job_status(counts: JobCounts, *, started: bool) -> JobStatus:
    """Returns the status that follows from the counts: a job is over if nothing is pending."""
    if counts.pending:
        return JobStatus.RUNNING if started else JobStatus.QUEUED
    if counts.cancelled:
        return JobStatus.CANCELLED
    return JobStatus.COMPLETED_WITH_ERRORS if counts.failed else JobStatus.COMPLETED
