"""The part of a benchmark that its job does not have: staged, read in order, and reduced to its leaderboard."""

import msgspec
from redis.asyncio import Redis

from service.contracts.benchmarks import BenchmarkOrder
from service.contracts.datasets import Humans
from service.store import benchmarks, keys

JOB = "job_1"
ORDER = BenchmarkOrder(dataset="jokes", epsilon=0.1, sort=None, estimated_cost_usd=0.5, warning=None)
PARTS: list[list[Humans]] = [
    [{"wit": [1, 2.5, None]}, {"wit": ["pass"], 'a "b" ü': []}],
    [{}],
    [{"wit": [-(10**9)]}],
]


async def staged(redis: Redis) -> None:
    for part, humans in enumerate(PARTS):
        await benchmarks.stage_humans(redis, JOB, part, humans)
    await benchmarks.stage_order(redis, JOB, ORDER)


async def values(redis: Redis) -> list[Humans]:
    return [each async for each in benchmarks.humans_of(redis, JOB)]


async def test_an_order_is_found_without_rows_until_there_is_a_leaderboard(redis: Redis) -> None:
    assert await benchmarks.find_benchmark(redis, JOB) is None
    await staged(redis)
    assert await benchmarks.find_benchmark(redis, JOB) == (ORDER, None)


async def test_peoples_values_come_back_in_the_order_of_the_items(redis: Redis) -> None:
    assert await values(redis) == []
    await staged(redis)
    assert await values(redis) == [each for part in PARTS for each in part]


async def test_more_than_ten_parts_stay_in_their_order(redis: Redis) -> None:
    """The names of the parts sort otherwise: human:10 comes before human:2."""
    for part in range(12):
        await benchmarks.stage_humans(redis, JOB, part, [{"wit": [part]}])
    assert [each["wit"] for each in await values(redis)] == [[part] for part in range(12)]


async def test_values_that_are_staged_expire(redis: Redis) -> None:
    await staged(redis)
    assert 0 < await redis.ttl(keys.job_benchmark(JOB)) <= 3600


async def test_a_benchmark_that_is_discarded_leaves_nothing(redis: Redis) -> None:
    await staged(redis)
    await benchmarks.discard_benchmark(redis, JOB)
    assert await redis.keys("*") == []


async def test_a_leaderboard_takes_the_place_of_peoples_values(redis: Redis) -> None:
    await staged(redis)
    await redis.persist(keys.job_benchmark(JOB))
    rows = b'[{"rank":1}]'
    await benchmarks.keep_leaderboard(redis, JOB, rows, keep_s=100_000)
    assert await values(redis) == []
    assert await benchmarks.find_benchmark(redis, JOB) == (ORDER, msgspec.Raw(rows))
    assert 99_000 < await redis.ttl(keys.job_benchmark(JOB)) <= 100_000


async def test_a_leaderboard_that_is_made_again_lives_no_longer(redis: Redis) -> None:
    await staged(redis)
    await redis.expire(keys.job_benchmark(JOB), 50)
    for rows in (b"[1]", b"[2]"):
        await benchmarks.keep_leaderboard(redis, JOB, rows, keep_s=100_000)
    assert await benchmarks.find_benchmark(redis, JOB) == (ORDER, msgspec.Raw(b"[2]"))
    assert 0 < await redis.ttl(keys.job_benchmark(JOB)) <= 50


async def test_benchmarks_of_two_jobs_do_not_mix(redis: Redis) -> None:
    await staged(redis)
    await benchmarks.stage_humans(redis, "job_2", 0, [{"wit": [5]}])
    await benchmarks.discard_benchmark(redis, "job_2")
    assert len(await values(redis)) == 4
