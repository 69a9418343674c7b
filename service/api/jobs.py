"""`/v1/jobs`: judge requests in, judgments out."""

import math
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage, Stream
from redis.asyncio import Redis

from service.api.access import check_budget, needs
from service.api.bodies import JSON, NDJSON, Body, media_type
from service.api.judges import admit, resolved, scale_pointer
from service.api.paging import Cursor, Limit
from service.api.problems import documented
from service.config.settings import Settings
from service.contracts.decoding import decode
from service.contracts.jobs import INLINE_JUDGMENTS, Job, JobOrder, JobRecord, JobRequest
from service.contracts.judges import Judge, ResolvedJudge
from service.contracts.outcomes import Outcome
from service.contracts.pointing import faults_in
from service.contracts.refusals import Fault, Kind, Refused, impossible, invalid, not_found, pointer_to
from service.jobs.cancelling import cancel_rest
from service.jobs.intake import Caller, Intake
from service.jobs.waiting import changes, until_over
from service.store import jobs, judgments
from service.store.signals import Signals

_MOST_KEY = 255

Wait = Annotated[float | None, QueryParameter(ge=0, description="Seconds to wait for the job to be over, at most.")]


class JudgmentPage(msgspec.Struct, frozen=True, kw_only=True):
    judgments: list[msgspec.Raw]
    next_cursor: str | None


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    jobs: list[Job]
    next_cursor: str | None


class JobsController(Controller):
    path = "/v1/jobs"
    tags = ("jobs",)

    @post(
        opt=needs("submit"),
        status_code=202,
        responses=documented(400, 401, 403, 408, 409, 413, 415, 422, 429, 503),
    )
    async def submit(
        self,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        signals: NamedDependency[Signals],
        settings: NamedDependency[Settings],
    ) -> Response[Job]:
        """Takes a job in, whole or not at all.

        As JSON, or as NDJSON (`application/x-ndjson`) with one item a line and all else in the query:
        `?judge=helpfulness&models=openai/gpt-4.1-mini`. With `Prefer: wait=20` the answer is the finished job and
        200 if it is over within 20 seconds.
        """
        wait_s = _preferred_wait(request, settings.server.max_wait_seconds)
        await check_budget(redis, request.state.key)
        body = Body(request, settings.server.max_body_bytes)
        caller = Caller(request.state.caller, idempotency_key(request))
        order: JobOrder
        if media_type(request, JSON, NDJSON) == JSON:
            _refuse_order_in_query(request)
            order = job_request = decode(await body.whole(), JobRequest)
            _check_callback(order, settings)
            judges = await resolved(redis, settings, order)
            intake = Intake(redis, settings, order, judges, caller)
            taking = intake.take_json(job_request.items)
        else:
            order = _order_in_query(request)
            _check_callback(order, settings)
            judges = await resolved(redis, settings, order)
            intake = Intake(redis, settings, order, judges, caller)
            taking = intake.take_lines(body.lines())
        try:
            await taking
            await admit(redis, settings, _placed(order, judges))
        except Refused:
            await intake.discard()
            raise
        fingerprint = sha256(f"{request.url.query}\n{body.digest}".encode()).hexdigest()
        job_id, record = await intake.commit(fingerprint)
        return await _accepted(redis, signals, job_id, record, wait_s)

    @get(opt=needs("read"), responses=documented(400, 401, 403, 503))
    async def list_newest(self, redis: NamedDependency[Redis], limit: Limit = 100, cursor: Cursor = None) -> JobPage:
        """Jobs, newest first."""
        page, next_cursor = await jobs.list_newest(redis, before=cursor, limit=limit)
        return JobPage(jobs=page, next_cursor=next_cursor)

    @get("/{job_id:str}", opt=needs("read"), responses=documented(400, 401, 403, 404, 503))
    async def show(
        self,
        job_id: FromPath[str],
        redis: NamedDependency[Redis],
        signals: NamedDependency[Signals],
        settings: NamedDependency[Settings],
        wait: Wait = None,
    ) -> Job:
        """A job as it stands, with its judgments where there are at most 100."""
        wait_s = min(wait or 0.0, settings.server.max_wait_seconds)
        found = await until_over(redis, signals, job_id, wait_s)
        return await _with_judgments(redis, *_visible(found, job_id))

    @delete("/{job_id:str}", opt=needs("submit"), status_code=200, responses=documented(400, 401, 403, 404, 503))
    async def cancel(
        self, job_id: FromPath[str], redis: NamedDependency[Redis], settings: NamedDependency[Settings]
    ) -> Job:
        """Cancels what has not started. Calls in flight end, and their results are kept."""
        record, job = await _existing(redis, job_id)
        await cancel_rest(redis, settings, record, job)
        return await _with_judgments(redis, *await _existing(redis, job_id))

    @get("/{job_id:str}/judgments", opt=needs("read"), responses=documented(400, 401, 403, 404, 503))
    async def list_judgments(
        self,
        request: Request[Any, Any, Any],
        job_id: FromPath[str],
        redis: NamedDependency[Redis],
        limit: Limit = 100,
        cursor: Cursor = None,
        outcome: FromQuery[Outcome | None] = None,
    ) -> Response[JudgmentPage]:
        """The judgments done by now, in item order: a page, or all under `Accept: application/x-ndjson`."""
        record, _ = await _existing(redis, job_id)
        start = _position(cursor)
        if NDJSON in request.headers.get("accept", ""):
            lines = _lines(redis, record, start, outcome)
            return Stream(lines, media_type=NDJSON)  # type: ignore[return-value]
        page, position = await judgments.page(redis, record, start=start, limit=limit, outcome=outcome)
        shown = JudgmentPage(judgments=page, next_cursor=None if position is None else str(position))
        return Response(shown, headers={"Vary": "Accept"})

    @get("/{job_id:str}/events", opt=needs("read"), responses=documented(400, 401, 403, 404, 503))
    async def events(
        self, job_id: FromPath[str], redis: NamedDependency[Redis], signals: NamedDependency[Signals]
    ) -> ServerSentEvent:
        """Server-sent events with the status and the counts, after each change until the job is over."""
        await _existing(redis, job_id)
        return ServerSentEvent(_events(redis, signals, job_id))


