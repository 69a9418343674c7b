"""`/v1/labels`: what people say of items, and what they should be asked next."""

from collections.abc import AsyncIterable, Sequence
from typing import Annotated, Any
from urllib.parse import quote, unquote

import msgspec
from litestar import Controller, Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from redis.asyncio import Redis

from service.api.access import needs
from service.api.bodies import JSON, NDJSON, Body, media_type
from service.api.paging import Cursor, Limit
from service.api.paths import named
from service.api.problems import documented
from service.config.settings import Settings
from service.contracts.decoding import decode, ndjson
from service.contracts.labels import Label, LabelRequest, NewLabel, QueuedItem
from service.contracts.pointing import MOST_FAULTS
from service.contracts.refusals import Fault, invalid, not_found, too_large
from service.store import labelling, labels

ItemOfQuery = Annotated[str, QueryParameter(name="item_id", min_length=1, max_length=512, description="Whose labels.")]
CriterionOfQuery = Annotated[
    str, QueryParameter(name="criterion", min_length=1, max_length=100, description="What to label items on.")
]


class StoredLabels(msgspec.Struct, frozen=True, kw_only=True):
    """How many labels came, and how many of them said anything new; a label said again changes nothing."""

    received: int
    stored: int
    unchanged: int


class LabelPage(msgspec.Struct, frozen=True, kw_only=True):
    labels: list[Label]
    next_cursor: str | None


class QueuePage(msgspec.Struct, frozen=True, kw_only=True):
    items: list[QueuedItem]
    next_cursor: str | None


class LabelsController(Controller):
    path = "/v1/labels"
    tags = ("labels",)

    @post(opt=needs("label"), status_code=200, responses=documented(400, 401, 403, 413, 415, 422, 503))
    async def put(
        self, request: Request[Any, Any, Any], redis: NamedDependency[Redis], settings: NamedDependency[Settings]
    ) -> StoredLabels:
        """Stores labels, all or none: before or after their items are judged, as often as one likes.

        As JSON, or as NDJSON (`application/x-ndjson`) with one label a line. What an annotator says of an item replaces
        what the same annotator said of it before.
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
            stored = await labels.put(redis, taken, keep_s=settings.store.keep_s)
        except labels.OffScaleLabelsError as error:
            wrong = [Fault(f"{_at(numbers[n])}/{field}", said) for n, field, said in error.problems[:MOST_FAULTS]]
            raise invalid(wrong) from error
        return StoredLabels(received=len(taken), stored=stored.stored, unchanged=stored.unchanged)

    @get(opt=needs("read"), responses=documented(400, 401, 403, 503))
    async def list_of_item(
        self, item_id: ItemOfQuery, redis: NamedDependency[Redis], limit: Limit = 100, cursor: Cursor = None
    ) -> LabelPage:
        """The labels of one item, by criterion and annotator."""
        after = _read_cursor(cursor)
        rest = [label for label in await labels.of_item(redis, item_id) if after is None or _place(label) > after]
        return LabelPage(labels=rest[:limit], next_cursor=_cursor(rest[limit - 1]) if len(rest) > limit else None)

    @get("/queue", opt=needs("read"), responses=documented(400, 401, 403, 503))
    async def queue(
        self, criterion: CriterionOfQuery, redis: NamedDependency[Redis], limit: Limit = 100, cursor: Cursor = None
    ) -> QueuePage:
        """The items to label next: some drawn at random, some because their labels would tell the most.

        Send the `selection` and the `probability` along with the label: they say how far it may be generalised.
        """
        try:
            items, next_cursor = await labelling.next_items(redis, criterion, limit=limit, cursor=cursor)
        except ValueError as error:
            raise invalid([Fault("/cursor", str(error))]) from error
        return QueuePage(items=items, next_cursor=next_cursor)

    @delete(
        "/{item_id:str}/{criterion:str}/{annotator:str}",
        opt=needs("label"),
        status_code=204,
        responses=documented(401, 403, 404, 503),
    )
    async def remove(
        self,
        item_id: FromPath[str],
        criterion: FromPath[str],
        annotator: FromPath[str],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
    ) -> None:
        """Takes one label back. Each part of the path is percent-encoded, `/` included."""
        item, on, by = named(item_id), named(criterion), named(annotator)
        if not await labels.delete(redis, item, on, by, keep_s=settings.store.keep_s):
            raise not_found(f"label of {item} on {on} by {by}")


async def _lines(lines: AsyncIterable[bytes], settings: Settings) -> tuple[list[NewLabel], list[int]]:
    """The label of each line that is not empty, and the number of that line from 0."""
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
        raise invalid([Fault("/labels", "there is no label")])
    return taken, numbers


def _check_count(count: int, settings: Settings) -> None:
    if count > settings.server.max_items:
        raise too_large(f"more than {settings.server.max_items} labels")


def _check_values(taken: Sequence[NewLabel], numbers: Sequence[int]) -> None:
    """Raises a 400 problem for labels that say nothing, or two things."""
    faults = []
    for number, label in zip(numbers, taken, strict=True):
        if label.score is None and label.label is None:
            faults.append(Fault(f"{_at(number)}/score", "is missing, and so is label: send one of them"))
        elif label.score is not None and label.label is not None:
            faults.append(Fault(f"{_at(number)}/label", "can't be there beside score: send one of them"))
    if faults:
        raise invalid(faults[:MOST_FAULTS])


def _at(number: int) -> str:
    return f"/labels/{number}"


def _place(label: Label) -> tuple[str, str]:
    return label.criterion, label.annotator


def _cursor(label: Label) -> str:
    return f"{quote(label.criterion, safe='')}/{quote(label.annotator, safe='')}"


def _read_cursor(cursor: str | None) -> tuple[str, str] | None:
    if cursor is None:
        return None
    criterion, slash, annotator = cursor.partition("/")
    if not slash:
        raise invalid([Fault("/cursor", "is no cursor of a page before")])
    return unquote(criterion), unquote(annotator)
