"""`/v1/jobs`: items to judge in, judgments out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage, Stream
from redis.asyncio import Redis

from service.api.access import needs, paying_caller
from service.api.bodies import JSON, NDJSON, form_wanted
from service.api.cursors import id_in, position_of
from service.api.openapi import headers, json_body, ndjson_body, operation, schema_of, text
from service.api.parameters import Cursor, GroupQuery, IdempotencyKey, Limit, Prefer, Wait, preferred_wait
from service.api.problems import documented
from service.api.uploads import order_parameters, read_upload
from service.config.settings import Settings
from service.contracts.items import Item
from service.contracts.jobs import Job, JobRecord, JobRequest, ListedPurpose
from service.contracts.judgments import EncodedJudgment, Judgment
from service.contracts.outcomes import JobStatus, Outcome
from service.contracts.refusals import Refused, not_found
from service.jobs import (
    JobEnd,
    JobIntake,
    TakenIn,
    View,
    cancel_job,
    changes,
    end_of,
    existing_job,
    job_of_repeat,
    job_with_judgments,
    resolve_judges,
    until_end,
    until_over,
    visible_job,
)
from service.store import jobs, judgments, keys
from service.store.errors import StoreUnavailableError
from service.store.signals import Signals

PurposeQuery = Annotated[
    Literal[ListedPurpose, "anchor"] | None,
    QueryParameter(
        description="Only jobs that clients submitted (`judging`), those of benchmarks, or those of the page that "
        "tries judges (`trial`); `anchor` lists the newest jobs that judged anchors again."
    ),
]
JobStatusQuery = Annotated[JobStatus | None, QueryParameter(description="Only jobs in this state.")]
JobJudgeQuery = Annotated[
    str | None,
    QueryParameter(
        min_length=1, max_length=120, description="Only jobs of this judge: `name`, `name@3` or a judge's digest."
    ),
]

HEARTBEAT_S = 15.0  # between two comments of a stream without events: proxies close idle connections after a minute
_PAUSE_S, _MOST_PAUSE_S = 0.2, 20.0  # of a stream of judgments while the store is away
_EVENT_STREAM = "text/event-stream"
_EXAMPLE = {
    "judge": "helpfulness",
    "items": [{"id": "t-1", "input": "How do I reset my password?", "output": "Choose Settings, then Reset password."}],
}

_WEBHOOK_HEADERS = {
    "webhook-id": "The job's id, the same in each attempt.",
    "webhook-timestamp": "The time of the attempt, in seconds since 1970.",
    "webhook-signature": "The signature as Standard Webhooks say, with the secret of `GET /v1/callbacks/secret`.",
}
_CALLBACK = {
    "operationId": "receiveFinishedJob",
    "security": [],
    "summary": "Receive a finished job",
    "description": "The service posts the job, without its judgments, once it is over. It tries again for a day.",
    "parameters": [
        {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in _WEBHOOK_HEADERS.items()
    ],
    "requestBody": {"required": True, "content": {JSON: {"schema": schema_of(Job)}}},
    "responses": {
        "2XX": {"description": "The job is received."},
        "410": {"description": "Nobody receives jobs here: the service does not try again."},
    },
}


class JudgmentPage(msgspec.Struct, frozen=True, kw_only=True):
    """Judgments in item order."""

    judgments: list[EncodedJudgment]
    next_cursor: str | None


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs without their judgments, newest first."""

    jobs: list[Job]
    next_cursor: str | None


