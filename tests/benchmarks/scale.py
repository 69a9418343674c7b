"""Agreement at scale, in CPU seconds: `python -m tests.benchmarks.scale`

First the ranks of a leaderboard of 20 rows over 10,000 items, by whole and by fractional scores. Then all statistics of
a thousand pairs and of ten million. Then ten million pairs of 50 judges on each of 20 criteria: the first refresh of
all gauges, one in which nothing has changed, and one after labels of every fiftieth series. CPU and not time is
printed, since other processes share the machine.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

import msgspec
import numpy as np
from redis.asyncio import Redis

from service.agreement.labelling import put_labels
from service.benchmarks.leaderboard import BenchmarkBoard, HeardJudgment
from service.contracts.datasets import Humans
from service.contracts.items import Item
from service.contracts.judges import Scale
from service.contracts.outcomes import Outcome
from service.gauges.refresher import Refresher
from service.stats.arrays import Floats
from service.stats.intervals import measure
from service.stats.paired_ranks import JudgeScores, ranks
from service.stats.table import Table
from service.store import agreement_counters, clock, keys
from service.store.connection import connect
from tests.agreement.items import FIVE
from tests.benchmarks.rows import Goal, Row, show
from tests.store.labelled import KEEP_S, judge_of, judged, label
from tests.stores import running_store

JUDGES, CRITERIA, PAIRS = 50, 20, 10_000_000
DAYS = 30
SAMPLE = 200  # items that are really judged and labelled; all series are multiples of their counters
CHANGED = 50  # one series in so many
ROWS, ITEMS = 20, 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    show(scale_rows(parser.parse_args().rounds))


def scale_rows(rounds: int) -> Iterator[Row]:
    size = f"{ROWS} rows over {ITEMS:,} items"
    for kind, step in (("whole", 1), ("fractional", None)):
        spent = median(_cpu_of_board(step) for _ in range(rounds))
        yield Row(f"a board of {size}, {kind} scores", _seconds(spent), Goal(spent, 2, " s"))
    for kind in ("whole", "fractional"):
        rows = _rows(kind == "fractional")
        for sort in ("spearman", "exact", "cohen_kappa_quadratic") if kind == "whole" else ("spearman", "pearson"):
            spent = median(_cpu_of_ranks(rows, sort, number) for number in range(rounds))
            yield Row(f"its ranks by {sort}, {kind} scores", _seconds(spent))
    for pairs in (1_000, PAIRS):
        spent = median(_cpu_of_statistics(pairs) for _ in range(rounds))
        yield Row(f"all statistics with intervals of {pairs:,} pairs", _seconds(spent))
    with running_store() as store:
        first, same, changed = asyncio.run(_refreshes(store.url, rounds))
    yield Row(f"gauges of {JUDGES} judges x {CRITERIA}, {PAIRS:,} pairs", "")
    yield Row("  the first refresh of a process", _seconds(first))
    yield Row("  nothing has changed", _seconds(same), Goal(same, 1, " s"))
    yield Row(f"  one series in {CHANGED} has changed", _seconds(changed), Goal(changed, 1, " s"))


def _seconds(cpu: float) -> str:
    return f"{cpu:.2f} s of CPU"


class _Scores(NamedTuple):
    """One human value from 1 to 5 an item, and each judge's scores."""

    people: Floats
    judges: list[Floats]


def _scores(fractional: bool) -> _Scores:
    """Judges that err by more and more."""
    random = np.random.default_rng(1)
    quality = random.normal(3, 1, ITEMS)
    people = np.clip(np.rint(quality + random.normal(0, 0.5, ITEMS)), 1, 5)
    said = [np.clip(quality + random.normal(0, 0.5 + row / 40, ITEMS), 1, 5) for row in range(ROWS)]
    return _Scores(people, [each.round(4) if fractional else np.rint(each) for each in said])


