"""Rounds of a campaign: work is sent while faults happen, and afterwards every count is compared with a recount."""

import asyncio
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.campaign.checks import Totals, job_differences, store_differences
from tests.campaign.faults import FAULTS
from tests.campaign.lane import Lane, UnexpectedAnswer, lane_of
from tests.campaign.work import ended_job, jobs_of_round, keep_asking, repeated_calls, submitted
from tests.flows.conftest import Row

_TWO_FAULTS = 0.3  # the share of rounds that have a second fault


class Played(NamedTuple):
    """A round: its faults, the judgments made, the calls repeated and how many might be, and what is wrong."""

    number: int
    faults: tuple[str, ...]
    judgments: int
    repeated: int
    allowed: int
    differences: list[str]
    seconds: float


def drawn_faults(seed: int, rounds: int) -> list[tuple[str, ...]]:
    """The faults of each round: all equally often, and sometimes a second one of another kind."""
    rng, drawn = Random(f"faults {seed}"), list[tuple[str, ...]]()
    while len(drawn) < rounds:
        for first in rng.sample(list(FAULTS), len(FAULTS)):
            second = rng.choice(list(FAULTS))
            is_other = second.split()[0].rstrip("s") != first.split()[0].rstrip("s")
            drawn.append((first, second) if is_other and rng.random() < _TWO_FAULTS else (first,))
    return drawn[:rounds]


async def campaign(rounds: int, seed: int, lanes: int, folder: Path, *, only: str | None = None) -> list[Played]:
    """Plays the rounds on so many lanes side by side. A lane begins anew after a round with a difference."""
    faults = [(only,)] * rounds if only else drawn_faults(seed, rounds)
    waiting = iter(list(enumerate(faults)))
    played: list[Played] = []
    async with asyncio.TaskGroup() as group:
        for _ in range(min(lanes, rounds)):
            group.create_task(_play_lane(waiting, seed, folder, played))
    return sorted(played)


async def _play_lane(
    waiting: Iterator[tuple[int, tuple[str, ...]]], seed: int, folder: Path, played: list[Played]
) -> None:
    following = next(waiting, None)
    while following is not None:
        own = Path(tempfile.mkdtemp(prefix="lane-", dir=folder))
        async with lane_of(own, Random(f"provider {seed} {following[0]}")) as lane:
            totals = Totals()
            while following is not None:
                number, faults = following
                result = await _play(lane, totals, number, faults, Random(f"round {seed} {number}"))
                played.append(result)
                print(
                    f"round {number}: {', '.join(faults)}, {result.seconds:.1f} s, {result.judgments} judgments,"
                    f" {result.repeated} calls repeated of {result.allowed} that might be",
                    file=sys.stderr,
                    flush=True,
                )
                following = next(waiting, None)
                for each in result.differences:
                    print(f"round {number} ({', '.join(faults)}; {own}): {each}", flush=True)
                if result.differences:
                    break


async def _play(lane: Lane, totals: Totals, number: int, faults: tuple[str, ...], rng: Random) -> Played:
    began, sent = time.monotonic(), jobs_of_round(number)
    lane.at_rest.clear()
    judgments: list[Row] = []
    differences: list[str] = []
    allowed = 0
    may_fail = any(FAULTS[name].fails for name in faults)
    asking = asyncio.create_task(keep_asking(lane))
    submitting = asyncio.create_task(submitted(lane, sent, rng))
    try:
        async with asyncio.TaskGroup() as group:  # if one breaks off, none is left at work on a lane that is over
            caused = [group.create_task(_caused(lane, name, rng)) for name in faults]
        allowed = sum(each.result() for each in caused)
        for job_id, items in await submitting:
            job, own = await ended_job(lane, job_id)
            differences += job_differences(job, own, items, may_fail=may_fail)
            judgments += own
        asking.cancel()
        totals.add(judgments)
        differences += await store_differences(lane, totals)
    except (UnexpectedAnswer, AssertionError) as finding:
        differences.append(str(finding) or repr(finding))
    except Exception:  # of the campaign itself: it must not end the other rounds, and this one has proved nothing
        differences.append(f"the round broke off: {traceback.format_exc()[-3000:]}")
    finally:
        asking.cancel()
        submitting.cancel()
        await asyncio.wait([asking, submitting])
    if asking.done() and not asking.cancelled() and (error := asking.exception()):
        differences.append(str(error))
    differences += [*lane.dead(), *lane.tracebacks()]
    repeated = repeated_calls(lane.provider, number)
    if repeated > allowed and not differences:
        differences.append(f"{repeated} calls were repeated, {allowed} might be")
    return Played(number, faults, len(judgments), repeated, allowed, differences, time.monotonic() - began)


async def _caused(lane: Lane, name: str, rng: Random) -> int:
    await asyncio.sleep(rng.uniform(0.05, 0.8))
    return await FAULTS[name].cause(lane, rng)


def table(played: Sequence[Played]) -> str:
    """A line a fault, and one for all; a round with two faults is in the lines of both."""
    lines: defaultdict[str, list[Played]] = defaultdict(list)
    for each in played:
        for name in each.faults:
            lines[name].append(each)
    head = f"{'fault':<24}{'rounds':>8}{'judgments':>11}{'repeated':>10}{'allowed':>9}{'different':>11}{'longest':>9}"
    rows = [(name, lines[name]) for name in FAULTS if name in lines]
    return "\n".join([head, *(_line(name, of) for name, of in [*rows, ("all", list(played))])])


def _line(name: str, rounds: Sequence[Played]) -> str:
    return (
        f"{name:<24}{len(rounds):>8}{sum(each.judgments for each in rounds):>11}"
        f"{sum(each.repeated for each in rounds):>10}{sum(each.allowed for each in rounds):>9}"
        f"{sum(bool(each.differences) for each in rounds):>11}{max(each.seconds for each in rounds):>8.1f}s"
    )
