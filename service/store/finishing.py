"""A finished judgment as it is stored: its place, and its increments of job counts, spending and metrics."""

from collections.abc import Sequence

import msgspec
from redis.asyncio import Redis

from service.contracts.jobs import JobRecord
from service.contracts.judges import ResolvedJudge
from service.contracts.judgments import Judgment, Vote
from service.contracts.outcomes import Outcome
from service.store import clock, counters, keys
from service.store.changes import NANO, StoredResult
from service.store.connection import reply
from service.store.counters import Increment, increment, observe


def chunk_of(record: JobRecord, position: int) -> int:
    """Returns the chunk that has the judgment at this position of the job."""
    return position // (record.chunk_items * len(record.judges))


def judgment_result(
    record: JobRecord, position: int, judgment: Judgment, kept: Sequence[tuple[str, str]]
) -> StoredResult:
    """Returns a judgment with its increments; `kept` has the cache key and the place of each vote to keep."""
    chunk = chunk_of(record, position)
    spent = sum(_nano(vote) for vote in judgment.votes)
    place = f"={keys.chunk_results(record.id, chunk)}|{position}|"
    return StoredResult(
        job_id=record.id,
        chunk=chunk,
        position=position,
        judgment=msgspec.json.encode(judgment),
        counts=_counts(judgment, spent),
        spend_key=keys.spend(record.owner, clock.today()) if record.owner and spent else "",
        spent_nano=spent,
        cached_votes=[(key, f"{place}{index_and_model}") for key, index_and_model in kept],
    )


async def spent_today(redis: Redis, owner: str) -> float:
    """Returns the US dollars that an API key has spent on this UTC day, as far as prices are known."""
    return int(await reply(redis.get(keys.spend(owner, clock.today()))) or 0) / NANO


def _nano(vote: Vote) -> int:
    return round((vote.cost_usd or 0.0) * NANO)


def _counts(judgment: Judgment, spent: int) -> list[tuple[str, int]]:
    fields = {
        str(judgment.outcome): 1,
        "input_tokens": judgment.usage.input_tokens,
        "output_tokens": judgment.usage.output_tokens,
        "cost_nano": spent,
        "unpriced": int(judgment.usage.cost_usd is None),
    }
    return [(field, by) for field, by in fields.items() if by]


def judgment_metrics(judge: ResolvedJudge, judgment: Judgment, queue_wait_s: float) -> list[Increment]:
    """Returns the increments of the metrics that a finished judgment makes."""
    name = judgment.judge.name or "inline"
    version = "" if judgment.judge.version is None else str(judgment.judge.version)
    model = judge.models[0] if len(judge.models) == 1 else "panel"
    series = [
        increment(counters.JUDGMENTS, name, version, model, judgment.outcome, judgment.reason or ""),
        *observe(counters.QUEUE_WAIT, value=queue_wait_s),
    ]
    if judgment.outcome is not Outcome.CANCELLED:
        took = (judgment.finished_at - judgment.created_at).total_seconds()
        series += observe(counters.JUDGMENT_SECONDS, value=max(took, 0.0))
    if judgment.score is not None:
        series.append(increment(counters.SCORES, name, version, model, f"{judgment.score:g}"))
    series += [increment(counters.FLAGGED, name, version, flag) for flag in judgment.flags]
    for vote in judgment.votes:
        series += _vote_series(vote)
    return series


def _vote_series(vote: Vote) -> list[Increment]:
    series = []
    if vote.input_tokens:
        series.append(increment(counters.TOKENS, vote.model, "input", by=vote.input_tokens))
    if vote.output_tokens:
        series.append(increment(counters.TOKENS, vote.model, "output", by=vote.output_tokens))
    if vote.cost_usd:
        series.append(increment(counters.COST, vote.model, by=vote.cost_usd))
    if vote.parsed_from is not None and not vote.cached:
        series.append(increment(counters.PARSED, vote.model, vote.parsed_from))
    return series
