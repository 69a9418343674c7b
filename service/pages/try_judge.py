"""`/try`: a judge is chosen or edited, and tried: its prompt, its answer, its agreement on labelled items."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect
from redis.asyncio import Redis

from service.api.access import can
from service.api.origins import TAKES_FORMS
from service.benchmarks import begin_labelled_benchmark, benchmark_id, labelled_sample, show_benchmark
from service.config.settings import Settings
from service.contracts.benchmarks import BenchmarkRequest
from service.contracts.decoding import decode, numbered
from service.contracts.items import Item
from service.contracts.jobs import Job, JobOrder, JobRecord
from service.contracts.judges import Judge, Method, Name, StoredJudge, judge_digest
from service.contracts.refusals import Fault, Kind, Refused, impossible, not_found
from service.costs import Prices
from service.jobs import JobIntake, View, existing_job, requests_about, resolve_judges, store_judge
from service.judging.methods import METHODS
from service.pages.access import shown_to
from service.pages.benchmark import boards_of
from service.pages.definitions import AT, fields_of
from service.pages.documents import PAGE_HEADERS, document, redirect
from service.pages.forms import (
    FAULT_STATUSES,
    MOST_OF_A_TEXT_FORM,
    TAKES_TEXTS,
    PageForm,
    faults_by_place,
    new_ticket,
    read_form,
    read_paid_form,
)
from service.pages.item import decoded_judgments, shown_judgment, shown_messages
from service.pages.texts import TextBudget
from service.pages.try_draft import (
    ITEM_AT,
    TRY_PLACES,
    comparison_words,
    figures_drawing,
    item_fields,
    of_draft,
    order_in,
    output_fields,
    request_in,
)
from service.pages.words import query
from service.rendering.benchmark_leaderboard import measure_text
from service.rendering.judge_names import judge_name
from service.rendering.judge_versions import changed_fields
from service.store import jobs, judges, workers
from service.store.finishing import spent_today
from service.store.item_texts import JudgedText
from service.store.judgments import page_of_judgments
from service.store.signals import Signals
from service.threads import aside

_FIRST = "helpfulness"  # the judge that the page begins with
_SIZES = (20, 50, 100, 200)  # labelled items to measure on
_USUAL_SIZE = 50
_STATUSES = {**FAULT_STATUSES, Kind.NOT_FOUND: 404}
_REFERENCE = Annotated[str, QueryParameter(name="judge", max_length=200)]
_JOB = Annotated[str, QueryParameter(name="item", max_length=200)]


class _Name(msgspec.Struct, frozen=True):
    """The name to save a judge under."""

    name: Name


class _Tried(msgspec.Struct, frozen=True):
    """What came of a draft: the calls that it would make, or the job that was begun.

    `left_out` counts the characters of the item for which the form has no room.
    """

    requests: tuple[Any, ...] = ()
    estimated_cost_usd: float | None = None
    record: JobRecord | None = None
    job: Job | None = None
    answer: Any = None
    measured: dict[str, Any] | None = None
    left_out: int = 0


_UNTRIED = _Tried()


class TryPages(Controller):
    path = "/try"
    opt = shown_to("read")

    @get()
    async def show_form(
        self,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        reference: _REFERENCE = _FIRST,
    ) -> Response[bytes]:
        """Shows the form with the definition of a judge."""
        stored = await judges.judge_by_reference(redis, reference)
        fields = {"base": reference} if stored is None else _fields_of_stored(stored)
        refused = None
        if stored is None:
            refused = Refused(Kind.NOT_FOUND, [Fault("/base", f"there is no judge {reference!r}")])
        return await _page(request, redis, settings, PageForm(fields, ""), refused=refused)

    @post("/preview", opt=shown_to("read") | TAKES_FORMS, status_code=200, request_max_body_size=MOST_OF_A_TEXT_FORM)
    async def preview(
        self, request: Request[Any, Any, Any], redis: NamedDependency[Redis], settings: NamedDependency[Settings]
    ) -> Response[bytes]:
        """Shows the exact prompt of a draft for an item, and what asking would cost. No model is called."""
        form = await read_form(request)
        try:
            asked, definition = await aside(request_in, form)
            [judge] = await resolve_judges(redis, settings, JobOrder(judge=definition))
            [item] = asked.items
            if wrong := await aside(METHODS[definition.method].item_problems, definition, item):
                raise impossible([Fault(f"{ITEM_AT}{pointer}", detail) for pointer, detail in wrong])
            requests = await requests_about(redis, judge, item)
        except Refused as refused:
            return await _refused(request, redis, settings, form, refused)
        prices = Prices(settings)
        await prices.learn(judge.models)
        cost = prices.estimated_cost_usd([judge], [item], 1)
        return await _page(request, redis, settings, form, _Tried(tuple(requests), cost))

    @post("/run", opt=shown_to("submit") | TAKES_FORMS, **TAKES_TEXTS)
    async def run(
        self, request: Request[Any, Any, Any], redis: NamedDependency[Redis], settings: NamedDependency[Settings]
    ) -> Response[Any]:
        """Asks the models of a draft about an item, in a job that is part of no statistic."""
        form, caller = await read_paid_form(request, redis)
        try:
            asked, definition = await aside(request_in, form)
            order = JobOrder(judge=definition, budget_usd=asked.budget_usd)
            intake = JobIntake(
                redis, settings, order, await resolve_judges(redis, settings, order), caller, purpose="trial"
            )
            await intake.take(numbered(asked.items))
        except Refused as refused:
            return await _refused(request, redis, settings, form, refused)
        taken = await intake.commit(form.digest)
        return _leading_to(taken.record.id, form)

    @post("/measure", opt=shown_to("submit") | TAKES_FORMS, **TAKES_TEXTS)
    async def measure(
        self,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
    ) -> Response[Any]:
        """Judges labelled items with a draft and with the version before, to compare their agreement with people."""
        form, caller = await read_paid_form(request, redis)
        try:
            order, draft = await aside(order_in, form)
            before = await _version_before(redis, form, draft)
            asked = BenchmarkRequest(
                dataset=f"labels of {draft.criterion}"[:100],
                judges=[draft, *([] if before is None else [f"{before.name}@{before.version}"])],
                budget_usd=order.budget_usd,
            )
            items = await labelled_sample(redis, view, draft.criterion, _size(form))
            begun = await begin_labelled_benchmark(redis, settings, asked, items, caller, form.digest)
        except Refused as refused:
            if any(fault.pointer.startswith(("/judges", "/dataset")) for fault in refused.faults):
                refused = Refused(refused.kind, of_draft(refused))
            return await _refused(request, redis, settings, form, refused)
        return _leading_to(begun.benchmark.job_id, form)

    @post("/save", opt=shown_to("submit") | TAKES_FORMS, **TAKES_TEXTS)
    async def save(
        self, request: Request[Any, Any, Any], redis: NamedDependency[Redis], settings: NamedDependency[Settings]
    ) -> Response[Any]:
        """Stores a draft as a version of a judge; the same content again is the version that there is."""
        form = await read_form(request)
        try:
            _, draft = await aside(order_in, form)
            name = decode(msgspec.json.encode({"name": form.text("name").strip()}), _Name).name
            stored, _ = await store_judge(redis, settings, name, draft)
        except Refused as refused:
            faults = [
                each
                if each.pointer == "/name" or each.pointer.startswith(AT)
                else Fault(AT + each.pointer, each.detail)
                for each in refused.faults
            ]
            return await _refused(request, redis, settings, form, Refused(refused.kind, faults))
        return redirect(f"/judges/{stored.name}%40{stored.version}")

    @get("/{job_id:str}")
    async def show_tried(
        self,
        request: Request[Any, Any, Any],
        job_id: FromPath[str],
        redis: NamedDependency[Redis],
        signals: NamedDependency[Signals],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
        reference: _REFERENCE = "",
        item_job: _JOB = "",
    ) -> Response[bytes]:
        """Shows what came of a draft, with its form to go on from there."""
        record, job = await existing_job(redis, job_id, view)
        draft = record.judges[0].definition
        is_measured = record.purpose == "benchmark"
        item = await _item_of(redis, view, item_job) if is_measured else await _first_item(redis, record)
        of_item, left_out = ({}, 0) if item is None else await aside(item_fields, item)
        fields = await aside(fields_of, draft) | of_item
        stored = await judges.judge_by_reference(redis, reference) if reference else None
        fields |= {"item_job": item_job if is_measured else job_id}
        fields |= {} if stored is None else _origin_fields(stored)
        tried = _Tried(record=record, job=job, left_out=left_out)
        if is_measured:
            benchmark = await show_benchmark(redis, signals, settings, view, benchmark_id(job_id), 0)
            tried = msgspec.structs.replace(tried, measured=_measured(benchmark, judge_digest(draft)))
        elif item is not None:
            tried = msgspec.structs.replace(tried, answer=await _answer(redis, record, item))
        return await _page(request, redis, settings, PageForm(fields, ""), tried)

    @get("/{job_id:str}/item")
    async def show_whole_item(
        self, job_id: FromPath[str], redis: NamedDependency[Redis], view: NamedDependency[View]
    ) -> Response[bytes]:
        """Returns the item that was tried, as JSON: the form may not have room for all of it."""
        record, _ = await existing_job(redis, job_id, view)
        item = await _first_item(redis, record)
        if item is None:
            raise not_found(f"item of {job_id}")
        content = await aside(msgspec.json.encode, item)
        return Response(content, media_type="application/json", headers=PAGE_HEADERS)


async def _refused(
    request: Request[Any, Any, Any], redis: Redis, settings: Settings, form: PageForm, refused: Refused
) -> Response[bytes]:
    """The form as it was sent, with the faults at their fields. Raises the refusal if it is about no field."""
    if refused.kind not in _STATUSES or not refused.faults:
        raise refused
    return await _page(request, redis, settings, form, refused=refused)


async def _page(
    request: Request[Any, Any, Any],
    redis: Redis,
    settings: Settings,
    form: PageForm,
    tried: _Tried = _UNTRIED,
    refused: Refused | None = None,
) -> Response[bytes]:
    base = await _base_of(redis, form)
    key = request.state.key
    has_budget = key is not None and key.budget_usd_per_day is not None
    budget = TextBudget()
    return await document(
        request,
        "try.html",
        status_code=200 if refused is None else _STATUSES[refused.kind],
        form=form,
        base=base,
        judges=await judges.every_judge(redis),
        methods=list(Method),
        outputs=output_fields(form),
        faults={} if refused is None else faults_by_place(refused.faults, TRY_PLACES),
        changes=await aside(_changes, base, form),
        tried=tried,
        is_idle=tried.job is not None and not tried.job.is_over and not await workers.count_alive(redis),
        shown_requests=[(each, shown_messages(each.messages, budget)) for each in tried.requests],
        sizes=_SIZES,
        size=_size(form),
        measure=measure_text,
        judge_name=judge_name,
        ticket=new_ticket(),
        may_run=can(request, "submit"),
        daily_budget_usd=key.budget_usd_per_day if has_budget else None,
        spent_usd=await spent_today(redis, key.name) if has_budget else None,
    )


def _changes(base: StoredJudge | None, form: PageForm) -> list[Any]:
    """The fields in which the draft differs from its base; none while it can't be read."""
    if base is None:
        return []
    try:
        _, draft = order_in(form)
    except Refused:
        return []
    return changed_fields(base.definition, draft)


