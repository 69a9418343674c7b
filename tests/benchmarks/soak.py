"""Works under faults for a while, and watches memory and keys: `python -m tests.benchmarks.soak --minutes 30`

Jobs, labels and reads go to a real API and two workers while the store refuses, freezes and is killed, workers are
frozen, and the provider misbehaves; no worker and no API is replaced. Prints the resident memory of each process every
ten seconds, and in the end how much it grew, every figure of the service beside its recount, and the keys that never
expire, each with the reason that `service/docs/redis-keys.md` gives. The exit code is 1 if the memory of a process that
should not grow did, a key has no documented reason, or a figure differs from a recount.

Memory grew if its floor rose by more than 3% from the middle third of the time to the last. The floor is what a tenth
of the samples are below. A leak raises it; memory that is taken for a while and given back, as the HTTP client's
buffers and garbage in cycles are, does not. The peaks are printed beside it.
"""

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import NamedTuple

from redis.asyncio import Redis

from tests.benchmarks.soak_figures import figures_of, print_figures
from tests.campaign.checks import Totals, job_differences, store_differences
from tests.campaign.faults import FAULTS
from tests.campaign.lane import Lane, UnexpectedAnswer, lane_of
from tests.campaign.work import ended_job, jobs_of_round, keep_asking, submitted

DOCUMENTED = Path(__file__).parents[2] / "service" / "docs" / "redis-keys.md"
EVERY_S = 10.0
_FEWEST = 30  # samples from which growth is told
PAUSE_S = (2.0, 8.0)  # between two faults
MOST_GROWTH = 0.03  # of a process's floor, from the middle third of the time to the last
NEVER = re.compile(r"never|entries")
_KILLING = {"worker killed", "workers killed", "worker stopped", "API killed"}
_REPLACING = {"worker a minute ahead", "worker a minute behind"}
_LOSING = {"store loses a second"}  # what is accepted in that second is lost, which this script can't tell
SOAKED = sorted(FAULTS.keys() - _KILLING - _REPLACING - _LOSING)


class Sample(NamedTuple):
    """The memory at a time, in megabytes by process, and the judgments so far."""

    seconds: float
    memory: dict[str, float]
    judgments: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return asyncio.run(_soak(options.minutes * 60, Random(options.seed)))


async def _soak(seconds: float, rng: Random) -> int:
    folder = Path(tempfile.mkdtemp(prefix="soak-", dir="/tmp"))
    totals, samples, problems, caused = Totals(), list[Sample](), list[str](), Counter[str]()
    accepted: list[str] = []
    async with lane_of(folder, rng) as lane:
        ends = time.monotonic() + seconds
        watching = asyncio.create_task(_watch(lane, totals, samples))
        asking = asyncio.create_task(keep_asking(lane))
        try:
            await asyncio.gather(
                _work(lane, totals, accepted, problems, ends, rng),
                _fail(lane, caused, ends, rng),
            )
        except UnexpectedAnswer as finding:
            problems.append(str(finding))
        watching.cancel()
        asking.cancel()
        await asyncio.wait([watching, asking])
        problems += await store_differences(lane, totals)
        problems += print_figures(await figures_of(lane, totals, len(accepted)))
        problems += [*lane.dead(), *lane.tracebacks()]
        problems += _print_growth(samples)
        problems += await _print_keys(lane.fleet.redis)
    print("\nfaults:", ", ".join(f"{name} {times}" for name, times in sorted(caused.items())))
    print(f"{totals.outcomes.total()} judgments of {len(accepted)} jobs: {dict(totals.outcomes)}")
    for each in problems:
        print("PROBLEM:", each)
    print(f"{len(problems)} problems" if problems else "memory is flat, every figure equals its recount")
    return int(bool(problems))


async def _work(lane: Lane, totals: Totals, accepted: list[str], problems: list[str], ends: float, rng: Random) -> None:
    for number in count():
        if time.monotonic() > ends:
            return
        lane.at_rest.clear()
        for job_id, items in await submitted(lane, jobs_of_round(number), rng):
            accepted.append(job_id)
            job, judgments = await ended_job(lane, job_id)
            problems += job_differences(job, judgments, items, may_fail=True)
            totals.add(judgments)


