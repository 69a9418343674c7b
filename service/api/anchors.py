"""`/v1/anchors`: items that a judge judges again at a steady rate, to tell a changed judge from changed texts."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, PathParameter
from litestar.response import Stream
from redis.asyncio import Redis

from service.agreement.anchor_reports import AnchorReport, report_of_anchors, reports_of_anchors
from service.api.access import caller_of, needs
from service.api.agreement import ModelQuery, WindowQuery
from service.api.bodies import JSON, NDJSON, Body, decode_aside, form_wanted, media_type
from service.api.openapi import headers, json_body, ndjson_body, operation, text
from service.api.parameters import Cursor, Limit
from service.api.paths import decoded_name
from service.api.problems import documented
from service.config.settings import Settings
from service.contracts.anchors import NAME_OR_VERSION, AnchorRequest, AnchorSet
from service.contracts.decoding import ndjson, numbered
from service.contracts.items import Item
from service.contracts.refusals import not_found
from service.jobs import View, store_anchors
from service.store import anchors

_EXAMPLE = {
    "items": [{"id": "t-1", "input": "How do I reset my password?", "output": "Choose Settings, then Reset password."}]
}
AnchoredJudge = Annotated[
    str,
    PathParameter(pattern=NAME_OR_VERSION, description="`name`, of which the latest version is asked, or `name@3`."),
]


class AnchorPage(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of the anchors of judges, by judge."""

    anchors: list[AnchorReport]
    next_cursor: str | None


class AnchorItems(msgspec.Struct, frozen=True, kw_only=True):
    """The anchors of a judge with their texts, by id."""

    items: list[Item]


