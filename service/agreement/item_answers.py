"""The judges' answers about an item's newest texts, for somebody who has labelled them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.agreement.contributions import CodedScore
from service.agreement.rival_fields import judges_scores
from service.agreement.series_names import PANEL, split_series, token_of
from service.agreement.stored_items import known_item
from service.contracts.judgments import Judgment
from service.store.items import load_states
from service.store.judgments import judgments_ended_at, owners_of_jobs
from service.store.records import from_json


class RevealedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A judge's newest score of a text: `judge` is a reference to its version, `value` the score or the label.

    `judgment_id` and `explanation` are None if the judgment has expired, or is of another key's job.
    """

    judge: str
    model: str
    value: str
    judgment_id: str | None
    explanation: str | None


class _Answer(NamedTuple):
    token: str
    model: str
    score: CodedScore


async def answers_about(redis: Redis, item_id: str, criterion: str, owner: str | None) -> list[RevealedAnswer]:
    """Returns what each judge says of the item's newest texts on a criterion, the one that answered last first.

    Of a panel it is the combined answer. Explanations are only those of the jobs of this API key if `owner` is given.
    """
    [stored] = await load_states(redis, [(item_id, criterion)])
    known = known_item(stored, criterion)
    answers = _leading(judges_scores(known.item.scores.get(known.content, {})))
    judgments = await _judgments(redis, item_id, answers, owner)
    return [_shown(each, judgments.get((each.token, each.score.at_ms))) for each in answers]


def _leading(scores: Mapping[str, CodedScore]) -> list[_Answer]:
    """Returns the scores by judge: that of its panel, else those of its models."""
    every = [_Answer(*split_series(series)[:2], score) for series, score in scores.items()]
    panels = {each.token for each in every if each.model == PANEL}
    leading = [each for each in every if each.model == PANEL or each.token not in panels]
    return sorted(leading, key=lambda each: (-each.score.at_ms, each.token, each.model))


async def _judgments(
    redis: Redis, item_id: str, answers: Sequence[_Answer], owner: str | None
) -> dict[tuple[str, int], Judgment]:
    """Returns the judgments behind the answers, by the judge and the time of their end in milliseconds."""
    times = list(dict.fromkeys(each.score.at_ms for each in answers))
    found = await judgments_ended_at(redis, [(item_id, at_ms) for at_ms in times])
    decoded = [
        (at_ms, from_json(text, Judgment, f"a judgment of item {item_id}"))
        for at_ms, texts in zip(times, found, strict=True)
        for text in texts
    ]
    if owner is not None:
        owners = await owners_of_jobs(redis, {each.job_id for _, each in decoded})
        decoded = [(at_ms, each) for at_ms, each in decoded if owners.get(each.job_id) == owner]
    return {(token_of(each.judge), at_ms): each for at_ms, each in decoded}


def _shown(answer: _Answer, judgment: Judgment | None) -> RevealedAnswer:
    return RevealedAnswer(
        judge=answer.token,
        model=answer.model,
        value=answer.score.key,
        judgment_id=None if judgment is None else judgment.id,
        explanation=None if judgment is None else judgment.explanation,
    )
