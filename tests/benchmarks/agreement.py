"""What statistics cost: `python -m tests.benchmarks.agreement` prints the time of all with their intervals.

They are computed from a table of counts, so that ten million pairs cost about what a thousand do. The two are measured
in turns: the machine is shared, and what slows one then slows the other. Last comes `GET /v1/agreement` over a socket,
with two annotators an item, on a store whose counters hold as many.
"""

import asyncio
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
from redis.asyncio import Redis

from service.agreement.contributions import contribution
from service.launch import embedded_store
from service.stats.intervals import measure
from service.stats.statistics import evaluate
from service.stats.table import Table
from service.store import keys
from service.store.connection import connect
from tests.agreement.items import FIVE, Item, rows_of
from tests.flows.conftest import api_of, settings_for

SIZES = (2, 5, 10, 41)
FEW, MANY = 1_000, 10_000_000
ROUNDS = 9


def table_of(size: int, pairs: int) -> Table:
    """Pairs that mostly agree, and use every cell where there are enough of them."""
    shares = np.exp(-np.abs(np.subtract.outer(np.arange(size), np.arange(size))) * 5 / size)
    counts = np.random.default_rng(size).multinomial(pairs, (shares / shares.sum()).ravel())
    return Table.from_counts(range(size), counts.reshape(size, size))


def seconds(compute: Callable[[Table], object], table: Table) -> float:
    started = time.perf_counter()
    compute(table)
    return time.perf_counter() - started


async def fill(redis: Redis, name: str, times: int) -> None:
    """Counters of a judge of that name on a criterion of that name: 500 items with two labels each, so many times."""
    random = np.random.default_rng(1)
    items = []
    for value in random.integers(1, 6, size=500):
        near = np.clip(value + random.integers(-1, 2, size=2), 1, 5)
        items.append(Item({"ann": (int(near[0]), "r"), "bob": (int(near[1]), "r")}, int(value)))
    total: dict[str, Counter[str]] = {}
    for item in rows_of(FIVE, items):
        for group, fields in contribution(item).items():
            series = f"{name}@1 control/length" if group.series else ""
            key = keys.agreement_counters(group.kind, "all", series, name)
            total.setdefault(key, Counter()).update(fields)
    for key, fields in total.items():
        await redis.hset(key, mapping={field: count * times for field, count in fields.items()})  # type: ignore[misc]


async def ask(client: httpx.AsyncClient, name: str) -> tuple[float, int]:
    """Seconds for the answer, and the pairs in it."""
    started = time.perf_counter()
    response = await client.get("/v1/agreement", params={"judge": name, "model": "control/length", "window": "all"})
    return time.perf_counter() - started, int(response.raise_for_status().json()["pairs"])


async def over_http(store_url: str) -> None:
    redis = connect(store_url, retries=1, max_connections=4)
    async with api_of(settings_for(store_url, {})) as client:
        for name, times in (("few", FEW // 1000), ("many", MANY // 1000)):
            judge = {"criterion": name, "method": "rating", "instructions": "How good is it?", "scale": {}}
            (await client.put(f"/v1/judges/{name}", json=judge)).raise_for_status()
            await fill(redis, name, times)
        answers = [(await ask(client, "few"), await ask(client, "many")) for _ in range(1 + 2 * ROUNDS)][1:]
    await redis.aclose()
    few, many = (np.array([each[side][0] for each in answers]) for side in (0, 1))
    pairs = [answers[0][side][1] for side in (0, 1)]
    ratio, times_ms = float(np.median(many / few)), [1000 * float(np.median(each)) for each in (few, many)]
    print(f"GET /v1/agreement: {pairs[0]:,} pairs {times_ms[0]:.1f} ms, {pairs[1]:,} {times_ms[1]:.1f} ms, {ratio:.2f}")


def on_a_store() -> None:
    with tempfile.TemporaryDirectory() as folder, embedded_store.socket_for(Path(folder)) as socket:
        store = embedded_store.Store(embedded_store.find_binary(None), Path(folder), socket)
        with subprocess.Popen(embedded_store.store_command(store), stdout=subprocess.DEVNULL) as process:
            try:
                asyncio.run(embedded_store.wait_until_ready(socket))
                asyncio.run(over_http(store.url))
            finally:
                process.terminate()


def main() -> None:
    print(f"{'values':>6}{'values alone, ms':>20}{f'all, {FEW:,}, ms':>20}{f'all, {MANY:,}, ms':>22}{'ratio':>8}")
    for size in SIZES:
        few, many = table_of(size, FEW), table_of(size, MANY)
        alone, short, long = zip(
            *((seconds(evaluate, many), seconds(measure, few), seconds(measure, many)) for _ in range(ROUNDS)),
            strict=True,
        )
        ratio = float(np.median(np.divide(long, short)))
        times = [1000 * float(np.median(each)) for each in (alone, short, long)]
        print(f"{size:>6}{times[0]:>20.2f}{times[1]:>20.1f}{times[2]:>22.1f}{ratio:>8.2f}")
    on_a_store()


if __name__ == "__main__":
    main()
