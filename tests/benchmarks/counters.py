"""Measures storing and counting a judgment: `python -m tests.benchmarks.counters [--before TREE]`

Prints, for each scenario, the time that the store spends in scripts and the CPU time of the caller, in microseconds a
judgment. `--before` names another working tree of this repository, such as a git worktree of an earlier commit: both
trees then take turns on the same store, round by round, and the ratio of each pair is printed too. Only the ratios are
comparable between runs, since other processes slow both trees down.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
PROSE = "The answer is correct, though it leaves out one step that the question asked for. " * 6


class Scenario(NamedTuple):
    """Judgments of new items, each with so many labels put before, `together` of them in one call."""

    title: str
    labels: int
    together: int
    models: int = 1
    is_counted: bool = True


SCENARIOS = (
    Scenario("no counters, one a call", 0, 1, is_counted=False),
    Scenario("no counters, 50 a call", 0, 50, is_counted=False),
    Scenario("no label, one a call", 0, 1),
    Scenario("no label, 50 a call", 0, 50),
    Scenario("one label, one a call", 1, 1),
    Scenario("one label, 50 a call", 1, 50),
    Scenario("three labels, one a call", 3, 1),
    Scenario("three labels, 50 a call", 3, 50),
    Scenario("panel of three, no label, 50 a call", 0, 50, models=3),
    Scenario("panel of three, three labels, 50 a call", 3, 50, models=3),
)
JUDGMENTS = 200  # in a round


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="another working tree to compare with")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--side", help=argparse.SUPPRESS)  # the store's URL: this process is one of the two sides
    options = parser.parse_args()
    if options.side:
        asyncio.run(_take_orders(options.side))
        return
    from service.launch import embedded_store

    trees = [ROOT] if options.before is None else [options.before.resolve(), ROOT]
    with tempfile.TemporaryDirectory() as folder, embedded_store.socket_for(Path(folder)) as socket:
        store = embedded_store.Store(embedded_store.find_binary(None), Path(folder), socket)
        with subprocess.Popen(embedded_store.store_command(store), stdout=subprocess.DEVNULL) as process:
            try:
                asyncio.run(embedded_store.wait_until_ready(socket))
                _compare(trees, store.url, options.rounds)
            finally:
                process.terminate()


def _compare(trees: list[Path], url: str, rounds: int) -> None:
    sides = [_side(tree, url) for tree in trees]
    names = ["before", "after"][-len(sides) :]
    print(f"{'us a judgment':<42}" + "".join(f"{f'store {name}':>14}" for name in names), end="")
    print("".join(f"{f'CPU {name}':>12}" for name in names), "   ratios" if len(names) > 1 else "")
    for number, scenario in enumerate(SCENARIOS):
        measured: list[list[tuple[float, float]]] = [[] for _ in sides]
        for turn in range(rounds + 1):
            for side, found in zip(sides, measured, strict=True):
                result = _ask(side, number)
                if turn:  # the first round warms up
                    found.append(result)
        medians = [[statistics.median(each[which] for each in found) for found in measured] for which in (0, 1)]
        line = "".join(f"{each:>14.0f}" for each in medians[0]) + "".join(f"{each:>12.0f}" for each in medians[1])
        if len(sides) > 1:
            store, cpu = (
                statistics.median(after[which] / before[which] for before, after in zip(*measured, strict=True))
                for which in (0, 1)
            )
            line += f"    store {store:.2f}, CPU {cpu:.2f}"
        print(f"{scenario.title:<42}{line}", flush=True)
    for side in sides:
        assert side.stdin is not None
        side.stdin.close()
        side.wait(30)


def _side(tree: Path, url: str) -> "subprocess.Popen[str]":
    argv = (sys.executable, str(Path(__file__).resolve()), "--side", url)
    environ = {**os.environ, "PYTHONPATH": str(tree)}
    return subprocess.Popen(argv, cwd=tree, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _ask(side: "subprocess.Popen[str]", scenario: int) -> tuple[float, float]:
    assert side.stdin is not None
    assert side.stdout is not None
    side.stdin.write(f"{scenario}\n")
    side.stdin.flush()
    store, cpu = json.loads(side.stdout.readline())
    return store, cpu


async def _take_orders(url: str) -> None:
    """One side: measures each scenario that it is asked for, with the code of the working directory."""
    from service.store.connection import connect

    redis = connect(url, retries=1, max_connections=4)
    for line in sys.stdin:
        print(json.dumps(await _measure(redis, SCENARIOS[int(line)])), flush=True)
    await redis.aclose()


async def _measure(redis: Any, scenario: Scenario) -> tuple[float, float]:
    """Returns the store's time in scripts and this process's CPU time, in microseconds a judgment."""
    await redis.flushall()
    record, put = _functions()
    batches = await _prepared(redis, scenario, put)
    await redis.config_resetstat()
    began = time.process_time()
    for batch in batches:
        await record(redis, batch, keep_s=10_000)
    cpu = time.process_time() - began
    stats = await redis.info("commandstats")
    usec = sum(each["usec"] for name, each in stats.items() if name in ("cmdstat_evalsha", "cmdstat_eval"))
    return usec / JUDGMENTS, cpu * 1e6 / JUDGMENTS


def _functions() -> tuple[Any, Any]:
    """The functions that store judgments and labels, under the names that they have in the tree."""
    try:
        from service.agreement.labelling import put_labels
        from service.agreement.recording import record_judgments
    except ImportError:
        from importlib import import_module

        finishing, labels = import_module("service.store.finishing"), import_module("service.store.labels")
        return finishing.finish_all, labels.put
    return record_judgments, put_labels


async def _prepared(redis: Any, scenario: Scenario, put: Any) -> list[list[Any]]:
    import msgspec

    from service.contracts.items import Item
    from tests.store.labelled import judge_of, judged, label, one
    from tests.store.made import committed

    judge = judge_of(tuple(f"openai/gpt-{letter}" for letter in "abc"[: scenario.models]))
    await judged(redis, judge, Item(id="first", output="text"), [3] * scenario.models)  # the criterion has its scale
    record = await committed(redis, JUDGMENTS, chunk_items=50, judges=[judge])
    for annotator in ("ann", "bob", "cyd")[: scenario.labels]:
        await put(
            redis,
            [label(f"item-{number}", annotator, 1 + number % 5) for number in range(JUDGMENTS)],
            keep_s=10_000,
        )
    finished = []
    for number in range(JUDGMENTS):
        item = Item(id=f"item-{number}", output=f"text {number}")
        values: list[Any] = [1 + (number + each) % 5 for each in range(scenario.models)]
        made = one(record, judge, item, values, ago=timedelta(), cached=False)
        votes = [msgspec.structs.replace(vote, explanation=PROSE, raw_text=PROSE) for vote in made.judgment.votes]
        judgment = msgspec.structs.replace(made.judgment, explanation=PROSE, votes=votes)
        kept = [(f"judged:cache:{number}-{each}", f"{each}|") for each in range(scenario.models)]
        made = made._replace(position=number, judgment=judgment, kept=kept)
        finished.append(made if scenario.is_counted else made._replace(evidence=None))
    step = scenario.together
    return [finished[start : start + step] for start in range(0, JUDGMENTS, step)]


if __name__ == "__main__":
    main()
