"""Judges, judgments and labels for the tests of what counts them."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import msgspec
from redis.asyncio import Redis

from service.agreement.admission import admit_judges
from service.agreement.evidence import evidence_of
from service.agreement.recording import Finished, record_judgments
from service.contracts.items import Item, content_digest
from service.contracts.jobs import JobRecord
from service.contracts.judges import Judge, JudgeRef, Method, ResolvedJudge, Scale, judge_digest
from service.contracts.judgments import Vote
from service.contracts.labels import NewLabel
from service.contracts.outcomes import Outcome, Reason
from service.judging.methods import METHODS
from service.store import clock, jobs, keys
from tests.store.made import MODEL, committed, finished

KEEP_S = 10_000
FAILED = "failed"  # a model that did not answer
MODELS = ("openai/gpt-4.1-mini", "anthropic/claude-haiku")
Row = dict[str, Any]
NAMELESS: Mapping[str, str] = MappingProxyType({})  # answers do not name the model that gave them


def judge_of(models: tuple[str, ...] = (MODEL,), version: int = 1, **fields: Any) -> ResolvedJudge:
    definition = Judge(**{"criterion": "wit", "method": Method.RATING, "instructions": "Is it funny?", **fields})
    if definition.method is Method.RATING and definition.scale is None:
        definition = msgspec.structs.replace(definition, scale=Scale())
    ref = JudgeRef(name="wit", version=version, digest=judge_digest(definition) + str(version))
    return ResolvedJudge(ref=ref, definition=definition, models=list(models))


async def judged(
    redis: Redis,
    judge: ResolvedJudge,
    item: Item,
    values: list[float | str | None],
    *,
    ago: timedelta = timedelta(),
    cached: bool = False,
    served: Mapping[str, str] = NAMELESS,
    keep_s: int = KEEP_S,
) -> Finished:
    """One judgment of the item, delivered twice: for each of the judge's models a value, None for none, or FAILED.

    `served` has the models that answer under the models' names.
    """
    await admit_judges(redis, [judge], keep_s=keep_s)
    record = await committed(redis, 1, judges=[judge])
    await jobs.claim_chunk(redis, record.id, 0, keep_s=keep_s)
    await redis.hset(keys.item(str(item.id)), "digest", content_digest(item))  # type: ignore[misc]
    made = one(record, judge, item, values, ago=ago, cached=cached, served=served)
    await record_judgments(redis, [made, made], keep_s=keep_s)
    return made


def one(
    record: JobRecord,
    judge: ResolvedJudge,
    item: Item,
    values: list[float | str | None],
    *,
    ago: timedelta,
    cached: bool,
    served: Mapping[str, str] = NAMELESS,
) -> Finished:
    votes = [vote_of(record, model, value, served) for model, value in zip(judge.models, values, strict=True)]
    verdict = METHODS[judge.definition.method].combine(judge.definition, votes)
    base = finished(record, 0).judgment
    judgment = msgspec.structs.replace(
        base,
        item_id=str(item.id),
        judge=judge.ref,
        criterion=judge.definition.criterion,
        votes=votes,
        cached=cached,
        finished_at=clock.now() - ago,
        **msgspec.structs.asdict(verdict),
    )
    return Finished(record, 0, judgment, 0.0, (), evidence_of(judge, judgment, item, served))


def vote_of(record: JobRecord, model: str, value: float | str | None, served: Mapping[str, str] = NAMELESS) -> Vote:
    vote = msgspec.structs.replace(finished(record, 0).judgment.votes[0], served_model=served.get(model))
    if value == FAILED:
        return msgspec.structs.replace(
            vote,
            model=model,
            outcome=Outcome.FAILED,
            reason=Reason.TIMEOUT,
            score=None,
            label=None,
            served_model=None,
        )
    if value is None:
        return msgspec.structs.replace(
            vote, model=model, outcome=Outcome.UNSCORED, reason=Reason.NO_SCORE, score=None, label=None
        )
    score, label = (None, value) if isinstance(value, str) else (value, None)
    return msgspec.structs.replace(vote, model=model, score=score, label=label)


def label(item: str, annotator: str, value: float | str, **fields: Any) -> NewLabel:
    said = {"label": value} if isinstance(value, str) else {"score": value}
    return NewLabel(**{"item_id": item, "criterion": "wit", "annotator": annotator, **said, **fields})