class AnchorsController(Controller):
    path = "/v1/anchors"
    tags = ("anchors",)

    @put(
        "/{judge:str}",
        operation_id="storeAnchors",
        summary="Mark items as the anchors of a judge",
        opt=needs("submit"),
        status_code=200,
        response_description="The items replace the judge's earlier anchors.",
        response_headers=headers(Location="The URL of the anchors."),
        responses={
            201: ResponseSpec(AnchorSet, description="The judge had no anchors."),
            **documented(400, 401, 403, 404, 408, 413, 415, 422, 503),
        },
        operation_class=operation(body=json_body(AnchorRequest, _EXAMPLE) | ndjson_body(Item)),
    )
    async def store(
        self,
        judge: AnchoredJudge,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
    ) -> Response[AnchorSet]:
        """Marks items as the anchors of a judge, all of them or none, in place of earlier ones.

        The body is JSON, or NDJSON (`application/x-ndjson`) with one item per line. The judge judges them again, one
        after the other, `anchors.judgments_per_day` times a day, with its own models and without the cache; the budget
        of the key that marked them pays. Anchors are kept until they are removed. Those that stay keep their scores if
        their texts are the same. An item of which only the `id` is given has the texts of its newest judgment in a job
        that the key may see. Some thirty items that people labelled make good anchors.
        """
        body = Body(request, settings.server.max_body_bytes, settings.server.max_upload_bytes)
        if media_type(request, JSON, NDJSON) == JSON:
            items = numbered((await decode_aside(await body.whole(), AnchorRequest)).items)
        else:
            items = ndjson(body.lines(), Item, "/items")
        owner = caller_of(request, None).name
        stored, is_new = await store_anchors(redis, settings, judge, items, owner, view)
        return Response(stored, status_code=201 if is_new else 200, headers={"Location": f"{self.path}/{judge}"})

    @get(
        operation_id="listAnchors",
        summary="List the anchors of all judges",
        opt=needs("read"),
        response_description="A page of findings.",
        responses=documented(400, 401, 403, 503),
    )
    async def list_all(
        self,
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        window: WindowQuery = "7d",
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> AnchorPage:
        """Lists, for each judge that has anchors, whether the judge changed or the judged texts did."""
        page, next_cursor = await anchors.list_anchors(redis, after=cursor, limit=limit)
        reports = await reports_of_anchors(redis, settings.default_models, page, window)
        return AnchorPage(anchors=reports, next_cursor=next_cursor)

    @get(
        "/{judge:str}",
        operation_id="showAnchors",
        summary="Show whether a judge changed",
        opt=needs("read"),
        response_description="The findings of the judge's anchors.",
        responses=documented(400, 401, 403, 404, 422, 503),
    )
    async def show(
        self,
        judge: AnchoredJudge,
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        model: ModelQuery = None,
        window: WindowQuery = "7d",
    ) -> AnchorReport:
        """Shows whether the judge changed, or the judged texts did, with the reasons in sentences.

        A change of the judge is looked for in all judgments of its anchors since their baseline, a change of the texts
        in the scores of all judgments within `window`.
        """
        return await report_of_anchors(redis, settings.default_models, await _existing(redis, judge), model, window)

    @get(
        "/{judge:str}/items",
        operation_id="listAnchorItems",
        summary="List the anchors of a judge",
        opt=needs("read"),
        response_description="The items with their texts; as NDJSON one per line.",
        response_headers=headers(Vary="`Accept`."),
        responses=documented(400, 401, 403, 404, 503),
        operation_class=operation(content={200: text(NDJSON, description="One `Item` per line.", types=[Item])}),
    )
    async def items(
        self, request: Request[Any, Any, Any], judge: AnchoredJudge, redis: NamedDependency[Redis]
    ) -> Response[AnchorItems]:
        """Lists the anchors of a judge in the form in which they can be stored again."""
        await _existing(redis, judge)
        found = await anchors.load_anchor_items(redis, judge)
        if form_wanted(request, NDJSON) == NDJSON:
            return Stream(_lines(found), media_type=NDJSON, headers={"Vary": "Accept"})  # type: ignore[return-value]
        return Response(AnchorItems(items=found), headers={"Vary": "Accept"})

    @post(
        "/{judge:str}/restart",
        operation_id="restartAnchors",
        summary="Accept a change of a judge",
        opt=needs("submit"),
        status_code=200,
        response_description="The anchors with their new baseline.",
        responses=documented(400, 401, 403, 404, 503),
    )
    async def restart(self, judge: AnchoredJudge, redis: NamedDependency[Redis]) -> AnchorSet:
        """Makes the next judgment of each anchor its first one: the judge as it is now is what later ones are compared
        with.
        """
        restarted = await anchors.restart_anchors(redis, judge)
        if restarted is None:
            raise _no_anchors(judge)
        return restarted

    @delete(
        "/{judge:str}",
        operation_id="removeAnchors",
        summary="Remove the anchors of a judge",
        opt=needs("submit"),
        status_code=204,
        response_description="The anchors and their scores are removed.",
        responses=documented(400, 401, 403, 404, 503),
    )
    async def remove(self, judge: AnchoredJudge, redis: NamedDependency[Redis]) -> None:
        """Removes the anchors of a judge with their scores; none is judged again."""
        if not await anchors.delete_anchors(redis, judge):
            raise _no_anchors(judge)

    @delete(
        "/{judge:str}/items/{item_id:str}",
        operation_id="removeAnchor",
        summary="Remove an anchor",
        opt=needs("submit"),
        status_code=204,
        response_description="The anchor is removed.",
        responses=documented(400, 401, 403, 404, 503),
    )
    async def remove_item(self, judge: AnchoredJudge, item_id: FromPath[str], redis: NamedDependency[Redis]) -> None:
        """Removes one anchor of a judge; the others keep their scores."""
        name = decoded_name(item_id)
        if not await anchors.delete_anchor(redis, judge, name):
            raise not_found(f"anchor {name} of {judge}")


async def _existing(redis: Redis, judge: str) -> AnchorSet:
    found = await anchors.find_anchors(redis, judge)
    if found is None:
        raise _no_anchors(judge)
    return found


def _no_anchors(judge: str) -> Exception:
    return not_found(f"anchor of {judge}: mark some with PUT /v1/anchors/{judge}")


async def _lines(items: list[Item]) -> AsyncIterator[bytes]:
    for each in items:
        yield msgspec.json.encode(each) + b"\n"
