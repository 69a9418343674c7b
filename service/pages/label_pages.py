"""`/label`: the label queue of a criterion, one item at a time; the judges' answers are shown once the label is in."""

import math
from typing import Annotated, Any
from urllib.parse import quote, unquote, urlencode

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Redirect
from redis.asyncio import Redis

from service.agreement.coding import written
from service.agreement.criterion_settings import find_criterion, page_of_criteria
from service.agreement.item_answers import RevealedAnswer, answers_about
from service.agreement.label_lists import remove_label
from service.agreement.label_progress import label_progress
from service.agreement.labelling import OffScaleLabelsError, current_label, put_labels
from service.agreement.queue_pages import QueueQuery, draw_of, next_to_label
from service.api.access import can
from service.api.cursors import bad_cursor
from service.api.origins import TAKES_FORMS
from service.config.settings import Settings
from service.contracts.criteria import SeenCriterion
from service.contracts.items import Item, content_digest
from service.contracts.judges import MOST_OF_A_CRITERION
from service.contracts.labels import Label, NewLabel
from service.contracts.refusals import Fault, Kind, Refused, invalid
from service.jobs import View
from service.pages.access import cookie, shown_to
from service.pages.documents import document, redirect
from service.pages.item import parts_of
from service.pages.signing_in import own_path
from service.pages.texts import ShownText, TextBudget
from service.rendering.label_keys import label_keys, range_of
from service.store.item_texts import texts_of_contents
from service.store.items import load_item
from service.store.judges import judge_by_reference
from service.store.label_queue import MOST_QUEUED_ANNOTATORS

ANNOTATOR_COOKIE = "judged_annotator"

CriterionOnPage = Annotated[str | None, QueryParameter(max_length=MOST_OF_A_CRITERION)]
ItemOnPage = Annotated[str | None, QueryParameter(max_length=512)]
CursorOnPage = Annotated[str | None, QueryParameter(max_length=200)]

_MOST_CRITERIA = 200
_MOST_ANSWERS = 6
_MOST_OF_A_FORM = 200_000  # bytes: a comment of 10,000 characters, encoded
_MOST_OF_A_NAME = 200
_YEAR_S = 365 * 24 * 3600
_FORM = shown_to("label") | TAKES_FORMS


class Sitting(msgspec.Struct, frozen=True, kw_only=True):
    """The place of an annotator in the queue of a criterion, which links and forms carry along.

    `after` is the cursor of the queue, `last` the item that was labelled last, and `done` counts the labels of this
    sitting. An item is shown until it has the labels of `per_item` annotators.
    """

    criterion: str
    after: str | None = None
    last: str | None = None
    done: int = 0
    per_item: int = MOST_QUEUED_ANNOTATORS
    half_width: float | None = None

    def address(self, item_id: str | None = None) -> str:
        """Returns the path of the page at this place, or of one item."""
        values: dict[str, Any] = {
            "criterion": self.criterion,
            "item": item_id,
            "after": self.after,
            "last": self.last,
            "done": self.done or None,
            "per_item": None if self.per_item == MOST_QUEUED_ANNOTATORS else self.per_item,
            "half_width": self.half_width,
        }
        return "/label?" + urlencode({name: value for name, value in values.items() if value is not None})

    def at(self, **changes: Any) -> "Sitting":
        """Returns the same sitting at another place."""
        return msgspec.structs.replace(self, **changes)


class ItemToLabel(msgspec.Struct, frozen=True, kw_only=True):
    """An item as it is shown; `content` is the digest of its texts, and `label` the annotator's label of them."""

    item_id: str
    content: str
    item: Item
    label: Label | None = None


