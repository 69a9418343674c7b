"""`/jobs` and `/jobs/{id}`: the progress of jobs, their outcomes, and failures in the provider's words."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect, ServerSentEvent, Stream
from redis.asyncio import Redis

from service.api.access import can
from service.api.bodies import NDJSON
from service.api.cursors import position_of
from service.api.jobs import judgment_lines, progress_events
from service.api.origins import TAKES_FORMS
from service.benchmarks import benchmark_id
from service.config.settings import Settings
from service.contracts.jobs import Job
from service.contracts.judges import JudgeRef
from service.contracts.judgments import Judgment
from service.contracts.outcomes import JobStatus, Outcome
from service.contracts.refusals import Fault, invalid
from service.jobs import View, cancel_job, existing_job, with_waits
from service.pages.access import shown_to
from service.pages.documents import PAGE_HEADERS, attachment, document, redirect
from service.pages.item import decoded_judgments
from service.pages.texts import ShownText, TextBudget
from service.store import jobs, workers
from service.store.benchmarks import find_orders
from service.store.judgments import page_of_judgments
from service.store.signals import Signals

NameQuery = Annotated[str | None, QueryParameter(max_length=200)]
PlaceQuery = Annotated[str | None, QueryParameter(max_length=200)]

MOST_FOLLOWED = 3  # jobs on one page: each takes a connection, and browsers open six to a server
_JOBS_A_PAGE = 50
_JUDGMENTS_A_PAGE = 50
_EXCERPT_BYTES = 800


class JudgmentRow(msgspec.Struct, frozen=True):
    """A judgment in a list; `words` is its explanation, or the errors of its votes in the provider's words."""

    judgment: Judgment
    words: ShownText | None


class JobPages(Controller):
    path = "/jobs"
    opt = shown_to("read")

    @get()
    async def list_newest(
        self,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        view: NamedDependency[View],
        status: NameQuery = None,
        judge: NameQuery = None,
        group: NameQuery = None,
        cursor: PlaceQuery = None,
    ) -> Response[bytes]:
        """Shows the newest jobs, of one state, judge or group if it is given."""
        wanted = jobs.JobFilter(group or None, _status(status), judge or None, view.owner)
        found, next_cursor = await jobs.list_jobs(redis, before=cursor, limit=_JOBS_A_PAGE, wanted=wanted)
        return await document(
            request,
            "jobs.html",
            jobs=found,
            judges_of=judges_of,
            benchmarks={job: benchmark_id(job) for job in await find_orders(redis, [job.id for job in found])},
            statuses=list(JobStatus),
            status=status,
            judge=judge,
            group=group,
            next_cursor=next_cursor,
            is_idle=any(not job.is_over for job in found) and not await workers.count_alive(redis),
            followed=[job.id for job in found if not job.is_over][:MOST_FOLLOWED],
            is_later=cursor is not None,
        )

    @get("/{job_id:str}")
    async def show(
        self,
        request: Request[Any, Any, Any],
        job_id: FromPath[str],
        redis: NamedDependency[Redis],
        view: NamedDependency[View],
        outcome: FromQuery[Outcome | None] = None,
        cursor: PlaceQuery = None,
    ) -> Response[bytes]:
        """Shows a job with a page of its judgments, of one outcome if it is given."""
        record, job = await existing_job(redis, job_id, view)
        page, position = await page_of_judgments(
            redis, record, start=position_of(cursor), limit=_JUDGMENTS_A_PAGE, outcome=outcome
        )
        models = {model for judge in record.judges for model in judge.models}
        job = await with_waits(redis, record, job)
        budget = TextBudget(most=_EXCERPT_BYTES)
        found = await decoded_judgments(page)
        return await document(
            request,
            "job.html",
            job=job,
            judges=judges_of(job),
            is_production=record.purpose == "judging",
            is_trial=record.purpose == "trial",
            models=sorted(models),
            by_model=len({tuple(judge.models) for judge in record.judges}) > 1,  # as in a benchmark
            is_idle=not job.is_over and not await workers.count_alive(redis),
            failing=job.failing_models or [],
            paused=job.paused_providers or [],
            rows=[JudgmentRow(each, words_of(each, budget)) for each in found],
            outcomes=list(Outcome),
            outcome=outcome,
            next_cursor=position,
            may_cancel=can(request, "submit") and not job.is_over,
        )

    @get("/{job_id:str}/judgments")
    async def download(
        self,
        job_id: FromPath[str],
        redis: NamedDependency[Redis],
        view: NamedDependency[View],
        outcome: FromQuery[Outcome | None] = None,
    ) -> Stream:
        """Sends the judgments that are done as the API does, one a line, to be kept as a file."""
        record, _ = await existing_job(redis, job_id, view)
        name = f"{record.id}.ndjson" if outcome is None else f"{record.id}-{outcome}.ndjson"
        return Stream(judgment_lines(redis, record, 0, outcome), media_type=NDJSON, headers=attachment(name))

    @get("/{job_id:str}/events", media_type="text/event-stream")
    async def events(
        self,
        job_id: FromPath[str],
        redis: NamedDependency[Redis],
        view: NamedDependency[View],
        signals: NamedDependency[Signals],
    ) -> ServerSentEvent:
        """Sends the status and the counts after each change until the job is over."""
        await existing_job(redis, job_id, view)
        return ServerSentEvent(progress_events(redis, signals, job_id), headers=PAGE_HEADERS)

    @post("/{job_id:str}/cancel", opt=shown_to("submit") | TAKES_FORMS, status_code=303)
    async def cancel(
        self,
        job_id: FromPath[str],
        redis: NamedDependency[Redis],
        view: NamedDependency[View],
        settings: NamedDependency[Settings],
    ) -> Redirect:
        """Cancels the part of a job that has not started."""
        await cancel_job(redis, settings, *await existing_job(redis, job_id, view))
        return redirect(f"/jobs/{job_id}")


def _status(given: str | None) -> JobStatus | None:
    """Returns the state of a filter; a form sends an empty one for any. Raises Refused (invalid) if there is none."""
    if given and given not in list(JobStatus):
        raise invalid([Fault("/status", f"{given!r} is not one of the states ({', '.join(JobStatus)})")])
    return JobStatus(given) if given else None


def judges_of(job: Job) -> list[JudgeRef]:
    """Returns the judges of a job, each version once: a benchmark asks each model by a judge of its own."""
    refs = job.judge if isinstance(job.judge, list) else [job.judge]
    return list({(ref.name, ref.version) if ref.name else ref.digest: ref for ref in refs}.values())


def words_of(judgment: Judgment, budget: TextBudget) -> ShownText | None:
    """Returns the words behind an outcome: the errors of the calls that failed, else the explanation."""
    errors = list(dict.fromkeys(vote.error for vote in judgment.votes if vote.error))
    words = "\n".join(errors) if errors and judgment.outcome is not Outcome.SCORED else judgment.explanation
    return budget.shown(words) if words else None
