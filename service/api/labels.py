"""`/v1/labels`: the labels that people give to items, and the items to label next."""

from collections.abc import AsyncIterable, Sequence
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from redis.asyncio import Redis

from service.agreement.labelling import OffScaleLabelsError, labels_of_item, put_labels, remove_label
from service.api.access import needs
from service.api.bodies import JSON, NDJSON, Body, media_type
from service.api.cursors import bad_cursor, names_cursor, names_of
from service.api.openapi import json_body, ndjson_body, operation
from service.api.parameters import Cursor, Limit
from service.api.paths import decoded_name
from service.api.problems import documented
from service.config.settings import Settings
from service.contracts.decoding import decode, ndjson
from service.contracts.labels import Label, LabelRequest, NewLabel, QueuedItem
from service.contracts.pointing import MOST_FAULTS
from service.contracts.refusals import Fault, invalid, not_found, too_large
from service.store.label_queue import next_items

_EXAMPLE = {"labels": [{"item_id": "t-1", "criterion": "politeness", "annotator": "ann", "score": 3}]}

ItemQuery = Annotated[
    str, QueryParameter(name="item_id", min_length=1, max_length=512, description="The id of the item.")
]
CriterionToLabel = Annotated[
    str, QueryParameter(name="criterion", min_length=1, max_length=100, description="The criterion to label items on.")
]


class StoredLabels(msgspec.Struct, frozen=True, kw_only=True):
    """The number of labels received; `stored` are new or changed, `unchanged` are equal to stored ones."""

    received: int
    stored: int
    unchanged: int


class LabelPage(msgspec.Struct, frozen=True, kw_only=True):
    """Labels by criterion and annotator."""

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
        body = Body(request, settings.server.max_body_bytes)
        if media_type(request, JSON, NDJSON) == JSON:
            taken = decode(await body.whole(), LabelRequest).labels
            _check_count(len(taken), settings)
            numbers: Sequence[int] = range(len(taken))
        else:
            taken, numbers = await _lines(body.lines(), settings)
        _check_values(taken, numbers)
        try:
            stored = await put_labels(redis, taken, keep_s=settings.store.keep_s)
        except OffScaleLabelsError as error:
            faults = [Fault(f"{_at(numbers[n])}/{field}", detail) for n, field, detail in error.problems[:MOST_FAULTS]]
            raise invalid(faults) from error
        return StoredLabels(received=len(taken), stored=stored.stored, unchanged=stored.unchanged)

    @get(
        operation_id="listLabels",
        summary="List the labels of an item",
        opt=needs("read"),
        response_description="A page of labels.",
        responses=documented(400, 401, 403, 503),
    )
    async def list_of_item(
        self, item_id: ItemQuery, redis: NamedDependency[Redis], limit: Limit = 100, cursor: Cursor = None
    ) -> LabelPage:
        """Lists the labels of one item by criterion and annotator."""
        after = names_of(cursor, 2)
        rest = [label for label in await labels_of_item(redis, item_id) if after is None or _place(label) > after]
        return LabelPage(
            labels=rest[:limit], next_cursor=names_cursor(*_place(rest[limit - 1])) if len(rest) > limit else None
        )

    @get(
        "/queue",
        operation_id="listQueue",
        summary="List the items to label next",
        opt=needs("read"),
        response_description="A page of items.",
        responses=documented(400, 401, 403, 503),
    )
    async def queue(
        self, criterion: CriterionToLabel, redis: NamedDependency[Redis], limit: Limit = 100, cursor: Cursor = None
    ) -> QueuePage:
        """Lists the items to label next: some drawn at random, some because their labels are the most informative.

        Send the `selection` and the `probability` of an item with its label: estimates need them.
        """
        try:
            items, next_cursor = await next_items(redis, criterion, limit=limit, cursor=cursor)
        except ValueError as error:
            raise bad_cursor() from error
        return QueuePage(items=items, next_cursor=next_cursor)

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


async def _lines(lines: AsyncIterable[bytes], settings: Settings) -> tuple[list[NewLabel], list[int]]:
    """The label of each line that is not blank, and the number of that line from 0."""
    taken: list[NewLabel] = []
    numbers: list[int] = []
    faults: list[Fault] = []
    async for number, label in ndjson(lines, NewLabel, "/labels"):
        if isinstance(label, list):
            faults += label[: MOST_FAULTS - len(faults)]
        else:
            taken.append(label)
            numbers.append(number)
        _check_count(len(taken), settings)
    if faults:
        raise invalid(faults)
    if not taken:
        raise invalid([Fault("/labels", "at least one label is needed")])
    return taken, numbers


def _check_count(count: int, settings: Settings) -> None:
    if count > settings.server.max_items:
        raise too_large(f"more than {settings.server.max_items} labels")


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


def _place(label: Label) -> tuple[str, str]:
    return label.criterion, label.annotator