class LabelPages(Controller):
    path = "/label"
    opt = shown_to("read")

    @get()
    async def show(
        self,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        view: NamedDependency[View],
        criterion: CriterionOnPage = None,
        item: ItemOnPage = None,
        after: CursorOnPage = None,
        last: ItemOnPage = None,
        done: Annotated[int, QueryParameter(ge=0)] = 0,
        per_item: Annotated[int, QueryParameter(ge=1, le=MOST_QUEUED_ANNOTATORS)] = MOST_QUEUED_ANNOTATORS,
        half_width: Annotated[float | None, QueryParameter(gt=0)] = None,
    ) -> Response[bytes]:
        """Shows the next item of a criterion's queue, or one item; without a criterion, all of them."""
        if not criterion:
            found = await page_of_criteria(redis, after=None, limit=_MOST_CRITERIA)
            return await document(request, "label_criteria.html", criteria=found.criteria)
        sitting = Sitting(
            criterion=criterion, after=after, last=last, done=done, per_item=per_item, half_width=half_width
        )
        known = await find_criterion(redis, criterion)
        annotator = annotator_of(request)
        if annotator is None:
            return await document(request, "label_name.html", following=sitting.address(item))
        shown, following = await _shown(redis, sitting, annotator, item)
        budget = TextBudget()
        return await document(
            request,
            "label.html",
            criterion=known,
            question=await _question(redis, known, budget),
            keys=label_keys(known.scale, known.choices),
            range=None if known.scale is None else range_of(known.scale),
            shown=shown,
            given=None if shown is None or shown.label is None else _given(shown.label),
            parts=[] if shown is None else parts_of(shown.item, budget),
            answers=await _answers(redis, sitting.criterion, shown, view, budget),
            progress=await label_progress(
                redis,
                criterion,
                half_width,
                default_models=settings.default_models,
                keep_s=settings.store.keep_s,
            ),
            sitting=sitting,
            following=following,
            is_any_skipped=shown is None and await _is_any(redis, sitting.at(after=None), annotator),
            annotator=annotator,
            may_label=can(request, "label"),
            may_rename=request.state.key is None,
            most_annotators=MOST_QUEUED_ANNOTATORS,
        )

    @post(opt=_FORM, status_code=303, request_max_body_size=_MOST_OF_A_FORM)
    async def label(
        self, request: Request[Any, Any, Any], redis: NamedDependency[Redis], settings: NamedDependency[Settings]
    ) -> Response[Any]:
        """Stores the label of a form, and leads to the judges' answers."""
        form = await request.form()
        sitting, item_id = _sitting_of(form), _text(form, "item")
        annotator = annotator_of(request)
        if annotator is None:
            return redirect(sitting.address(item_id))
        known = await find_criterion(redis, sitting.criterion)
        try:
            draw = await draw_of(redis, sitting.criterion, item_id, sitting.after)
        except ValueError as error:
            raise bad_cursor() from error
        score, word = _value(known, _text(form, "value"))
        label = _checked(
            item_id=item_id,
            criterion=sitting.criterion,
            annotator=annotator,
            score=score,
            label=word,
            comment=_comment(form),
            content=_text(form, "content"),
            selection=draw.selection,
            probability=draw.probability,
        )
        try:
            counts = await put_labels(redis, [label], keep_s=settings.store.keep_s)
        except OffScaleLabelsError as error:
            raise invalid([Fault("/value", detail) for _, _, detail in error.problems]) from error
        except Refused as refused:
            if refused.kind is not Kind.ITEM_CHANGED:
                raise
            again = sitting.address(item_id)
            values: dict[str, Any] = {"item_id": item_id, "again": again, "sitting": sitting}
            return await document(request, "label_stale.html", status_code=409, **values)
        added = counts.stored - counts.replaced
        return redirect(sitting.at(done=sitting.done + added).address(item_id))

    @post("/undo", opt=_FORM, status_code=303, request_max_body_size=_MOST_OF_A_FORM)
    async def undo(
        self, request: Request[Any, Any, Any], redis: NamedDependency[Redis], settings: NamedDependency[Settings]
    ) -> Redirect:
        """Takes the annotator's label of an item back, and leads to the item."""
        form = await request.form()
        sitting, item_id = _sitting_of(form), _text(form, "item")
        annotator = annotator_of(request)
        if annotator is None:
            return redirect(sitting.address(item_id))
        was_there = await remove_label(redis, item_id, sitting.criterion, annotator, keep_s=settings.store.keep_s)
        return redirect(sitting.at(done=max(sitting.done - was_there, 0), last=None).address(item_id))

    @post("/name", opt=_FORM, status_code=303, request_max_body_size=_MOST_OF_A_FORM)
    async def name(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Keeps the name of an annotator in the browser; where keys are configured, the key's name is theirs."""
        form = await request.form()
        following, name = own_path(str(form.get("next", "/label"))), str(form.get("annotator", "")).strip()
        if not name.isprintable() or not 0 < len(name) <= _MOST_OF_A_NAME:
            detail = f"a name must have 1 to {_MOST_OF_A_NAME} printable characters"
            raise invalid([Fault("/annotator", detail)])
        kept = cookie(request, ANNOTATOR_COOKIE, quote(name, safe=""), _YEAR_S)
        return redirect(following, kept)


def annotator_of(request: Request[Any, Any, Any]) -> str | None:
    """Returns the name under which somebody labels: that of their key, else the one that they gave; None before."""
    if request.state.key is not None:
        return str(request.state.key.name)
    name = request.cookies.get(ANNOTATOR_COOKIE, "")  # decoded
    return name if name.isprintable() and 0 < len(name) <= _MOST_OF_A_NAME else None


def _query(sitting: Sitting, annotator: str) -> QueueQuery:
    return QueueQuery(sitting.criterion, annotator, sitting.per_item, 1, sitting.after, has_texts=True)


async def _shown(redis: Redis, sitting: Sitting, annotator: str, item_id: str | None) -> tuple[ItemToLabel | None, str]:
    """Returns the item to show, None if there is none, and the cursor that follows it."""
    if item_id is not None:
        return await _one(redis, sitting.criterion, item_id, annotator), sitting.after or ""
    try:
        queued, cursor = await next_to_label(redis, _query(sitting, annotator))
    except ValueError as error:
        raise bad_cursor() from error
    if queued is None or not queued.item:
        return None, cursor
    item = Item(**msgspec.structs.asdict(queued.item))
    return ItemToLabel(item_id=queued.item_id, content=queued.content, item=item), cursor


async def _one(redis: Redis, criterion: str, item_id: str, annotator: str) -> ItemToLabel | None:
    """Returns an item with the annotator's label of its newest texts; None if these are not stored."""
    content = (await load_item(redis, item_id)).content
    item = (await texts_of_contents(redis, {item_id: content})).get(item_id)
    if item is None:
        return None
    return ItemToLabel(
        item_id=item_id,
        content=content_digest(item),
        item=item,
        label=await current_label(redis, item_id, criterion, annotator),
    )


async def _is_any(redis: Redis, sitting: Sitting, annotator: str) -> bool:
    """Whether the queue has an item for the annotator from this place on."""
    return (await next_to_label(redis, _query(sitting, annotator)))[0] is not None


async def _answers(
    redis: Redis, criterion: str, shown: ItemToLabel | None, view: View, budget: TextBudget
) -> list[tuple[RevealedAnswer, ShownText | None]]:
    """Returns the judges' answers about an item with their explanations; none before it has its label."""
    if shown is None or shown.label is None:
        return []
    found = await answers_about(redis, shown.item_id, criterion, view.owner)
    return [(each, budget.shown(each.explanation) if each.explanation else None) for each in found[:_MOST_ANSWERS]]


async def _question(redis: Redis, known: SeenCriterion, budget: TextBudget) -> ShownText | None:
    """Returns the words that say how to label: the criterion's description, else the instructions of its judge.

    Those are of the judge's newest version, unless that one is of another criterion.
    """
    if known.description is not None:
        return budget.shown(known.description)
    source = [known.source_judge.partition("@")[0], known.source_judge] if known.source_judge else []
    for reference in (*source, *known.judges[:1]):
        stored = await judge_by_reference(redis, reference)
        if stored is not None and stored.criterion == known.name:
            return budget.shown(stored.instructions.strip())
    return None


def _sitting_of(form: FormMultiDict) -> Sitting:
    """Returns the place that a form carries. Raises Refused (invalid) if it does not fit."""
    given = {
        "criterion": _text(form, "criterion"),
        **{name: _text(form, name) or None for name in ("after", "last", "half_width")},
        **{name: _text(form, name) for name in ("done", "per_item") if _text(form, name)},
    }
    try:
        return msgspec.convert(given, Sitting, strict=False)
    except msgspec.ValidationError as error:
        raise invalid([Fault("", f"not a form of this page: {error}")]) from error


def _text(form: FormMultiDict, name: str) -> str:
    """Returns a field. Values that a browser might change, such as line ends, are percent-encoded in the page."""
    return unquote(str(form.get(name, "")))


def _comment(form: FormMultiDict) -> str | None:
    """Returns what somebody typed, with plain line ends."""
    return str(form.get("comment", "")).replace("\r\n", "\n").strip() or None


def _value(known: SeenCriterion, given: str) -> tuple[float | None, str | None]:
    """Returns a label's score or its word. Raises Refused (invalid) for a number that is none."""
    if known.choices:
        return None, given or None
    try:
        score = float(given.replace(",", "."))
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise invalid([Fault("/value", f"{given[:_MOST_OF_A_NAME]!r} is not a number")])
    return score, None


def _checked(**fields: Any) -> NewLabel:
    """Returns a label. Raises Refused (invalid) if a field does not fit."""
    if fields["score"] is None and fields["label"] is None:
        raise invalid([Fault("/value", "missing: choose one of the values")])
    try:
        return msgspec.convert(fields, NewLabel)
    except msgspec.ValidationError as error:
        raise invalid([Fault("", str(error))]) from error


def _given(label: Label) -> str:
    """Returns a label's value as the judges' answers have it."""
    return written(label.score) if label.score is not None else str(label.label)
