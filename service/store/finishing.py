"""A finished judgment as it is stored: its place, and its increments of job counts, spending and metrics."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from redis.asyncio import Redis

from service.contracts.jobs import JobRecord
from service.contracts.judges import Judge, Method, ResolvedJudge, Scale
from service.contracts.judgments import Judgment, Vote
from service.store import clock, counters, keys
from service.store.changes import NANO, StoredResult
from service.store.connection import reply
from service.store.counters import Increment, increment, observe
from service.store.packing import MAX_JUDGMENT_BYTES

_MOST_BYTES_A_CHARACTER = 6  # in JSON
_CUT = " [cut]"
_MOST_STEPS = 20  # of a scale, of which each is a series of its own
_STEP_PARTS = 4  # of a step, for means over models and samples

_encoder = msgspec.json.Encoder()
_T = TypeVar("_T", bound=msgspec.Struct)


def chunk_of(record: JobRecord, position: int) -> int:
    """Returns the chunk that has the judgment at this position of the job."""
    return position // (record.chunk_items * len(record.judges))


def judgment_result(
    record: JobRecord, position: int, judgment: Judgment, kept: Sequence[tuple[str, str]]
) -> StoredResult:
    """Returns a judgment with its increments; `kept` has the cache key and the place of each vote to keep."""
    chunk = chunk_of(record, position)
    counts = judgment_counts(judgment)
    spent = dict(counts).get("cost_nano", 0)
    return StoredResult(
        job_id=record.id,
        chunk=chunk,
        position=position,
        judgment=_encoded(judgment),
        counts=counts,
        spend_key=keys.spend(record.owner, clock.today()) if record.owner and spent else "",
        spent_nano=spent,
        cached_votes=kept,
    )


def _encoded(judgment: Judgment) -> bytes:
    """Returns the judgment as JSON; the texts of one that is too large to store are cut."""
    encoded = _encoder.encode(judgment)
    if len(encoded) <= MAX_JUDGMENT_BYTES:
        return encoded
    most = MAX_JUDGMENT_BYTES // (_MOST_BYTES_A_CHARACTER * (2 * len(judgment.votes) + 2))
    return msgspec.json.encode(_cut(judgment, most, votes=[_cut(vote, most) for vote in judgment.votes]))


def _cut(answer: _T, most: int, **changes: Any) -> _T:
    """Returns a judgment or a vote with each text of at most so many characters."""
    texts = {name: getattr(answer, name, None) for name in ("explanation", "raw_text", "error")}
    cut = {name: text[:most] + _CUT for name, text in texts.items() if text is not None and len(text) > most}
    return msgspec.structs.replace(answer, **cut, **changes)


async def spent_today(redis: Redis, owner: str) -> float:
    """Returns the US dollars that an API key has spent on this UTC day, as far as prices are known."""
    return int(await reply(redis.get(keys.spend(owner, clock.today()))) or 0) / NANO


def judgment_counts(judgment: Judgment) -> list[tuple[str, int]]:
    """Returns the increments of a job's fields that a judgment makes."""
    usage = judgment.usage
    fields = (
        (str(judgment.outcome), 1),
        ("input_tokens", usage.input_tokens),
        ("output_tokens", usage.output_tokens),
        ("cost_nano", sum([round((vote.cost_usd or 0.0) * NANO) for vote in judgment.votes])),
        ("unpriced", int(usage.cost_usd is None)),
    )
    return [each for each in fields if each[1]]


def judgment_metrics(judge: ResolvedJudge, judgment: Judgment, queue_wait_s: float) -> list[Increment]:
    """Returns the increments of the metrics that a finished judgment makes."""
    name = judgment.judge.name or "inline"
    version = "" if judgment.judge.version is None else str(judgment.judge.version)
    model = judge.models[0] if len(judge.models) == 1 else "panel"
    series = [increment(counters.JUDGMENTS, name, version, model, judgment.outcome, judgment.reason or "")]
    if any(vote.attempts or vote.cached for vote in judgment.votes):  # else it was never started
        series += observe(counters.QUEUE_WAIT, value=queue_wait_s)
        took = (judgment.finished_at - judgment.created_at).total_seconds()
        series += observe(counters.JUDGMENT_SECONDS, value=max(took, 0.0))
    if judgment.score is not None:
        series.append(increment(counters.SCORES, name, version, model, score_label(judge.definition, judgment.score)))
    series += [increment(counters.FLAGGED, name, version, flag) for flag in judgment.flags]
    for vote in judgment.votes:
        series += _vote_series(vote)
    return series


def score_label(judge: Judge, score: float) -> str:
    """Returns the label of a score in the metrics, of which a judge has at most 81.

    A score of a scale without steps, or of more than 20 steps, is rounded to a twentieth of the range. A mean between
    the steps of another scale is rounded to a quarter of a step.
    """
    if judge.method is not Method.RATING:
        return f"{score:g}"
    scale = judge.scale or Scale()
    width = scale.max - scale.min
    has_few_steps = scale.step is not None and width / scale.step <= _MOST_STEPS
    unit = scale.step / _STEP_PARTS if scale.step is not None and has_few_steps else width / _MOST_STEPS
    return f"{scale.min + round((score - scale.min) / unit) * unit:g}"


def anchor_metrics(judge: ResolvedJudge, judgment: Judgment) -> list[Increment]:
    """Returns the increments that a judgment of an anchor makes: tokens and costs as any other, but no scores."""
    ref = judgment.judge
    model = judge.models[0] if len(judge.models) == 1 else "panel"
    version = "" if ref.version is None else str(ref.version)
    counted = increment(
        counters.ANCHOR_JUDGMENTS, ref.name or "inline", version, model, judgment.outcome, judgment.reason or ""
    )
    return [counted, *(each for vote in judgment.votes for each in _vote_series(vote))]


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
