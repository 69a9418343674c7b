"""An upgrade and its way back, under load: `python -m tests.upgrades.mixed COMMIT`

Processes of an earlier commit and of the code here share one store. They are replaced one by one, as in a rolling
upgrade: the workers first, then the API, and then back in the other order. In each step jobs and labels are sent while
a process is replaced; afterwards everything must have ended once, no call may have been repeated, and every count must
equal a recount. Prints a line a step; the exit code is 1 if anything differed.
"""

import argparse
import asyncio
import io
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple

from tests.campaign.checks import Totals, job_differences, store_differences
from tests.campaign.lane import END_LIMIT_S, START_LIMIT_S, Lane, lane_of
from tests.campaign.work import ended_job, jobs_of_round, repeated_calls, submitted
from tests.flows.conftest import Row
from tests.launch.processes import ROOT
from tests.polling import until

PARTS = ("service", "worker", "pyproject.toml")
NEW: dict[str, str] = {}  # the environment of a process that runs the code here


class Replacement(NamedTuple):
    """The process that makes place, a worker or the API, and whether old or new code takes it."""

    code: Literal["old", "new"]
    role: Literal["worker", "API"]


THERE_AND_BACK = (
    Replacement("old", "worker"),
    Replacement("new", "worker"),
    Replacement("new", "worker"),
    Replacement("new", "API"),
    Replacement("old", "worker"),
    Replacement("old", "worker"),
    Replacement("old", "API"),
)


class Step(NamedTuple):
    """What was replaced while jobs were at work, and what is wrong afterwards."""

    name: str
    judgments: int
    repeated: int
    differences: list[str]


@contextmanager
def earlier_code(commit: str) -> Iterator[dict[str, str]]:
    """The environment of a process that runs the code of a commit. Raises LookupError if the clone does not have it."""
    packed = subprocess.run(["git", "archive", commit, *PARTS], cwd=ROOT, check=False, capture_output=True, timeout=60)
    if packed.returncode:
        raise LookupError(f"{ROOT} has no commit {commit}: {packed.stderr.decode().strip()}")
    with tempfile.TemporaryDirectory(prefix="judged-earlier-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(folder, filter="data")
        yield {"PYTHONPATH": folder}


async def upgraded(folder: Path, old: dict[str, str], replacements: Sequence[Replacement]) -> AsyncIterator[Step]:
    """Yields each step, from two old workers and an old API on."""
    rng = Random("upgrade")
    async with lane_of(folder, rng, old) as lane:
        totals = Totals()
        for number, each in enumerate(replacements):
            replace = _replace_api if each.role == "API" else _replace_worker
            made = replace(lane, NEW if each.code == "new" else old)
            yield await _step(lane, totals, number, f"{each.code} {each.role}", made, rng)


async def _replace_worker(lane: Lane, environ: dict[str, str]) -> None:
    """The worker that was started first makes place for another."""
    await lane.end_worker(lane.workers[0], signal.SIGTERM)
    lane.start_workers(**environ)
    await until(lambda: lane.fleet.beats(lane.workers[-1]), "a worker", START_LIMIT_S)


async def _replace_api(lane: Lane, environ: dict[str, str]) -> None:
    await lane.end_api(signal.SIGTERM)
    lane.start_api(**environ)
    await lane.ask("GET", "/healthz")


async def _step(
    lane: Lane, totals: Totals, number: int, name: str, replacing: Coroutine[None, None, None], rng: Random
) -> Step:
    submitting = asyncio.create_task(submitted(lane, jobs_of_round(number), rng))
    await until(lambda: _is_under_way(lane, number), "calls", END_LIMIT_S)
    await replacing
    differences: list[str] = []
    judgments: list[Row] = []
    for job_id, items in await submitting:
        job, own = await ended_job(lane, job_id)
        differences += job_differences(job, own, items, may_fail=False)
        judgments += own
    totals.add(judgments)
    differences += [*await store_differences(lane, totals), *lane.dead(), *lane.tracebacks()]
    repeated = repeated_calls(lane.provider, number)
    if repeated:
        differences.append(f"{repeated} calls were repeated")
    return Step(name, len(judgments), repeated, differences)


async def _is_under_way(lane: Lane, number: int) -> bool:
    return any(text.startswith(f"r{number}i") for text in lane.provider.answers)


async def _print(commit: str) -> int:
    differs = False
    with earlier_code(commit) as old, tempfile.TemporaryDirectory(prefix="upgrade-", dir="/tmp") as folder:
        async for step in upgraded(Path(folder), old, THERE_AND_BACK):
            print(f"{step.name:<12}{step.judgments:>4} judgments, {step.repeated} calls repeated", flush=True)
            for each in step.differences:
                print("    DIFFERS:", each)
            differs |= bool(step.differences)
    return int(differs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="the earlier code, such as a tag")
    return asyncio.run(_print(parser.parse_args().commit))


if __name__ == "__main__":
    sys.exit(main())
