"""Previews: the provider messages that a judge would send for an item, without sending them."""

from typing import Any

import msgspec
from redis.asyncio import Redis

from service.config.settings import Settings
from service.contracts.items import Item
from service.contracts.jobs import JobOrder
from service.contracts.judges import ModelName, ResolvedJudge
from service.contracts.refusals import Fault, impossible
from service.jobs.judge_resolution import existing_judge, resolve_judges
from service.judging.ballots import ballots, question_about
from service.judging.methods import METHODS
from service.judging.questions import estimated_tokens
from service.store.secret import installation_secret


class PreviewRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The item to show the messages for; `models` replaces the judge's own models."""

    item: Item
    models: list[ModelName] | None = None


class ShownMessage(msgspec.Struct, frozen=True):
    """A chat message of a call."""

    role: str
    content: str


class ShownRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One call that a worker would make."""

    model: str
    sample: int
    order: str | None
    messages: list[ShownMessage]
    schema: dict[str, Any] | None
    estimated_tokens: int


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The calls that judging one item would take."""

    requests: list[ShownRequest]


async def preview_judge(redis: Redis, settings: Settings, reference: str, asked: PreviewRequest) -> Preview:
    """Returns the calls that a judge would make for an item.

    Raises Refused: not-found if there is no such judge, impossible if it can't judge the item.
    """
    await existing_judge(redis, reference)
    [judge] = await resolve_judges(redis, settings, JobOrder(judge=reference, models=asked.models))
    if wrong := METHODS[judge.definition.method].item_problems(judge.definition, asked.item):
        raise impossible([Fault(f"/item{pointer}", detail) for pointer, detail in wrong])
    return Preview(requests=_requests(judge, asked.item, await installation_secret(redis)))


def _requests(judge: ResolvedJudge, item: Item, secret: bytes) -> list[ShownRequest]:
    shown = []
    for ballot in ballots(judge):
        question = question_about(judge.definition, item, ballot.order, secret)
        shown.append(
            ShownRequest(
                model=ballot.model,
                sample=ballot.sample,
                order=ballot.order,
                messages=[ShownMessage(each.role, each.content) for each in question.messages],
                schema=question.schema,
                estimated_tokens=estimated_tokens(question.messages),
            )
        )
    return shown
