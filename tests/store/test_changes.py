"""Changes are applied whole or not at all, and add up exactly."""

import pytest
from redis.asyncio import Redis

from service.contracts.jobs import JobRecord
from service.store import clock, counters, jobs, keys
from service.store.changes import Change, ItemWrite, StoredResult, apply_changes
from service.store.counters import increment
from service.store.finishing import judgment_result
from service.store.items import load_item
from tests.store.made import committed, finished

KEEP_S = 1000
HOUR = clock.now_ms() // 3_600_000


def write(revision: str, state: str, **fields: int) -> ItemWrite:
    new, _, json = state.partition(" ")
    counted = (("agreed", "wit@1 m", HOUR, tuple(fields.items())),)
    return ItemWrite("t-1", "wit", revision, new, json.encode(), counted, is_labelled=False)


def result_of(record: JobRecord, position: int) -> StoredResult:
    return judgment_result(record, position, finished(record, position).judgment, [("judged:cache:x", "0|")])


async def stored(redis: Redis, bucket: str = "all") -> dict[bytes, bytes]:
    found = await redis.hgetall(keys.agreement_counters("agreed", bucket, "wit@1 m", "wit"))  # type: ignore[misc]
    return dict(found)


async def test_nothing_of_a_change_is_applied_if_its_item_has_changed(redis: Redis) -> None:
    record = await committed(redis, 2)
    await apply_changes(redis, [Change(item=write("", "r1 [1]", a=1))], keep_s=KEEP_S)
    stale = Change(
        result_of(record, 0),
        write("r0", "r2 [2]", a=5),
        [increment(counters.LABELS, "wit")],
        [(keys.SERIES, 0, "1", "wit\tm")],
        [(keys.unchecked("wit"), "t-1")],
    )
    other = Change(result_of(record, 1), None)
    applied = await apply_changes(redis, [stale, other], keep_s=KEEP_S)
    assert set(applied.moved) == {0}
    assert applied.moved[0].states["wit"] == ("t-1", "r1", b"[1]")
    assert await redis.hkeys(keys.chunk_results(record.id, 0)) == [b"1"]  # type: ignore[misc]
    assert await jobs.count_pending(redis) == 1
    assert await stored(redis) == {b"a": b"1"}
    untouched = [keys.COUNTERS, keys.SERIES, keys.unchecked("wit")]
    assert await redis.exists(*untouched) == 0


async def test_each_change_of_an_item_may_build_on_the_one_before(redis: Redis) -> None:
    chain = [Change(item=write("", "r1 []", a=1)), Change(item=write("r1", "r2 []", a=1))]
    assert (await apply_changes(redis, chain, keep_s=KEEP_S)).moved == {}
    assert (await load_item(redis, "t-1")).states["wit"].revision == "r2"
    assert await stored(redis) == {b"a": b"2"}
    assert set((await apply_changes(redis, chain, keep_s=KEEP_S)).moved) == {0, 1}


async def test_the_newest_content_and_the_scale_may_be_conditions(redis: Redis) -> None:
    given = write("", "r1 []", a=1)
    wrong = [given._replace(newest_content="c1"), given._replace(scale="{}")]
    for each in wrong:
        assert set((await apply_changes(redis, [Change(item=each)], keep_s=KEEP_S)).moved) == {0}
    right = given._replace(newest_content="", scale="")
    assert (await apply_changes(redis, [Change(item=right)], keep_s=KEEP_S)).moved == {}


async def test_fields_that_become_nothing_go_and_buckets_expire(redis: Redis) -> None:
    await apply_changes(redis, [Change(item=write("", "r1 []", a=2, b=1))], keep_s=KEEP_S)
    await apply_changes(redis, [Change(item=write("r1", "r2 []", a=-2, b=1))], keep_s=KEEP_S)
    for bucket, lives_s in (("all", -1), (f"h{HOUR}", 49 * 3600), (f"d{HOUR // 24}", 401 * 86400)):
        assert await stored(redis, bucket) == {b"b": b"2"}
        ttl = await redis.ttl(keys.agreement_counters("agreed", bucket, "wit@1 m", "wit"))
        assert ttl == -1 if lives_s == -1 else 0 < ttl <= lives_s
    await apply_changes(redis, [Change(item=write("r2", "r3 []", b=-2))], keep_s=KEEP_S)
    assert await redis.keys("judged:agreed:*") == []


@pytest.mark.parametrize("start", [0, 9_999_999, 99_999_999, 999_999_999_999_999, 2**53, 9 * 10**18])
async def test_integers_add_up_exactly_up_to_64_bits(redis: Redis, start: int) -> None:
    key = keys.agreement_counters("agreed", "all", "wit@1 m", "wit")
    await redis.hset(key, "a", str(start))  # type: ignore[misc]
    await apply_changes(redis, [Change(item=write("", "r1 []", a=1, b=10**10))], keep_s=KEEP_S)
    assert await stored(redis) == {b"a": str(start + 1).encode(), b"b": b"10000000000"}


async def test_thousands_of_fields_fit_in_one_change(redis: Redis) -> None:
    fields = {f"f{number}": 1 for number in range(5000)}
    await apply_changes(redis, [Change(item=write("", "r1 []", **fields))], keep_s=KEEP_S)
    assert len(await stored(redis)) == 5000


async def test_an_empty_state_leaves_no_trace(redis: Redis) -> None:
    await apply_changes(redis, [Change(item=write("", "r1 []"))], keep_s=KEEP_S)
    await apply_changes(redis, [Change(item=write("r1", ""))], keep_s=KEEP_S)
    assert await redis.exists(keys.item("t-1")) == 0