def _cpu_of_board(step: float | None) -> float:
    """A leaderboard from judgments that are read already, with two people a item."""
    people, scores = _scores(step is None)
    judges = [judge_of(models=(f"openai/m-{at}",), scale=Scale(min=1, max=5, step=step)) for at in range(ROWS)]
    humans: list[Humans] = [{"wit": [each, min(each + at % 3 // 2, 5.0)]} for at, each in enumerate(people.tolist())]
    board = BenchmarkBoard(judges, humans)
    for place, of_judge in enumerate(scores):
        for at, score in enumerate(of_judge.tolist()):
            heard = HeardJudgment(
                outcome=Outcome.SCORED,
                reason=None,
                score=score,
                label=None,
                consistent=None,
                votes=[],
            )
            board.hear(at * ROWS + place, heard)
    began = time.process_time()
    board.rows(epsilon=0.2, sort=None, key="bench")
    return time.process_time() - began


def _rows(fractional: bool) -> list[JudgeScores]:
    people, scores = _scores(fractional)
    labels, humans = np.unique(people, return_inverse=True)
    return [
        JudgeScores(np.arange(ITEMS), humans, labels.tolist(), judged, values.tolist())
        for values, judged in (np.unique(each, return_inverse=True) for each in scores)
    ]


def _cpu_of_ranks(rows: list[JudgeScores], sort: str, number: int) -> float:
    began = time.process_time()
    ranks(rows, range(1, 6), sort, str(number))
    return time.process_time() - began


def _cpu_of_statistics(pairs: int) -> float:
    """Of five values, which mostly agree."""
    shares = np.exp(-np.abs(np.subtract.outer(np.arange(5), np.arange(5))))
    counts = np.random.default_rng(1).multinomial(pairs, (shares / shares.sum()).ravel())
    table = Table.from_counts(range(5), counts.reshape(5, 5))
    began = time.process_time()
    measure(table)
    return time.process_time() - began


async def _refreshes(url: str, rounds: int) -> list[float]:
    """The CPU of the first refresh, of one in which nothing has changed, and of one after some labels."""
    redis = connect(url, retries=1, max_connections=4)
    counted = await _sampled(redis)
    await _fill(redis, counted)
    spent: list[list[float]] = []
    for number in range(rounds):
        refresher = Refresher(redis)
        first, same = await _cpu_of_refresh(refresher), await _cpu_of_refresh(refresher)
        await _fill(redis, counted, only=number)
        spent.append([first, same, await _cpu_of_refresh(refresher)])
    await redis.aclose()
    return [median(each) for each in zip(*spent, strict=True)]


async def _cpu_of_refresh(refresher: Refresher) -> float:
    began = time.process_time()
    await refresher.refresh()
    return time.process_time() - began


_Counted = dict[str, dict[str, int]]  # by kind


async def _sampled(redis: Redis) -> _Counted:
    """The counters of items that are judged and labelled."""
    random, judge = np.random.default_rng(1), judge_of()
    scores = random.integers(1, 6, size=SAMPLE)
    near = np.clip(scores + random.integers(-1, 2, size=SAMPLE), 1, 5)
    for at, score in enumerate(scores.tolist()):
        await judged(redis, judge, Item(id=f"t/{at}", output="word " * (at % 40 + 1)), [score] * len(judge.models))
    await put_labels(redis, [label(f"t/{at}", "ann", int(each)) for at, each in enumerate(near)], keep_s=KEEP_S)
    criterion, series = (await agreement_counters.newest_series(redis))[0]
    found = {}
    for kind in ("agreed", "seen"):
        wanted = agreement_counters.Wanted(kind, series, criterion)
        found[kind] = (await agreement_counters.read_windows(redis, [wanted], ["all"]))[0]
    await redis.flushall()
    return found


async def _fill(redis: Redis, counted: _Counted, only: int | None = None) -> None:
    """Counters of all series over thirty days and the last day's hours; with `only`, of one series in fifty."""
    now = clock.now_ms()
    days, hours = agreement_counters.days(now, first=1 - DAYS, last=0), agreement_counters.hours(now, first=-23, last=0)
    most = PAIRS // (JUDGES * CRITERIA * SAMPLE)
    shares = {"all": most, **dict.fromkeys(days, max(most // DAYS, 1)), **dict.fromkeys(hours[-2:], 1)}
    for criterion in range(CRITERIA):
        name = f"criterion-{criterion}"
        await redis.hset(keys.CRITERIA, name, msgspec.json.encode(FIVE.scale).decode())  # type: ignore[misc]
        for judge in range(JUDGES):
            if only is not None and (criterion * JUDGES + judge) % CHANGED != only:
                continue
            series = f"judge-{judge}@1 openai/m"
            await redis.zadd(keys.SERIES, {f"{name}\t{series}": now})
            async with redis.pipeline(transaction=False) as pipe:
                for bucket, share in shares.items():
                    for kind, fields in counted.items():
                        key = keys.agreement_counters(kind, bucket, series, name)
                        pipe.hset(
                            key,
                            mapping={field: count * (share + (only is not None)) for field, count in fields.items()},
                        )
                await pipe.execute()


if __name__ == "__main__":
    main()