def _fields_of_stored(stored: StoredJudge) -> dict[str, str]:
    return fields_of(stored.definition) | _origin_fields(stored)


def _origin_fields(stored: StoredJudge) -> dict[str, str]:
    return {"base": f"{stored.name}@{stored.version}", "name": stored.name}


async def _base_of(redis: Redis, form: PageForm) -> StoredJudge | None:
    """The version that a draft was made from, None if the form names none or there is none."""
    return await judges.judge_by_reference(redis, form.text("base")) if form.text("base") else None


def _size(form: PageForm) -> int:
    text = form.text("size")
    return int(text) if text in map(str, _SIZES) else _USUAL_SIZE


async def _version_before(redis: Redis, form: PageForm, draft: Judge) -> StoredJudge | None:
    """The version that a draft was made from, None if it is the same or about something else."""
    base = await _base_of(redis, form)
    if base is None or base.retired_at is not msgspec.UNSET or base.criterion != draft.criterion:
        return None
    return None if base.digest == judge_digest(draft) else base


async def _item_of(redis: Redis, view: View, job_id: str) -> Item | None:
    """The item that was tried in an earlier job, None if there is none any more."""
    if not job_id:
        return None
    try:
        record, _ = await existing_job(redis, job_id, view)
    except Refused:
        return None
    return await _first_item(redis, record)


