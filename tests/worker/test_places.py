"""Places for calls, for which jobs take turns."""

import asyncio

from worker.places import CallPlaces, Slots


async def turn() -> None:
    """Lets every task that can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_slots_hold_no_more_than_their_size_and_serve_in_turn() -> None:
    slots = Slots(2)
    order: list[int] = []

    async def use(number: int) -> None:
        await slots.acquire()
        order.append(number)

    tasks = [asyncio.create_task(use(number)) for number in range(4)]
    await turn()
    assert (order, slots.in_use, slots.wanted) == ([0, 1], 2, 4)
    slots.release()
    slots.release()
    await asyncio.gather(*tasks)
    assert (order, slots.in_use) == ([0, 1, 2, 3], 2)


async def test_jobs_that_wait_take_turns() -> None:
    slots = Slots(1)
    await slots.acquire("large")
    order: list[str] = []

    async def use(job: str) -> None:
        await slots.acquire(job)
        order.append(job)
        slots.release()

    tasks = [asyncio.create_task(use(job)) for job in ("large", "large", "large", "small", "other")]
    await turn()
    slots.release()
    await asyncio.gather(*tasks)
    assert order == ["large", "small", "other", "large", "large"]


async def test_a_larger_size_lets_the_waiting_in_and_a_smaller_one_takes_nothing_away() -> None:
    slots = Slots(0)
    tasks = [asyncio.create_task(slots.acquire()) for _ in range(3)]
    await turn()
    assert slots.in_use == 0
    slots.resize(3)
    await asyncio.gather(*tasks)
    slots.resize(1)
    assert (slots.in_use, slots.held) == (3, 3)
    late = asyncio.create_task(slots.acquire())
    for held in (3, 2, 1):
        assert slots.held == held
        assert not late.done()
        slots.release()
        await turn()
    assert late.done()
    assert slots.in_use == 1


async def test_waiting_without_a_place_is_reported() -> None:
    told: list[bool] = []
    slots = Slots(1, lambda: told.append(True))
    await slots.acquire()
    assert not told
    waiting = asyncio.create_task(slots.acquire())
    await turn()
    assert told == [True]
    waiting.cancel()


async def test_one_cancelled_while_waiting_is_not_counted_and_takes_no_place() -> None:
    slots = Slots(1)
    await slots.acquire()
    first, second = asyncio.create_task(slots.acquire()), asyncio.create_task(slots.acquire())
    await turn()
    first.cancel()
    await turn()
    assert slots.wanted == 2
    slots.release()
    await asyncio.wait_for(second, 30)
    slots.release()
    assert (slots.in_use, slots.wanted) == (0, 0)


async def test_one_cancelled_in_the_moment_of_its_turn_gives_the_place_back() -> None:
    slots = Slots(1)
    await slots.acquire()
    first, second = asyncio.create_task(slots.acquire()), asyncio.create_task(slots.acquire())
    await turn()
    slots.release()  # the place is the first's now, who has not heard of it yet
    first.cancel()
    await asyncio.wait_for(second, 30)
    assert (first.cancelled(), slots.in_use) == (True, 1)


class NoMoreError(Exception):
    """An item may not start."""


async def test_a_job_that_is_woken_stops_waiting_if_its_check_says_so() -> None:
    slots = Slots(1)
    await slots.acquire("hanging")
    cancelled = False

    def check() -> None:
        if cancelled:
            raise NoMoreError

    waiting = [asyncio.create_task(slots.acquire("hanging", check)) for _ in range(3)]
    other = asyncio.create_task(slots.acquire("other"))
    await turn()
    slots.wake("hanging")
    await turn()
    assert slots.wanted == 5  # nothing has happened to the job: all wait again
    cancelled = True
    slots.wake("hanging")
    await turn()
    assert all(isinstance(each.exception(), NoMoreError) for each in waiting)
    assert (slots.in_use, slots.wanted) == (1, 2)
    slots.release()
    await other


async def test_a_call_that_is_cancelled_as_its_turn_comes_gives_its_place_back() -> None:
    places = CallPlaces(1, ["stub"])
    await places.acquire("stub")
    waiting = asyncio.create_task(places.acquire("stub", "job"))
    await turn()
    places.release("stub")
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert (waiting.cancelled(), places.in_use) == (True, 0)
    again = asyncio.create_task(places.acquire("stub", "job"))
    await again
    places.wake("job")
    assert places.in_use == 1
