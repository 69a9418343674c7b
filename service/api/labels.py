"""`/v1/labels`: the labels that people give to items, and the items to label next."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream
from redis.asyncio import Redis

from service.agreement.label_lists import LabelFilter, labels_in_order, page_of_labels, remove_label, remove_labels
from service.agreement.label_progress import LabelProgress, label_progress
from service.agreement.labelling import OffScaleLabelsError, put_labels
from service.agreement.queue_pages import QueueQuery, page_to_label
from service.api.access import needs
from service.api.bodies import JSON, NDJSON, Body, decode_aside, form_wanted, media_type
from service.api.cursors import bad_cursor, names_cursor, names_of
from service.api.openapi import headers, json_body, ndjson_body, operation, text
from service.api.parameters import Cursor, Limit
from service.api.paths import decoded_name
from service.api.problems import documented
from service.config.settings import Settings
from service.contracts.decoding import Batch, ndjson
from service.contracts.labels import Label, LabelRequest, NewLabel, QueuedItem
from service.contracts.pointing import MOST_FAULTS
from service.contracts.refusals import Fault, invalid, not_found, too_large
from service.store.label_queue import MOST_QUEUED_ANNOTATORS
from service.threads import aside

_EXAMPLE = {"labels": [{"item_id": "t-1", "criterion": "politeness", "annotator": "ann", "score": 3}]}

ItemQuery = Annotated[
    str | None, QueryParameter(name="item_id", min_length=1, max_length=512, description="The id of an item.")
]
CriterionFilter = Annotated[
    str | None, QueryParameter(name="criterion", min_length=1, max_length=100, description="The name of a criterion.")
]
AnnotatorFilter = Annotated[
    str | None, QueryParameter(name="annotator", min_length=1, max_length=200, description="The name of an annotator.")
]
MatchedFilter = Annotated[
    bool | None,
    QueryParameter(
        name="matched", description="True for labels whose item was judged, false for those whose item nobody judged."
    ),
]
CriterionToLabel = Annotated[
    str, QueryParameter(name="criterion", min_length=1, max_length=100, description="The criterion to label items on.")
]
WhoLabels = Annotated[
    str | None,
    QueryParameter(
        name="annotator",
        min_length=1,
        max_length=200,
        description="The annotator who will label the items: those that this annotator has labelled are left out.",
    ),
]
AnnotatorsPerItem = Annotated[
    int,
    QueryParameter(
        name="per_item",
        ge=1,
        le=MOST_QUEUED_ANNOTATORS,
        description="The number of annotators for each item.",
    ),
]
WishedWidth = Annotated[
    float | None,
    QueryParameter(
        name="half_width",
        gt=0,
        description="The wished half-width of the interval of the mean, by default a twentieth of the labels' range.",
    ),
]
Included = Annotated[
    Literal["item"] | None,
    QueryParameter(name="include", description="`item` adds the texts of each item, without any judge's score."),
]


class StoredLabels(msgspec.Struct, frozen=True, kw_only=True):
    """The number of labels received; `stored` are new or changed, `unchanged` are equal to stored ones.

    `replaced` counts the stored ones that replaced another value, and `unmatched` the labels of items that nobody has
    judged. `unknown_criteria` are the names of criteria that nobody has put and no judge has, such as misspelt ones.
    """

    received: int
    stored: int
    unchanged: int
    replaced: int
    unmatched: int
    unknown_criteria: list[str]


class RemovedLabels(msgspec.Struct, frozen=True, kw_only=True):
    """The number of labels that were deleted."""

    deleted: int


class LabelPage(msgspec.Struct, frozen=True, kw_only=True):
    """Labels by criterion, item and annotator."""

    labels: list[Label]
    next_cursor: str | None


class QueuePage(msgspec.Struct, frozen=True, kw_only=True):
    """Items to label next."""

    items: list[QueuedItem]
    next_cursor: str | None


class LabelsController(Controller):
    path = "/v1/labels"
    tags = ("labels",)

    @post(
        operation_id="storeLabels",
        summary="Store labels",
        opt=needs("label"),
        status_code=200,
        response_description="The number of labels that were stored.",
        responses=documented(400, 401, 403, 409, 413, 415, 422, 503),
        operation_class=operation(body=json_body(LabelRequest, _EXAMPLE) | ndjson_body(NewLabel)),
    )
    async def put(
        self, request: Request[Any, Any, Any], redis: NamedDependency[Redis], settings: NamedDependency[Settings]
    ) -> StoredLabels:
        """Stores labels, all of them or none. Items may be labelled before or after they are judged.

        The body is JSON, or NDJSON (`application/x-ndjson`) with one label per line. A new label of an annotator
        replaces the earlier label of the same annotator for the same item and criterion; repeating a label changes
        nothing.
        """
        body = Body(request, settings.server.max_body_bytes, settings.server.max_upload_bytes)
        if media_type(request, JSON, NDJSON) == JSON:
            taken = (await decode_aside(await body.whole(), LabelRequest)).labels
            _check_count(len(taken), settings)
            numbers: Sequence[int] = range(len(taken))
        else:
            taken, numbers = await _lines(body.lines(), settings)
        await aside(_check_values, taken, numbers)
        try:
            stored = await put_labels(redis, taken, keep_s=settings.store.keep_s)
        except OffScaleLabelsError as error:
            faults = [Fault(f"{_at(numbers[n])}/{field}", detail) for n, field, detail in error.problems[:MOST_FAULTS]]
            raise invalid(faults) from error
        return StoredLabels(received=len(taken), **stored._asdict())

    @get(
        operation_id="listLabels",
        summary="List labels",
        opt=needs("read"),
        response_description="A page; or, as NDJSON, all labels that are meant.",
        response_headers=headers(Vary="`Accept`."),
        responses=documented(400, 401, 403, 503),
        operation_class=operation(content={200: text(NDJSON, description="One `Label` per line.", types=[Label])}),
    )
    async def list_labels(
        self,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        item_id: ItemQuery = None,
        criterion: CriterionFilter = None,
        annotator: AnnotatorFilter = None,
        matched: MatchedFilter = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response[LabelPage]:
        """Lists labels by criterion, item and annotator: a page, or all of them with `Accept: application/x-ndjson`."""
        wanted, after = LabelFilter(item_id, criterion, annotator, matched), _place_in(cursor)
        if form_wanted(request, NDJSON) == NDJSON:
            lines = _shown_lines(redis, wanted, after)
            return Stream(lines, media_type=NDJSON, headers={"Vary": "Accept"})  # type: ignore[return-value]
        page, last = await page_of_labels(redis, wanted, after=after, limit=limit)
        shown = LabelPage(labels=page, next_cursor=None if last is None else names_cursor(*last))
        return Response(shown, headers={"Vary": "Accept"})

    @delete(
        operation_id="deleteLabels",
        summary="Delete labels",
        opt=needs("label"),
        status_code=200,
        response_description="The number of labels that were deleted.",
        responses=documented(400, 401, 403, 409, 503),
    )
    async def remove_many(
        self,
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        item_id: ItemQuery = None,
        criterion: CriterionFilter = None,
        annotator: AnnotatorFilter = None,
        matched: MatchedFilter = None,
    ) -> RemovedLabels:
        """Deletes all labels that are meant by at least one filter, and all that they count.

        Many labels are deleted in several steps. If the request breaks off, a repeat deletes the rest.
        """
        wanted = LabelFilter(item_id, criterion, annotator, matched)
        return RemovedLabels(deleted=await remove_labels(redis, wanted, keep_s=settings.store.keep_s))

    @get(
        "/queue",
        operation_id="listQueue",
        summary="List the items to label next",
        opt=needs("read"),
        response_description="A page of items.",
        responses=documented(400, 401, 403, 503),
    )
    async def queue(
        self,
        criterion: CriterionToLabel,
        redis: NamedDependency[Redis],
        annotator: WhoLabels = None,
        per_item: AnnotatorsPerItem = 1,
        include: Included = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> QueuePage:
        """Lists the items to label next, in turns: drawn at random, and because their labels are the most informative.

        An item is listed until it has `per_item` annotators, and never for an `annotator` who has labelled it. Send the
        `selection` and the `probability` of an item with its label: estimates and weighted figures need them.
        """
        query = QueueQuery(criterion, annotator, per_item, limit, cursor, include == "item")
        try:
            items, next_cursor = await page_to_label(redis, query)
        except ValueError as error:
            raise bad_cursor() from error
        return QueuePage(items=items, next_cursor=next_cursor)

    @get(
        "/progress",
        operation_id="showLabelProgress",
        summary="Show how many more labels are needed",
        opt=needs("read"),
        response_description="The mean by the labels with its interval, and the labels that are still needed.",
        responses=documented(400, 401, 403, 503),
    )
    async def progress(
        self,
        criterion: CriterionToLabel,
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        half_width: WishedWidth = None,
    ) -> LabelProgress:
        """Shows how sure the mean of all judged items is, and about how many more labels make it +- `half_width`.

        The mean is that of `GET /v1/estimates` for the judge that judged by the criterion last, over all time.
        """
        models, keep_s = settings.default_models, settings.store.keep_s
        return await label_progress(redis, criterion, half_width, default_models=models, keep_s=keep_s)

    @delete(
        "/{item_id:str}/{criterion:str}/{annotator:str}",
        operation_id="deleteLabel",
        summary="Delete a label",
        opt=needs("label"),
        status_code=204,
        response_description="The label is deleted.",
        responses=documented(400, 401, 403, 404, 409, 503),
    )
    async def remove(
        self,
        item_id: FromPath[str],
        criterion: FromPath[str],
        annotator: FromPath[str],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
    ) -> None:
        """Deletes one label. Each part of the path is percent-encoded, including `/`."""
        item, on, by = decoded_name(item_id), decoded_name(criterion), decoded_name(annotator)
        if not await remove_label(redis, item, on, by, keep_s=settings.store.keep_s):
            raise not_found(f"label of item {item!r} on {on!r} by {by!r}")


async def _lines(parts: AsyncIterable[Sequence[bytes]], settings: Settings) -> tuple[list[NewLabel], list[int]]:
    """The label of each line that is not blank, and the number of that line from 0."""
    taken: list[tuple[int, NewLabel]] = []
    faults: list[Fault] = []
    async for batch in ndjson(parts, NewLabel, "/labels"):
        await aside(_take, batch, taken, faults)
        _check_count(len(taken), settings)
    if faults:
        raise invalid(faults)
    if not taken:
        raise invalid([Fault("/labels", "at least one label is needed")])
    return [label for _, label in taken], [number for number, _ in taken]


def _take(batch: Batch[NewLabel], taken: list[tuple[int, NewLabel]], faults: list[Fault]) -> None:
    """Adds the entries of a batch. Raises Refused (invalid) once there are as many faults as are named."""
    for number, label in batch:
        if isinstance(label, list):
            faults += label[: MOST_FAULTS - len(faults)]
        else:
            taken.append((number, label))
        if len(faults) >= MOST_FAULTS:
            raise invalid(faults)


def _check_count(count: int, settings: Settings) -> None:
    if count > settings.server.max_items:
        raise too_large(f"more than {settings.server.max_items} labels: send them in several requests")


def _check_values(taken: Sequence[NewLabel], numbers: Sequence[int]) -> None:
    """Raises Refused (invalid) for labels with neither a score nor a label, or with both."""
    faults = []
    for number, label in zip(numbers, taken, strict=True):
        if label.score is None and label.label is None:
            faults.append(Fault(f"{_at(number)}/score", "missing, and so is `label`: send one of them"))
        elif label.score is not None and label.label is not None:
            faults.append(Fault(f"{_at(number)}/label", "not allowed together with `score`: send one of them"))
    if faults:
        raise invalid(faults[:MOST_FAULTS])


def _at(number: int) -> str:
    return f"/labels/{number}"


def _place_in(cursor: str | None) -> tuple[str, str, str] | None:
    names = names_of(cursor, 3)
    return None if names is None else (names[0], names[1], names[2])


async def _shown_lines(redis: Redis, wanted: LabelFilter, after: tuple[str, str, str] | None) -> AsyncIterator[bytes]:
    async for label in labels_in_order(redis, wanted, after):
        yield msgspec.json.encode(label) + b"\n"
