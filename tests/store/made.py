"""Jobs and judgments for the tests of the store."""

from datetime import timedelta
from typing import Any

from redis.asyncio import Redis

from service.agreement.recording import Finished
from service.contracts.ids import new_id
from service.contracts.items import Item
from service.contracts.jobs import JobRecord
from service.contracts.judges import Judge, JudgeRef, Method, ResolvedJudge
from service.contracts.judgments import Judgment, Usage, Vote
from service.contracts.outcomes import Outcome, ParsedFrom, Reason
from service.store import clock, jobs
from service.store.installations import packs
from service.store.packing import packed_items

MODEL = "openai/gpt-4.1-mini"
JUDGE = ResolvedJudge(
    ref=JudgeRef(name="wit", version=2, digest="sha256:0"),
    definition=Judge(criterion="wit", method=Method.RATING, instructions="Is it funny?"),
    models=[MODEL],
)


def record_of(items: int, *, chunk_items: int = 2, **fields: Any) -> JobRecord:
    return JobRecord(
        **{
            "id": new_id("job"),
            "judges": [JUDGE],
            "several_judges": False,
            "items": items,
            "chunk_items": chunk_items,
            "cache": True,
            "budget_usd": None,
            "callback_url": None,
            "owner": None,
            "created_at": clock.now(),
            **fields,
        }
    )


def items_of(record: JobRecord) -> list[Item]:
    return [Item(id=f"t-{number}", output=f"answer {number}") for number in range(record.items)]


async def staged(redis: Redis, record: JobRecord, items: list[Item] | None = None) -> None:
    items = items or items_of(record)
    size = record.chunk_items
    chunks = [items[start : start + size] for start in range(0, len(items), size)]
    packed = packed_items if await packs(redis) else bytes
    await jobs.stage_job(redis, record.id, 0, [packed(jobs.encoded_chunk(chunk)) for chunk in chunks])


async def committed(redis: Redis, items: int, **fields: Any) -> JobRecord:
    """A job that was taken in."""
    record = record_of(items, **fields)
    await staged(redis, record)
    await jobs.commit_job(redis, record, None, 1)
    return record


def finished(
    record: JobRecord,
    position: int,
    *,
    outcome: Outcome = Outcome.SCORED,
    reason: Reason | None = None,
    cost_usd: float | None = 0.001,
) -> Finished:
    """The judgment at this position."""
    scored = outcome is Outcome.SCORED
    score = 4 if scored else None
    vote = Vote(
        model=MODEL,
        sample=0,
        order=None,
        outcome=outcome,
        reason=reason,
        score=score,
        label=None,
        explanation=None,
        parsed_from=ParsedFrom.SCHEMA if scored else None,
        score_from="answer" if scored else None,
        raw_text="…",
        finish_reason="stop",
        error=None,
        asks=1,
        attempts=1,
        latency_seconds=0.5,
        input_tokens=10,
        output_tokens=3,
        cost_usd=cost_usd,
    )
    now = clock.now()
    judgment = Judgment(
        id=new_id("jdg"),
        job_id=record.id,
        item_id=f"t-{position}",
        item_changed=False,
        judge=JUDGE.ref,
        criterion="wit",
        outcome=outcome,
        reason=reason,
        score=score,
        label=None,
        ranking=None,
        explanation=None,
        consistent=None,
        spread=0.0 if scored else None,
        votes=[vote],
        usage=Usage(input_tokens=10, output_tokens=3, cost_usd=cost_usd),
        cached=False,
        created_at=now - timedelta(seconds=0.2),
        finished_at=now,
    )
    return Finished(record, position, judgment, 0.01)
