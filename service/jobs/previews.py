"""Previews: the provider messages that a judge would send for an item, without sending them."""

from typing import Any

import msgspec
from redis.asyncio import Redis

from service.config.settings import Settings
from service.contracts.items import Item
from service.contracts.jobs import JobOrder
from service.contracts.judges import Judge, ModelName, ResolvedJudge
from service.contracts.judgments import PromptMessage
from service.contracts.refusals import Fault, impossible, too_large
from service.jobs.judge_resolution import existing_judge, resolve_judges
from service.judging.ballots import Questions, ballots, question_about
from service.judging.methods import METHODS
from service.judging.questions import Question, estimated_tokens
from service.store.installations import installation_secret
from service.threads import aside

MOST_SHOWN_CHARS = 40_000_000  # of all messages: each call has the item's texts again


class PreviewRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The item to show the messages for; `models` replaces the judge's own models."""

    item: Item
    models: list[ModelName] | None = None


class ShownRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One call that a worker would make."""

    model: str
    sample: int
    order: str | None
    messages: list[PromptMessage]
    schema: dict[str, Any] | None
    estimated_tokens: int


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The calls that judging one item would take."""

    requests: list[ShownRequest]


async def preview_judge(redis: Redis, settings: Settings, reference: str, asked: PreviewRequest) -> Preview:
    """Returns the calls that a judge would make for an item.

    Raises Refused: not-found if there is no such judge, impossible if it can't judge the item, too-large if the calls
    have more than MOST_SHOWN_CHARS.
    """
    await existing_judge(redis, reference)
    [judge] = await resolve_judges(redis, settings, JobOrder(judge=reference, models=asked.models))
    if wrong := await aside(METHODS[judge.definition.method].item_problems, judge.definition, asked.item):
        raise impossible([Fault(f"/item{pointer}", detail) for pointer, detail in wrong])
    return Preview(requests=await requests_about(redis, judge, asked.item))


async def requests_about(redis: Redis, judge: ResolvedJudge, item: Item) -> list[ShownRequest]:
    """Returns the calls that judging an item takes.

    Raises TemplateError if an own prompt needs what the item lacks, Refused (too-large) if the calls have more than
    MOST_SHOWN_CHARS.
    """
    return await aside(_requests, judge, item, await installation_secret(redis))


async def prompts_about(redis: Redis, judge: ResolvedJudge, item: Item) -> dict[str | None, list[PromptMessage]]:
    """Returns the messages about an item by the order of its outputs; all models and samples get the same ones.

    Raises TemplateError if an own prompt needs what the item lacks.
    """
    return await aside(_prompts, judge.definition, item, await installation_secret(redis))


def _prompts(judge: Judge, item: Item, secret: bytes) -> dict[str | None, list[PromptMessage]]:
    return {
        order: _messages(question_about(judge, item, order, secret)) for order in METHODS[judge.method].orders(judge)
    }


def _messages(question: Question) -> list[PromptMessage]:
    return [PromptMessage(each.role, each.content) for each in question.messages]


def _requests(judge: ResolvedJudge, item: Item, secret: bytes) -> list[ShownRequest]:
    shown, chars = [], 0
    questions = Questions(judge.definition, item, secret)
    for ballot in ballots(judge):
        question = questions.about(ballot.order)
        chars += sum(len(each.content) for each in question.messages)
        if chars > MOST_SHOWN_CHARS:
            detail = f"the messages of the calls have more than {MOST_SHOWN_CHARS} characters: shorten the item"
            raise too_large(f"{detail}, or name fewer models")
        shown.append(
            ShownRequest(
                model=ballot.model,
                sample=ballot.sample,
                order=ballot.order,
                messages=_messages(question),
                schema=question.schema,
                estimated_tokens=estimated_tokens(question.messages),
            )
        )
    return shown
