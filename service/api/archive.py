"""`/v1/archive/judgments`: the archived judgments of a period."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Stream
from redis.asyncio import Redis

from service.api.access import needs
from service.api.bodies import NDJSON
from service.api.openapi import operation, text
from service.api.problems import documented
from service.archive.reading import ArchiveReader
from service.contracts.jobs import ListedPurpose
from service.contracts.judgments import Judgment
from service.contracts.refusals import Fault, invalid
from service.jobs import View
from service.store import clock

SinceQuery = Annotated[
    datetime, QueryParameter(description="Judgments that ended from this time on, with a time zone.", required=True)
]
UntilQuery = Annotated[
    datetime | None, QueryParameter(description="And before this time, with a time zone; now unless given.")
]

ArchivedPurposeQuery = Annotated[
    ListedPurpose | None,
    QueryParameter(description="Only judgments of submitted jobs (`judging`), of benchmarks, or of tried judges."),
]


@get(
    "/v1/archive/judgments",
    operation_id="listArchivedJudgments",
    summary="List the archived judgments of a period",
    opt=needs("read"),
    tags=["items"],
    media_type=NDJSON,
    response_description="One judgment per line, in no order; empty if there is no archive.",
    responses=documented(400, 401, 403, 503),
    operation_class=operation(content={200: text(NDJSON, description="One `Judgment` per line.", types=[Judgment])}),
)
async def archived_judgments(
    redis: NamedDependency[Redis],
    archive: NamedDependency[ArchiveReader | None],
    view: NamedDependency[View],
    since: SinceQuery,
    until: UntilQuery = None,
    purpose: ArchivedPurposeQuery = None,
) -> Response[bytes]:
    """Lists the archived judgments of jobs of the caller's key; of all jobs with the scope admin. Some of them may
    still be in the store too.
    """
    end = until or clock.now()
    faults = [
        Fault(f"/{name}", "needs a time zone, such as 2026-11-01T00:00:00Z")
        for name, at in (("since", since), ("until", end))
        if at.tzinfo is None
    ]
    if faults:
        raise invalid(faults)
    lines = _lines(redis, archive, since, end, view.owner, purpose)
    first = await anext(lines, b"")  # here an error still has its status
    return Stream(_with_first(first, lines), media_type=NDJSON)  # type: ignore[return-value]


async def _with_first(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for each in others:
        yield each


async def _lines(
    redis: Redis,
    archive: ArchiveReader | None,
    since: datetime,
    until: datetime,
    owner: str | None,
    purpose: ListedPurpose | None,
) -> AsyncIterator[bytes]:
    if archive is not None:
        async for each in archive.judgments_between(redis, since, until, owner, purpose):
            yield each.json + b"\n"
