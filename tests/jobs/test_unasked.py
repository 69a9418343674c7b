"""Judgments that no model was asked for stand at their positions, without votes."""

from datetime import UTC, datetime

from redis.asyncio import Redis

from service.config.settings import Settings
from service.contracts.outcomes import Outcome, Reason
from service.jobs import unasked
from service.jobs.unasked import cancelled_chunk
from tests.jobs.conftest import GOOD, submitted

NOW = datetime(2026, 1, 31, tzinfo=UTC)


async def test_a_judgment_without_votes_has_no_score(redis: Redis, settings: Settings) -> None:
    record = await submitted(redis, settings)
    judgment = unasked(record, 0, GOOD, Outcome.FAILED, Reason.BUDGET, NOW, changed=True)
    assert (judgment.outcome, judgment.reason, judgment.item_changed) == (Outcome.FAILED, Reason.BUDGET, True)
    assert (judgment.score, judgment.label, judgment.ranking, judgment.votes) == (None, None, None, [])
    assert judgment.criterion == "helpfulness"


async def test_a_cancelled_chunk_has_all_its_positions(redis: Redis, settings: Settings) -> None:
    record = await submitted(redis, settings, items=60)
    second = cancelled_chunk(record, 1, [GOOD] * (60 - record.chunk_items), NOW)
    assert [position for position, _ in second] == list(range(record.chunk_items, 60))
    assert {judgment.outcome for _, judgment in second} == {Outcome.CANCELLED}