async def _existing(redis: Redis, job_id: str) -> tuple[JobRecord, Job]:
    return _visible(await jobs.load(redis, job_id), job_id)


def _visible(found: tuple[JobRecord, Job] | None, job_id: str) -> tuple[JobRecord, Job]:
    """Raises a 404 problem also for a battle's job, which would tell the battle's models."""
    if found is None or found[0].purpose == "battle":
        raise not_found(f"job {job_id}")
    return found


async def _with_judgments(redis: Redis, record: JobRecord, job: Job) -> Job:
    if record.total > INLINE_JUDGMENTS:
        return job
    done = [placed.judgment async for placed in judgments.in_order(redis, record)]
    return msgspec.structs.replace(job, judgments=done)


async def _accepted(redis: Redis, signals: Signals, job_id: str, record: JobRecord, wait_s: float) -> Response[Job]:
    """202 with the job as it was taken in; with `Prefer: wait`, 200 with the job if it is over in time."""
    headers = {"Location": f"/v1/jobs/{job_id}"}
    if job_id != record.id:
        headers["Idempotent-Replayed"] = "true"
        record, _ = await _existing(redis, job_id)
    if not wait_s:
        return Response(jobs.first_view(record), status_code=202, headers=headers)
    headers["Preference-Applied"] = f"wait={wait_s:g}"
    found = await until_over(redis, signals, job_id, wait_s)
    if found is None:
        raise not_found(f"job {job_id}")
    shown = await _with_judgments(redis, *found)
    return Response(shown, status_code=200 if shown.is_over else 202, headers=headers)


async def _lines(redis: Redis, record: JobRecord, start: int, outcome: Outcome | None) -> AsyncIterator[bytes]:
    async for placed in judgments.in_order(redis, record, start=start, outcome=outcome):
        yield bytes(placed.judgment) + b"\n"


async def _events(redis: Redis, signals: Signals, job_id: str) -> AsyncIterator[ServerSentEventMessage]:
    async for job in changes(redis, signals, job_id):
        data = msgspec.json.encode({"status": job.status, "counts": job.counts})
        yield ServerSentEventMessage(data=data.decode())


def _preferred_wait(request: Request[Any, Any, Any], most_s: float) -> float:
    """The seconds of `Prefer: wait=…` (RFC 7240), `most_s` at most, 0 where it is not there."""
    for preference in request.headers.get("prefer", "").split(","):
        name, _, value = preference.strip().partition("=")
        if name.strip().lower() == "wait":
            try:
                wait_s = float(value.partition(";")[0].strip().strip('"'))
            except ValueError:
                return 0.0  # a preference that can't be understood is passed over
            return min(wait_s, most_s) if wait_s > 0 else 0.0  # and so is NaN
    return 0.0


def idempotency_key(request: Request[Any, Any, Any]) -> str | None:
    """The digest of the header Idempotency-Key, None without one. Raises a 400 problem for one that is too long."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 0 < len(key) <= _MOST_KEY:
        raise Refused(Kind.INVALID, detail=f"an Idempotency-Key has 1 to {_MOST_KEY} characters")
    return sha256(key.encode()).hexdigest()


def _refuse_order_in_query(request: Request[Any, Any, Any]) -> None:
    """A budget that stands where it is not read would bound nothing."""
    astray = request.query_params.keys() & set(JobOrder.__struct_fields__)
    if astray:
        raise invalid([Fault(pointer_to("", name), "stands in the query; JSON has it in the body") for name in astray])


def _order_in_query(request: Request[Any, Any, Any]) -> JobOrder:
    """The job's order in the query of an NDJSON upload; `judge` and `models` may be there several times."""
    query: dict[str, Any] = dict(request.query_params.items())
    judges = request.query_params.getall("judge", [])
    query |= {"judge": judges if len(judges) > 1 else judges[0]} if judges else {}
    if models := request.query_params.getall("models", []):
        query["models"] = [model for each in models for model in each.split(",")]
    try:
        order = msgspec.convert(query, JobOrder, strict=False)
    except msgspec.ValidationError as error:
        faults = faults_in(msgspec.json.encode(query), JobOrder)
        raise invalid(faults or [Fault("", str(error))]) from error
    if order.budget_usd is not None and not math.isfinite(order.budget_usd):
        raise invalid([Fault("/budget_usd", "is no number that JSON can write")])
    return order


def _placed(order: JobOrder, judges: Sequence[ResolvedJudge]) -> list[tuple[str, Judge]]:
    """Each judge after the pointer to its scale; to its name, where the order has no more of it."""
    several = isinstance(order.judge, list)
    placed = []
    for position, judge in enumerate(judges):
        at = f"/judge/{position}" if several else "/judge"
        placed.append((at if judge.ref.name else at + scale_pointer(judge.definition), judge.definition))
    return placed


def _check_callback(order: JobOrder, settings: Settings) -> None:
    """Raises a 422 problem for a host that is not listed: a key to judge is no key to the workers' network."""
    if order.callback_url is None or not settings.keys:
        return
    if urlsplit(order.callback_url).hostname not in settings.server.callback_hosts:
        raise impossible([Fault("/callback_url", "its host is not among server.callback_hosts")])


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdecimal():
        raise invalid([Fault("/cursor", "is no cursor of a page before")])
    return int(cursor)
