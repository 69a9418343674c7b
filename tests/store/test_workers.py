"""Who is alive, and how a provider's calls in flight are shared."""

import asyncio
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from service.store import keys, workers
from service.store.connection import connect
from tests.store.outages import OUTAGE_S, end_grace, note_outage

PROVIDER = "openai"


async def test_a_worker_is_alive_until_it_leaves(redis: Redis) -> None:
    assert await workers.count_alive(redis) == 0
    await workers.note_heartbeat(redis, "a")
    await workers.note_heartbeat(redis, "b")
    await workers.note_heartbeat(redis, "a")
    assert await workers.count_alive(redis) == 2
    await workers.forget_worker(redis, "a")
    assert await workers.count_alive(redis) == 1


async def test_a_worker_that_was_not_heard_of_is_dead_and_forgotten(redis: Redis) -> None:
    await redis.zadd(keys.WORKERS, {"silent": time.time() - 1, "gone": time.time() - 3 * workers.ALIVE_S})
    assert await workers.count_alive(redis) == 0
    await workers.note_heartbeat(redis, "a")
    assert await redis.zrange(keys.WORKERS, 0, -1) == [b"silent", b"a"]


class Sharer:
    """A worker as `worker.limits` has it: it uses what it was granted, and gives back as its calls end."""

    def __init__(self, redis: Redis, name: str, limit: int) -> None:
        self.redis = redis
        self.name = name
        self.limit = limit
        self.wants = self.size = self.in_use = self.sharers = 0

    def use(self) -> None:
        """Starts all the calls that it may."""
        self.in_use = max(self.in_use, min(self.wants, self.size))

    async def ask(self) -> None:
        granted, self.sharers = await workers.lease_slots(
            self.redis,
            PROVIDER,
            self.name,
            wanted=min(max(self.wants, self.in_use), self.limit),
            held=max(self.size, self.in_use),
            limit=self.limit,
        )
        self.use()  # what starts between the question and the answer
        self.size = granted
        self.use()

    def end(self, calls: int) -> None:
        """Some calls end; those that wait take their places, as far as the size allows."""
        self.in_use = max(self.in_use - calls, 0)
        self.use()


async def test_one_worker_gets_all_that_it_wants(redis: Redis) -> None:
    alone = Sharer(redis, "a", limit=8)
    alone.wants = 5
    await alone.ask()
    assert (alone.size, alone.sharers) == (5, 1)
    alone.wants = 50
    await alone.ask()
    assert alone.size == 8


async def test_one_that_has_all_and_never_rests_still_gives_up_half(redis: Redis) -> None:
    busy, late = Sharer(redis, "busy", 8), Sharer(redis, "late", 8)
    busy.wants = late.wants = 100
    await busy.ask()
    await late.ask()
    assert (busy.in_use, late.in_use) == (8, 0)
    for _ in range(10):
        busy.end(1)
        await busy.ask()
        await late.ask()
    assert (busy.in_use, late.in_use) == (4, 4)
    assert (busy.sharers, late.sharers) == (2, 2)


async def test_three_end_with_equal_shares(redis: Redis) -> None:
    three = [Sharer(redis, name, 12) for name in "abc"]
    for each in three:
        each.wants = 100
        await each.ask()
    for _ in range(12):
        for each in three:
            each.end(2)
            await each.ask()
    assert [each.in_use for each in three] == [4, 4, 4]


async def test_one_that_wants_little_leaves_the_rest_to_others(redis: Redis) -> None:
    modest, greedy = Sharer(redis, "modest", 10), Sharer(redis, "greedy", 10)
    modest.wants, greedy.wants = 1, 100
    await modest.ask()
    await greedy.ask()
    await modest.ask()
    await greedy.ask()
    assert (modest.size, greedy.size) == (1, 9)


async def test_one_that_has_nothing_to_do_gives_all_back(redis: Redis) -> None:
    done, busy = Sharer(redis, "done", 4), Sharer(redis, "busy", 4)
    done.wants = 4
    await done.ask()
    done.wants = 0
    done.end(4)
    await done.ask()
    await done.ask()
    busy.wants = 4
    await busy.ask()
    assert (done.size, busy.size, busy.sharers) == (0, 4, 1)


async def test_what_a_dead_worker_held_is_free_after_its_lease(redis: Redis) -> None:
    dead, heir = Sharer(redis, "dead", 4), Sharer(redis, "heir", 4)
    dead.wants = heir.wants = 4
    await dead.ask()
    await heir.ask()
    assert heir.size == 0
    past = int(time.time()) - 1
    await redis.hset(keys.call_slots(PROVIDER), "dead", f"4 4 {past}")  # type: ignore[misc]
    await heir.ask()
    assert heir.size == 4
    assert await redis.hkeys(keys.call_slots(PROVIDER)) == [b"heir"]  # type: ignore[misc]


async def test_what_a_worker_holds_is_not_free_if_only_an_outage_ended_its_lease(redis: Redis) -> None:
    one, heir = Sharer(redis, "one", 4), Sharer(redis, "heir", 4)
    one.wants = heir.wants = 4
    await workers.note_heartbeat(redis, "one")
    await one.ask()
    past = int(time.time()) - 1
    await redis.hset(keys.call_slots(PROVIDER), "one", f"4 4 {past}")  # type: ignore[misc]
    await note_outage(redis, OUTAGE_S + 1)
    await heir.ask()
    assert heir.size == 0
    await end_grace(redis)
    await heir.ask()
    assert heir.size == 4


async def test_an_outage_ends_no_worker_that_was_alive_before_it(redis: Redis) -> None:
    now = time.time()
    await redis.zadd(keys.WORKERS, {"alive": now - 20, "dead": now - 50})
    await note_outage(redis, 28)
    await workers.note_heartbeat(redis, "another")
    assert await workers.count_alive(redis) == 2
    assert await redis.zscore(keys.WORKERS, "dead") is None


async def test_providers_share_nothing(redis: Redis) -> None:
    one = await workers.lease_slots(redis, "openai", "a", wanted=4, held=0, limit=4)
    other = await workers.lease_slots(redis, "gemini", "b", wanted=4, held=0, limit=4)
    assert one == other == (4, 1)


STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["want", "ask", "end"]), st.integers(0, 9)),
    max_size=60,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 7), steps=STEPS)
def test_all_together_never_exceed_the_limit_whatever_the_order(
    store_url: str, limit: int, steps: list[tuple[str, str, int]]
) -> None:
    asyncio.run(assert_limit_holds(store_url, limit, steps))


async def assert_limit_holds(store_url: str, limit: int, steps: list[tuple[str, str, int]]) -> None:
    redis = connect(store_url, retries=1, max_connections=2)
    await redis.delete(keys.call_slots(PROVIDER))
    sharers = {name: Sharer(redis, name, limit) for name in "abc"}
    for name, what, number in steps:
        sharer = sharers[name]
        if what == "want":
            sharer.wants = number
            sharer.use()
        elif what == "end":
            sharer.end(number)
        else:
            await sharer.ask()
        assert sum(each.in_use for each in sharers.values()) <= limit
        assert sum(max(each.size, each.in_use) for each in sharers.values()) <= limit
    await redis.aclose()
