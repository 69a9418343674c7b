"""Judgments without votes: of items that no model was asked about."""

from collections.abc import Sequence
from datetime import datetime

from service.contracts.ids import new_id
from service.contracts.items import Item, item_case, item_id
from service.contracts.jobs import JobRecord
from service.contracts.judgments import Judgment, Usage
from service.contracts.outcomes import Outcome, Reason
from service.judging.passing import passed


def unasked(
    record: JobRecord,
    position: int,
    item: Item,
    outcome: Outcome,
    reason: Reason | None,
    at: datetime,
    *,
    changed: bool = False,
) -> Judgment:
    """Returns a judgment without votes of the item at a position of a job."""
    judge = record.judge_at(position)
    return Judgment(
        id=new_id("jdg"),
        job_id=record.id,
        item_id=item_id(item),
        item_changed=changed,
        judge=judge.ref,
        criterion=judge.definition.criterion,
        outcome=outcome,
        reason=reason,
        score=None,
        label=None,
        ranking=None,
        explanation=None,
        consistent=None,
        spread=None,
        votes=[],
        usage=Usage(),
        cached=False,
        created_at=at,
        finished_at=at,
        passed=passed(judge.definition, None, None),
        group=None if item.group is None else str(item.group),
        case=item_case(item),
    )


def cancelled_chunk(record: JobRecord, chunk: int, items: Sequence[Item], at: datetime) -> list[tuple[int, Judgment]]:
    """Returns each position of a chunk that no worker started, with its cancelled judgment."""
    first = chunk * record.chunk_items * len(record.judges)
    return [
        (position, unasked(record, position, item, Outcome.CANCELLED, None, at))
        for index, item in enumerate(items)
        for position in range(first + index * len(record.judges), first + (index + 1) * len(record.judges))
    ]
