"""`/v1/judges`: named judges in immutable versions."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter
from redis.asyncio import Redis

from service.api.access import needs
from service.api.bodies import read_json
from service.api.paging import Cursor, Limit
from service.api.problems import documented
from service.config.settings import Settings
from service.contracts.items import Item
from service.contracts.jobs import JobOrder
from service.contracts.judges import NAME_PATTERN, Judge, JudgeRef, ModelName, ResolvedJudge, StoredJudge
from service.contracts.refusals import Fault, impossible, not_found
from service.jobs.resolving import names_in, ref_of, resolve, unable_to_ask
from service.judging.methods import METHODS, judge_problems
from service.judging.questions import draw_delimiter, estimated_tokens
from service.store import judges, labels

JudgeName = Annotated[str, PathParameter(pattern=NAME_PATTERN, description="A judge's name.")]


class JudgePage(msgspec.Struct, frozen=True, kw_only=True):
    judges: list[StoredJudge]
    next_cursor: str | None


class PreviewRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An item to see the questions for; `models` in place of the judge's own."""

    item: Item
    models: list[ModelName] | None = None


class ShownMessage(msgspec.Struct, frozen=True):
    role: str
    content: str


class ShownRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One call that would be made. The delimiter around the item's texts is drawn anew for each call."""

    model: str
    sample: int
    order: str | None
    messages: list[ShownMessage]
    schema: dict[str, Any] | None
    estimated_tokens: int


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    requests: list[ShownRequest]


class JudgesController(Controller):
    path = "/v1/judges"
    tags = ("judges",)

    @get(opt=needs("read"), responses=documented(400, 401, 403, 503))
    async def list_latest(self, redis: NamedDependency[Redis], limit: Limit = 100, cursor: Cursor = None) -> JudgePage:
        """The latest version of each judge, by name; the built-in ones among them."""
        page, next_cursor = await judges.list_latest(redis, after=cursor, limit=limit)
        return JudgePage(judges=page, next_cursor=next_cursor)

    @put(
        "/{name:str}",
        opt=needs("submit"),
        status_code=200,
        responses=documented(400, 401, 403, 413, 415, 422, 503),
    )
    async def store(
        self,
        name: JudgeName,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
    ) -> Response[StoredJudge]:
        """Stores a definition: 201 with a new version, or 200 with the version that has this content already."""
        judge = await read_json(request, Judge, settings.server.max_body_bytes)
        wrong = judge_problems(judge) + unable_to_ask(
            judge, settings.default_models, lambda model: settings.provider_of(model) is not None
        )
        if wrong:
            raise impossible([Fault(pointer, detail) for pointer, detail in wrong])
        await admit(redis, settings, [(scale_pointer(judge), judge)])
        stored, is_new = await judges.put(redis, name, judge)
        headers = {"Location": f"/v1/judges/{name}/versions/{stored.version}"}
        return Response(stored, status_code=201 if is_new else 200, headers=headers)

    @get("/{reference:str}", opt=needs("read"), responses=documented(400, 401, 403, 404, 503))
    async def show(self, reference: FromPath[str], redis: NamedDependency[Redis]) -> StoredJudge:
        """The latest version of `name`, or the one that `name@version` pins."""
        return await _existing(redis, reference)

    @get(
        "/{name:str}/versions/{version:int}",
        opt=needs("read"),
        responses=documented(400, 401, 403, 404, 503),
    )
    async def show_version(
        self, name: FromPath[str], version: FromPath[int], redis: NamedDependency[Redis]
    ) -> StoredJudge:
        """One version of a judge. It never changes."""
        return await _existing(redis, f"{name}@{version}")

    @post(
        "/{reference:str}/preview",
        opt=needs("read"),
        status_code=200,
        responses=documented(400, 401, 403, 404, 413, 415, 422, 503),
    )
    async def preview(
        self,
        reference: FromPath[str],
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
    ) -> Preview:
        """The messages of each call that judging an item would make. Calls no one."""
        asked = await read_json(request, PreviewRequest, settings.server.max_body_bytes)
        await _existing(redis, reference)
        [judge] = await resolved(redis, settings, JobOrder(judge=reference, models=asked.models))
        method = METHODS[judge.definition.method]
        if wrong := method.item_problems(judge.definition, asked.item):
            raise impossible([Fault(f"/item{pointer}", detail) for pointer, detail in wrong])
        return Preview(requests=_requests(judge, asked.item))


async def resolved(redis: Redis, settings: Settings, order: JobOrder) -> list[ResolvedJudge]:
    """The judges that an order names, pinned. Raises a 422 problem that names each that can't be had."""
    found: dict[str, tuple[JudgeRef, Judge] | None] = {}
    for name in names_in(order.judge):
        stored = await judges.by_reference(redis, name)
        found[name] = None if stored is None else (ref_of(stored), definition_of(stored))
    judges_, wrong = resolve(
        order.judge,
        found,
        order.models,
        settings.default_models,
        lambda model: settings.provider_of(model) is not None,
    )
    if wrong:
        raise impossible([Fault(pointer, detail) for pointer, detail in wrong])
    return judges_


async def admit(redis: Redis, settings: Settings, placed: Sequence[tuple[str, Judge]]) -> None:
    """Gives the judges' criteria their scales; `placed` has each judge after the pointer to tell its scale by.

    Raises a 422 problem that names each whose criterion has another scale.
    """
    wrong = await labels.admit(redis, [judge for _, judge in placed], keep_s=settings.store.keep_s)
    if wrong:
        raise impossible([Fault(placed[position][0], detail) for position, detail in wrong])


def scale_pointer(judge: Judge) -> str:
    """The place in a definition that says what its answers may be."""
    return METHODS[judge.method].scale_pointer


def definition_of(stored: StoredJudge) -> Judge:
    """The definition alone."""
    return Judge(**{field: getattr(stored, field) for field in Judge.__struct_fields__})


async def _existing(redis: Redis, reference: str) -> StoredJudge:
    found = await judges.by_reference(redis, reference)
    if found is None:
        raise not_found(f"judge {reference}")
    return found


def _requests(judge: ResolvedJudge, item: Item) -> list[ShownRequest]:
    method = METHODS[judge.definition.method]
    shown = []
    for model in judge.models:
        for sample in range(judge.definition.samples):
            for order in method.orders(judge.definition):
                question = method.question(judge.definition, method.shown(item, order), draw_delimiter())
                shown.append(
                    ShownRequest(
                        model=model,
                        sample=sample,
                        order=order,
                        messages=[ShownMessage(each.role, each.content) for each in question.messages],
                        schema=question.schema,
                        estimated_tokens=estimated_tokens(question.messages),
                    )
                )
    return shown
