"""The answers that are kept for equal questions, in each form that a store may have."""

import msgspec
import pytest
from redis.asyncio import Redis

from service.agreement.recording import record_judgments
from service.store import keys, workers
from service.store.cache import CacheKey, WantedVote, as_cached, cache_key, cache_place, lease_votes
from service.store.packing import Packing
from tests.store.made import committed, finished

KEEP_S = 1000
MODEL = "p/m"


async def kept(redis: Redis, packing: Packing, served: str | None) -> CacheKey:
    """The key of a vote that is kept, in the second judgment of the second chunk."""
    await redis.set(keys.PACKED, int(packing))
    record = await committed(redis, 4)
    key = cache_key(MODEL, record.id.encode(), packing)
    done = finished(record, 3)
    vote = msgspec.structs.replace(done.judgment.votes[0], served_model=served)
    judgment = msgspec.structs.replace(done.judgment, votes=[vote])
    made = done._replace(judgment=judgment, kept=[(key.key, cache_place(0, vote))])
    await record_judgments(redis, [made], keep_s=KEEP_S)
    return key


@pytest.mark.parametrize("packing", Packing)
@pytest.mark.parametrize("served", [None, "m-1", "odd|1|2|name"])
async def test_a_kept_vote_is_found_in_each_form(redis: Redis, packing: Packing, served: str | None) -> None:
    await workers.note_heartbeat(redis, "w")
    key = await kept(redis, packing, served)
    assert 0 < await redis.ttl(key.key) <= KEEP_S
    assert (await redis.get(key.key) or b"")[:1] == (b"@" if packing >= Packing.STATES else b"=")
    [found] = await lease_votes(redis, "w", [[WantedVote(key)]])
    assert found is not None
    [vote] = found
    assert vote is not None
    assert vote == as_cached(vote)
    assert (vote.score, vote.served_model) == (4, served)


@pytest.mark.parametrize("packing", Packing)
async def test_a_kept_vote_is_asked_for_again_if_another_model_answers_or_its_judgment_is_gone(
    redis: Redis, packing: Packing
) -> None:
    await workers.note_heartbeat(redis, "w")
    key = await kept(redis, packing, "m-1")
    await redis.hset(keys.SERVED_MODELS, MODEL, "m-1")  # type: ignore[misc]
    assert (await lease_votes(redis, "w", [[WantedVote(key)]]))[0] != [None]
    await redis.hset(keys.SERVED_MODELS, MODEL, "m-2")  # type: ignore[misc]
    assert await lease_votes(redis, "w", [[WantedVote(key, freely=True)]]) == [[None]]
    await redis.hset(keys.SERVED_MODELS, MODEL, "m-1")  # type: ignore[misc]
    async for name in redis.scan_iter(keys.job("*:results:*")):
        await redis.delete(name)
    assert await lease_votes(redis, "w", [[WantedVote(key)]]) == [[None]]
    assert await redis.get(key.key) == b"!w"


def test_a_key_has_the_same_bits_in_fewer_characters() -> None:
    found = [cache_key(MODEL, b"a question", packing).key.removeprefix(keys.cached_vote("")) for packing in Packing]
    assert found[:3] == [found[0]] * 3
    assert (len(found[0]), len(found[3])) == (40, 27)
    assert len({cache_key(MODEL, b"%d" % number, Packing.VOTES) for number in range(100)}) == 100


@pytest.mark.parametrize("value", ["@", "@job_1|2|3", "@job_1|x|3|0|m", "=", "#of a newer version", "@%s|1|2|3|m"])
async def test_an_entry_that_cannot_be_read_is_as_none(redis: Redis, value: str) -> None:
    await workers.note_heartbeat(redis, "w")
    key = cache_key(MODEL, b"", Packing.VOTES)
    await redis.set(key.key, value)
    assert await lease_votes(redis, "w", [[WantedVote(key)]]) == [[None]]
    assert await redis.get(key.key) == b"!w"
