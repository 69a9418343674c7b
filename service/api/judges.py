"""`/v1/judges`: named judges in immutable versions."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, PathParameter
from redis.asyncio import Redis

from service.api.access import needs
from service.api.bodies import JSON, MOST_LINE_BYTES, read_json
from service.api.openapi import headers, json_body, operation
from service.api.parameters import Cursor, Limit
from service.api.problems import documented
from service.config.settings import Settings
from service.contracts.judges import NAME_PATTERN, Judge, StoredJudge
from service.jobs import Preview, PreviewRequest, existing_judge, preview_judge, retire_judge, store_judge
from service.store import judges
from service.threads import aside

_EXAMPLE = {
    "criterion": "politeness",
    "method": "rating",
    "instructions": "How courteous is the output?",
    "scale": {"min": 1, "max": 3, "descriptors": {"1": "Rude.", "2": "Neutral.", "3": "Courteous."}},
}
_EXAMPLE_PREVIEW = {"item": {"input": "Where is my parcel?", "output": "On its way, as you would know."}}

JudgeInPath = Annotated[str, PathParameter(pattern=NAME_PATTERN, description="The name of a judge.")]


class JudgePage(msgspec.Struct, frozen=True, kw_only=True):
    """The latest versions of judges, by name."""

    judges: list[StoredJudge]
    next_cursor: str | None


class JudgesController(Controller):
    path = "/v1/judges"
    tags = ("judges",)

    @get(
        operation_id="listJudges",
        summary="List judges",
        opt=needs("read"),
        response_description="A page of judges.",
        responses=documented(400, 401, 403, 503),
    )
    async def list_latest(self, redis: NamedDependency[Redis], limit: Limit = 100, cursor: Cursor = None) -> JudgePage:
        """Lists the latest version of each judge by name, including the built-in ones."""
        page, next_cursor = await judges.list_judges(redis, after=cursor, limit=limit)
        return JudgePage(judges=page, next_cursor=next_cursor)

    @put(
        "/{name:str}",
        operation_id="storeJudge",
        summary="Store a judge",
        opt=needs("submit"),
        status_code=200,
        response_description="The content equals that of this version.",
        response_headers=headers(Location="The URL of the version."),
        responses={
            201: ResponseSpec(StoredJudge, description="The definition is stored as a new version."),
            **documented(400, 401, 403, 413, 415, 422, 503),
        },
        operation_class=operation(body=json_body(Judge, _EXAMPLE)),
    )
    async def store(
        self,
        name: JudgeInPath,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
    ) -> Response[StoredJudge]:
        """Stores a definition: 201 with a new version, or 200 with the version that has the same content."""
        judge = await read_json(request, Judge, settings.server.max_body_bytes)
        stored, is_new = await store_judge(redis, settings, name, judge)
        location = {"Location": f"/v1/judges/{name}/versions/{stored.version}"}
        return Response(stored, status_code=201 if is_new else 200, headers=location)

    @delete(
        "/{name:str}",
        operation_id="retireJudge",
        summary="Retire a judge",
        opt=needs("admin"),
        status_code=204,
        response_description="The judge is retired.",
        responses=documented(400, 401, 403, 404, 503),
    )
    async def retire(self, name: JudgeInPath, redis: NamedDependency[Redis]) -> None:
        """Makes a judge take no new jobs. Its versions can still be read; storing it again makes it take jobs again."""
        await retire_judge(redis, name)

    @get(
        "/{name:str}",
        operation_id="showJudge",
        summary="Show a judge",
        opt=needs("read"),
        response_description="The version.",
        responses=documented(400, 401, 403, 404, 503),
    )
    async def show(self, name: FromPath[str], redis: NamedDependency[Redis]) -> StoredJudge:
        """Shows the latest version of `name`, or the version that `name@version` pins."""
        return await existing_judge(redis, name)

    @get(
        "/{name:str}/versions/{version:int}",
        operation_id="showJudgeVersion",
        summary="Show a version of a judge",
        opt=needs("read"),
        response_description="The version.",
        responses=documented(400, 401, 403, 404, 503),
    )
    async def show_version(
        self, name: FromPath[str], version: FromPath[int], redis: NamedDependency[Redis]
    ) -> StoredJudge:
        """Shows one version of a judge. Versions never change."""
        return await existing_judge(redis, f"{name}@{version}")

    @post(
        "/{reference:str}/preview",
        operation_id="previewJudge",
        summary="Preview a judge's requests",
        opt=needs("read"),
        status_code=200,
        response_description="The calls that a worker would make.",
        responses=documented(400, 401, 403, 404, 413, 415, 422, 503),
        operation_class=operation(body=json_body(PreviewRequest, _EXAMPLE_PREVIEW)),
    )
    async def preview(
        self,
        reference: FromPath[str],
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
    ) -> Response[Preview]:
        """Shows the messages of each call that judging an item would take, without calling a model."""
        asked = await read_json(request, PreviewRequest, min(settings.server.max_body_bytes, MOST_LINE_BYTES))
        found = await preview_judge(redis, settings, reference, asked)
        return Response(await aside(msgspec.json.encode, found), media_type=JSON)  # type: ignore[arg-type]