class JobsController(Controller):
    path = "/v1/jobs"
    tags = ("jobs",)

    @post(
        operation_id="submitJob",
        summary="Submit a job",
        opt=needs("submit"),
        status_code=202,
        response_description="The job is accepted and stored.",
        response_headers=headers(
            Location="The URL of the job.",
            Preference_Applied="The wait that was applied, if `Prefer: wait` asked for one.",
            Idempotent_Replayed="`true` if the Idempotency-Key was used before: this is the job of that request.",
        ),
        responses={
            200: ResponseSpec(Job, description="The job is over, within the time of `Prefer: wait`."),
            **documented(400, 401, 403, 408, 409, 413, 415, 422, 429, 503),
        },
        operation_class=operation(
            body=json_body(JobRequest, _EXAMPLE) | ndjson_body(Item),
            query=order_parameters(),
            calls_back={"finishedJob": {"{$request.body#/callback_url}": {"post": _CALLBACK}}},
        ),
    )
    async def submit(
        self,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        signals: NamedDependency[Signals],
        settings: NamedDependency[Settings],
        prefer: Prefer = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response[Job]:
        """Accepts a job, with all of its items or not at all.

        The body is JSON, or NDJSON (`application/x-ndjson`) with one item per line and everything else in the query:
        `?judge=helpfulness&models=openai/gpt-6-luna`. With `Prefer: wait=20` the response is 200 with the finished
        job if it is over within 20 seconds.
        """
        caller = await paying_caller(redis, request, idempotency_key)
        upload = await read_upload(request, settings.server.max_body_bytes, settings.server.max_upload_bytes)
        wait_s = preferred_wait(prefer, settings.server.max_wait_seconds)
        try:
            judges = await resolve_judges(redis, settings, upload.order)
            intake = JobIntake(redis, settings, upload.order, judges, caller)
            with end_of(signals, intake.job_id) if wait_s else nullcontext() as end:
                await intake.take(upload.items, read_bytes=lambda: upload.body.size)
                if end is not None:
                    end.begin()
                taken = await intake.commit(upload.fingerprint)
                return await _accepted(redis, signals, taken, wait_s, end)
        except Refused:
            earlier = await job_of_repeat(redis, caller, upload.whole_fingerprint)
            if earlier is None:
                raise
            return await _accepted(redis, signals, TakenIn(earlier, is_repeat=True), wait_s)

    @get(
        operation_id="listJobs",
        summary="List jobs",
        opt=needs("read"),
        response_description="A page of jobs.",
        responses=documented(400, 401, 403, 503),
    )
    async def list_newest(
        self,
        redis: NamedDependency[Redis],
        view: NamedDependency[View],
        limit: Limit = 100,
        cursor: Cursor = None,
        group: GroupQuery = None,
        status: JobStatusQuery = None,
        judge: JobJudgeQuery = None,
        purpose: PurposeQuery = None,
    ) -> JobPage:
        """Lists the jobs of the caller's key, newest first; with the scope admin, those of all keys. Those that judge
        anchors are in a list of their own: `purpose=anchor`.

        If few of many jobs are meant, a page may have fewer jobs than `limit` although `next_cursor` is given.
        """
        before, is_anchor = id_in(cursor, "job"), purpose == "anchor"
        suits = None if purpose is None or is_anchor else (lambda record: record.purpose == purpose)
        wanted = jobs.JobFilter(group, status, judge, view.owner, suits)
        index = keys.ANCHOR_JOBS if is_anchor else None
        page, next_cursor = await jobs.list_jobs(redis, before=before, limit=limit, wanted=wanted, index=index)
        return JobPage(jobs=page, next_cursor=next_cursor)

    @get(
        "/{job_id:str}",
        operation_id="showJob",
        summary="Show a job",
        opt=needs("read"),
        response_description="The job in its present state.",
        responses=documented(400, 401, 403, 404, 503),
    )
    async def show(
        self,
        job_id: FromPath[str],
        redis: NamedDependency[Redis],
        signals: NamedDependency[Signals],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
        wait: Wait = None,
    ) -> Job:
        """Shows a job, with its judgments if there are at most 100."""
        wait_s = min(wait or 0.0, settings.server.max_wait_seconds)
        await existing_job(redis, job_id, view)
        found = await until_over(redis, signals, job_id, wait_s)
        return await job_with_judgments(redis, *visible_job(found, job_id, view))

    @delete(
        "/{job_id:str}",
        operation_id="cancelJob",
        summary="Cancel a job",
        opt=needs("submit"),
        status_code=200,
        response_description="The job after the cancellation.",
        responses=documented(400, 401, 403, 404, 503),
    )
    async def cancel(
        self,
        job_id: FromPath[str],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
    ) -> Job:
        """Cancels the part of a job that has not started. Calls in flight end, and their results are kept.

        At most 1,000 judgments are cancelled before the answer. The workers cancel those of a larger job after it.
        """
        await cancel_job(redis, settings, *await existing_job(redis, job_id, view))
        return await job_with_judgments(redis, *await existing_job(redis, job_id, view))

    @get(
        "/{job_id:str}/judgments",
        operation_id="listJudgments",
        summary="List the judgments of a job",
        opt=needs("read"),
        response_description="A page; or, as NDJSON, all finished judgments.",
        response_headers=headers(Vary="`Accept`."),
        responses=documented(400, 401, 403, 404, 503),
        operation_class=operation(
            content={200: text(NDJSON, description="One `Judgment` per line.", types=[Judgment])}
        ),
    )
    async def list_judgments(
        self,
        request: Request[Any, Any, Any],
        job_id: FromPath[str],
        redis: NamedDependency[Redis],
        view: NamedDependency[View],
        limit: Limit = 100,
        cursor: Cursor = None,
        outcome: FromQuery[Outcome | None] = None,
    ) -> Response[JudgmentPage]:
        """Lists the finished judgments in item order: a page, or all of them with `Accept: application/x-ndjson`."""
        record, _ = await existing_job(redis, job_id, view)
        start = position_of(cursor)
        if form_wanted(request, NDJSON) == NDJSON:
            lines = judgment_lines(redis, record, start, outcome)
            return Stream(lines, media_type=NDJSON, headers={"Vary": "Accept"})  # type: ignore[return-value]
        page, position = await judgments.page_of_judgments(redis, record, start=start, limit=limit, outcome=outcome)
        shown = JudgmentPage(judgments=page, next_cursor=None if position is None else str(position))
        return Response(shown, headers={"Vary": "Accept"})

    @get(
        "/{job_id:str}/events",
        operation_id="followJob",
        summary="Follow a job",
        opt=needs("read"),
        media_type=_EVENT_STREAM,
        response_description='Events with the data `{"status": …, "counts": {…}}`; the last has the final counts.',
        responses=documented(400, 401, 403, 404, 503),
        operation_class=operation(content={200: text(_EVENT_STREAM)}),
    )
    async def events(
        self,
        job_id: FromPath[str],
        redis: NamedDependency[Redis],
        signals: NamedDependency[Signals],
        view: NamedDependency[View],
    ) -> ServerSentEvent:
        """Sends the status and the counts as server-sent events, after each change until the job is over.

        A comment is sent every 15 seconds in which nothing changes. A stream that is opened again begins with the
        present counts. A browser's `EventSource` opens it again after the end, too: close it once nothing is pending.
        """
        await existing_job(redis, job_id, view)
        return ServerSentEvent(progress_events(redis, signals, job_id))


async def _accepted(
    redis: Redis, signals: Signals, taken: TakenIn, wait_s: float, end: JobEnd | None = None
) -> Response[Job]:
    """202 with the job as it was accepted; with seconds to wait, 200 with the job if it is over in time."""
    job_id = taken.record.id
    sent = {"Location": f"/v1/jobs/{job_id}"}
    if taken.is_repeat:
        sent["Idempotent-Replayed"] = "true"
    if not wait_s:
        return Response(jobs.first_view(taken.record), status_code=202, headers=sent)
    sent["Preference-Applied"] = f"wait={wait_s:g}"
    if taken.is_repeat or end is None:
        found = await until_over(redis, signals, job_id, wait_s)
    else:
        found = await until_end(redis, signals, end, wait_s)
    if found is None:
        raise not_found(f"job {job_id}")
    shown = await job_with_judgments(redis, *found)
    return Response(shown, status_code=200 if shown.is_over else 202, headers=sent)


async def judgment_lines(redis: Redis, record: JobRecord, start: int, outcome: Outcome | None) -> AsyncIterator[bytes]:
    """Yields a line for each judgment. They pause while the store is away for a moment: it is too late for a 503."""
    away_since = None
    while True:
        try:
            async for placed in judgments.judgments_in_order(redis, record, start=start, outcome=outcome):
                away_since, start = None, placed.position + 1
                yield bytes(placed.judgment) + b"\n"
            return
        except StoreUnavailableError:
            now = asyncio.get_running_loop().time()
            away_since = away_since or now
            if now - away_since > _MOST_PAUSE_S:
                raise
        await asyncio.sleep(_PAUSE_S)


async def progress_events(redis: Redis, signals: Signals, job_id: str) -> AsyncIterator[ServerSentEventMessage]:
    """Yields the status and the counts after each change until the job is over, and comments while nothing changes."""
    following = changes(redis, signals, job_id)
    while True:
        upcoming = asyncio.ensure_future(anext(following, None))
        try:
            while not (await asyncio.wait({upcoming}, timeout=HEARTBEAT_S))[0]:
                yield ServerSentEventMessage(comment="still running")
        finally:
            upcoming.cancel()
        job = await upcoming
        if job is None:
            return
        data = msgspec.json.encode({"status": job.status, "counts": job.counts})
        yield ServerSentEventMessage(data=data.decode())