async def _first_item(redis: Redis, record: JobRecord) -> Item | None:
    items = await jobs.load_chunk(redis, record.id, 0)
    return items[0] if items else None


async def _answer(redis: Redis, record: JobRecord, item: Item) -> Any:
    """The judgment with its votes, None while it is under way."""
    page, _ = await page_of_judgments(redis, record, start=0, limit=1, outcome=None)
    if not page:
        return None
    [judgment] = await decoded_judgments(page)
    judged = JudgedText(judgment.item_id, item, record.judges[0], record.id)
    return await shown_judgment(redis, judgment, judged, TextBudget())


def _measured(benchmark: Any, draft: str) -> dict[str, Any]:
    """The figures of a draft that was measured; without a board while it is under way."""
    board = next(iter(boards_of(benchmark)), None)
    if board is None:
        return {"benchmark": benchmark, "board": None}
    first = board.rows[0][1]
    people = first["human_ceiling"]["statistics"].get(first["sort"])
    return {
        "benchmark": benchmark,
        "board": board,
        "sort": first["sort"],
        "draft": draft,
        "words": comparison_words(board, draft),
        "drawing": figures_drawing(board, draft, people),
    }


def _leading_to(job_id: str, form: PageForm) -> Redirect:
    followed = query({"judge": form.given("base"), "item": form.given("item_job")})
    return redirect(f"/try/{job_id}{followed}")