async def _fail(lane: Lane, caused: Counter[str], ends: float, rng: Random) -> None:
    while time.monotonic() < ends:
        await asyncio.sleep(rng.uniform(*PAUSE_S))
        name = rng.choice(SOAKED)
        await FAULTS[name].cause(lane, rng)
        caused[name] += 1


async def _watch(lane: Lane, totals: Totals, samples: list[Sample]) -> None:
    began = time.monotonic()
    while True:
        memory = {name: _resident_mb(pid) for name, pid in lane.pids().items()}
        samples.append(Sample(time.monotonic() - began, memory, totals.outcomes.total()))
        shown = "  ".join(f"{name} {size:6.1f}" for name, size in memory.items())
        print(f"{samples[-1].seconds:6.0f} s  {shown} MB  {samples[-1].judgments:7} judgments", flush=True)
        await asyncio.sleep(EVERY_S)


def _resident_mb(pid: int) -> float:
    """The resident memory of a process, 0 if it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0.0
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def _print_growth(samples: Sequence[Sample]) -> Iterator[str]:
    """Prints how each process grew; yields those that must not. The store grows with the judgments that it keeps."""
    if len(samples) < _FEWEST:
        return
    print(f"\n{'process':<12}{'floor: middle third':>20}{'last third':>12}{'growth':>9}{'peaks':>18}")
    for name in samples[0].memory:
        found = growth_of([each.memory[name] for each in samples])
        peaks = f"{found.middle_peak:.1f}, {found.last_peak:.1f}"
        print(f"{name:<12}{found.middle:>17.1f} MB{found.last:>9.1f} MB{found.share:>9.1%}{peaks:>15} MB")
        if name != "store" and found.share > MOST_GROWTH:
            yield f"{name} grew from {found.middle:.1f} to {found.last:.1f} MB"


class Growth(NamedTuple):
    """The floors and the peaks of the middle and of the last third."""

    middle: float
    last: float
    middle_peak: float
    last_peak: float

    @property
    def share(self) -> float:
        """By which the floor rose."""
        return self.last / self.middle - 1


def growth_of(memory: Sequence[float]) -> Growth:
    """Returns how memory grew after the first third, in which a process warms up."""
    third = len(memory) // 3
    middle, last = memory[third : 2 * third], memory[2 * third :]
    return Growth(quantiles(middle, n=10)[0], quantiles(last, n=10)[0], max(middle), max(last))


async def _print_keys(redis: Redis) -> list[str]:
    """Prints the kinds of keys that have no expiry; returns those that the documentation does not explain."""
    found, problems = await lasting_keys(redis), list[str]()
    print(f"\n{'keys without an expiry':<52}{'number':>7}  expires, by {DOCUMENTED.name}")
    for (key, reason), number in sorted(found.items()):
        print(f"{key:<52}{number:>7}  {reason}")
        if not NEVER.search(reason):
            problems.append(f"{number} keys {key} have no expiry; documented: {reason or 'nothing'}")
    return problems


async def lasting_keys(redis: Redis) -> Counter[tuple[str, str]]:
    """The keys without an expiry: their number by the documented pattern, or the key itself, and its expiry's text."""
    rows, found = documented_keys(DOCUMENTED.read_text()), Counter[tuple[str, str]]()
    async for key in redis.scan_iter(count=500):
        if await redis.ttl(key) == -1:
            text = key.decode()
            row = next(((name, expiry) for pattern, name, expiry in rows if pattern.fullmatch(text)), (text, ""))
            found[row] += 1
    return found


def documented_keys(text: str) -> list[tuple[re.Pattern[str], str, str]]:
    """The keys in the tables of the reference: a pattern, the key as it is written, and when it expires.

    The most specific patterns, those with the most fixed characters, come first.
    """
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) >= 6:
            for key in re.findall(r"`([^`]+)`", cells[0]):
                fixed = re.split(r"\{\w+\}|<\w+>", key)
                rows.append((re.compile(".*".join(map(re.escape, fixed)), re.DOTALL), key, cells[-1]))
    return sorted(rows, key=lambda row: -len(re.sub(r"\{\w+\}|<\w+>", "", row[1])))


if __name__ == "__main__":
    sys.exit(main())
