"""`/items/{id}`: an item's texts, its judgments with their votes, prompts and raw answers, and its labels."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from redis.asyncio import Redis

from service.agreement.labelling import labels_of_item
from service.api.paths import decoded_name
from service.archive.lookup import found_judgments, found_texts
from service.archive.reading import ArchiveReader
from service.contracts.items import TEXT_FIELDS, Item
from service.contracts.judgments import Judgment, PromptMessage, Vote
from service.contracts.outcomes import Outcome, ParsedFrom
from service.contracts.refusals import not_found
from service.jobs import View, prompts_about, visible_jobs
from service.judging.methods import METHODS
from service.judging.questions import letter
from service.judging.reading import Source, place_of
from service.judging.templates import TemplateError
from service.pages.access import shown_to
from service.pages.documents import document
from service.pages.texts import ShownText, TextBudget
from service.store.item_texts import JudgedText
from service.threads import aside

_MOST_JUDGMENTS = 20  # the newest
_MOST_VOTES = 20  # of one judgment
_SOURCES: dict[ParsedFrom, Source] = {ParsedFrom.SCHEMA: "schema", ParsedFrom.TOOL: "tool"}
_MOST_IN_LINES = 100_000  # bytes of metadata


class RawAnswer(msgspec.Struct, frozen=True):
    """A model's answer in three parts, of which `verdict` is the place at which the verdict was read.

    The last two are empty if the place is not known.
    """

    before: str
    verdict: str
    after: str
    left_out: int


class ShownVote(msgspec.Struct, frozen=True):
    """A vote with its raw answer, None if the model gave none."""

    vote: Vote
    raw: RawAnswer | None
    explanation: ShownText | None
    error: ShownText | None


class ShownPrompt(msgspec.Struct, frozen=True):
    """The messages of a call, (role, text), in an order of the outputs."""

    order: str | None
    messages: list[tuple[str, ShownText]]


class ShownJudgment(msgspec.Struct, frozen=True):
    """A judgment with its votes and prompts. `prompts` is empty if the texts are not stored any more."""

    judgment: Judgment
    votes: list[ShownVote]
    more_votes: int
    prompts: list[ShownPrompt]
    explanation: ShownText | None


@get("/items/{item_id:str}", opt=shown_to("read"))
async def show_item_page(
    request: Request[Any, Any, Any],
    item_id: FromPath[str],
    redis: NamedDependency[Redis],
    archive: NamedDependency[ArchiveReader | None],
    view: NamedDependency[View],
) -> Response[bytes]:
    """Shows an item. Its id is percent-encoded in the path, including `/`."""
    name = decoded_name(item_id)
    known = await found_judgments(redis, archive, name, view.owner, with_texts=True)
    stored = known.judgments
    labels = await labels_of_item(redis, name)
    if not stored and not labels:
        raise not_found(f"judgment or label of item {name!r}")
    newest = await decoded_judgments(stored[-_MOST_JUDGMENTS:][::-1])
    found = await found_texts(redis, known, name, _MOST_JUDGMENTS)
    texts = {(each.job_id, each.judge.ref.digest): each for each in found}
    budget = TextBudget()
    item = next((text.item for each in newest if (text := texts.get(_place(each))) is not None), None)
    parts = [] if item is None else [*parts_of(item, budget), *await aside(_metadata, item, budget)]
    comments = [None if each.comment is None else budget.shown(each.comment) for each in labels]
    judgments = [await shown_judgment(redis, each, texts.get(_place(each)), budget) for each in newest]
    return await document(
        request,
        "item.html",
        item_id=name,
        item=item,
        parts=parts,
        judgments=judgments,
        earlier=len(stored) - len(newest),
        shown_jobs=await visible_jobs(redis, (each.job_id for each in newest), view),
        labels=list(zip(labels, comments, strict=True)),
    )


async def decoded_judgments(stored: Sequence[msgspec.Raw]) -> list[Judgment]:
    """Returns judgments from their JSON."""
    return await aside(lambda: [msgspec.json.decode(each, type=Judgment) for each in stored])


def _place(judgment: Judgment) -> tuple[str, str]:
    return judgment.job_id, judgment.judge.digest


def parts_of(item: Item, budget: TextBudget) -> list[tuple[str, ShownText]]:
    """Returns the texts of an item under their names, without its metadata."""
    texts = [(name, value) for name in TEXT_FIELDS if (value := getattr(item, name)) is not None]
    texts += [(f"output {letter(index)}", text) for index, text in enumerate(item.outputs or ())]
    return [(name, budget.shown(text)) for name, text in texts]


def _metadata(item: Item, budget: TextBudget) -> list[tuple[str, ShownText]]:
    if not item.metadata:
        return []
    return [("metadata", budget.shown(metadata_text(item)))]


def metadata_text(item: Item) -> str:
    """Returns the metadata of an item as JSON, in lines unless it is very long."""
    encoded = msgspec.json.encode(item.metadata)
    return (msgspec.json.format(encoded, indent=2) if len(encoded) <= _MOST_IN_LINES else encoded).decode()


async def shown_judgment(
    redis: Redis, judgment: Judgment, judged: JudgedText | None, budget: TextBudget
) -> ShownJudgment:
    """Returns a judgment as pages show it. `judged` is None if its texts are not stored any more."""
    votes = judgment.votes[:_MOST_VOTES]
    shown = await aside(_votes, votes, judged, budget)
    return ShownJudgment(
        judgment,
        shown,
        len(judgment.votes) - len(votes),
        [] if judged is None else await _prompts(redis, judged, budget),
        _optional(judgment.explanation, budget),
    )


def _votes(votes: Sequence[Vote], judged: JudgedText | None, budget: TextBudget) -> list[ShownVote]:
    return [
        ShownVote(
            vote,
            None if vote.raw_text is None else _raw_answer(vote, vote.raw_text, judged, budget),
            _optional(vote.explanation, budget) if len(votes) > 1 else None,
            _optional(vote.error, budget),
        )
        for vote in votes
    ]


def _raw_answer(vote: Vote, text: str, judged: JudgedText | None, budget: TextBudget) -> RawAnswer:
    shown = budget.shown(text)
    place = None
    if judged is not None and vote.outcome is Outcome.SCORED and vote.parsed_from is not None:
        definition = judged.judge.definition
        method = METHODS[definition.method]
        reading = method.read(
            definition,
            method.shown(judged.item, vote.order),
            text,
            finish_reason=vote.finish_reason,
            source=_SOURCES.get(vote.parsed_from, "text"),
        )
        place = place_of(text, reading)
    if place is None or place.end > len(shown.text):
        return RawAnswer(shown.text, "", "", shown.left_out)
    start, end = place
    return RawAnswer(shown.text[:start], shown.text[start:end], shown.text[end:], shown.left_out)


async def _prompts(redis: Redis, judged: JudgedText, budget: TextBudget) -> list[ShownPrompt]:
    """Returns the prompt of each order of the outputs; all models and samples get the same one."""
    try:
        by_order = await prompts_about(redis, judged.judge, judged.item)
    except TemplateError:
        return []
    return [ShownPrompt(order, shown_messages(by_order[order], budget)) for order in sorted(by_order, key=str)]


def shown_messages(messages: Iterable[PromptMessage], budget: TextBudget) -> list[tuple[str, ShownText]]:
    """Returns the messages of a call as (role, text)."""
    return [(each.role, budget.shown(each.content)) for each in messages]


def _optional(text: str | None, budget: TextBudget) -> ShownText | None:
    return None if text is None else budget.shown(text)
