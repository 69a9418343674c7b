"""What an installation needs for so many judgments a day: `python -m tests.benchmarks.sizing`

Measures what a judgment takes (the CPU of each process, the store's memory, file and network) with a stub of a model,
for short texts, for long ones, and sent one by one, and prints the tables of the page on sizing. With `--recorded` it
measures nothing, and takes the figures of that page.
"""

import argparse
import math
import string
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import NamedTuple

import httpx
import msgspec
import redis

from service.store import keys
from tests.benchmarks.judging import memory_mb
from tests.benchmarks.processes import QUERY, Service, cpu_s, service_for, stub_at

DAY_S = 86_400
AT_ONCE = 16  # requests, of jobs of one item
WORDS = 3_000  # of which texts are made: they pack about as well as real ones


class Measured(NamedTuple):
    """What one judgment took, by one model with one criterion; text is that of its item.

    CPU in milliseconds, sizes in bytes; `worker_mb` and `api_mb` are the memory of a process after the work.
    """

    text: float
    worker_ms: float
    api_ms: float
    store_ms: float
    memory: float
    file: float
    received: float
    sent: float
    worker_mb: float
    api_mb: float


class Load(NamedTuple):
    """What is asked of an installation. These are assumptions: put in your own.

    `peak` is the busiest hour over the mean, `latency_s` that of a model's answer, `busy` the share of a core that a
    process may take at the peak, `spare` the memory of the store's machine over that of its data, for the copy while it
    saves, and for growth.
    """

    a_day: float
    keep_days: float
    peak: float = 3.0
    latency_s: float = 2.0
    max_calls: int = 256
    busy: float = 0.6
    spare: float = 1.6


class Needs(NamedTuple):
    """What that takes."""

    mean_rate: float
    peak_rate: float
    workers: int
    apis: int
    store_core: float
    memory_gb: float
    machine_gb: float
    disk_gb: float
    received_mb_s: float
    sent_mb_s: float


def most_a_second(took: Measured, busy: float) -> float:
    """The judgments a second that one primary bears."""
    return busy * 1000 / took.store_ms


def needs(took: Measured, load: Load) -> Needs:
    """Each figure has its formula in the page on sizing."""
    mean = load.a_day / DAY_S
    peak = mean * load.peak
    memory = load.a_day * load.keep_days * took.memory / 1e9
    return Needs(
        mean_rate=mean,
        peak_rate=peak,
        workers=math.ceil(max(peak * took.worker_ms / 1000 / load.busy, peak * load.latency_s / load.max_calls)),
        apis=math.ceil(peak * took.api_ms / 1000 / load.busy),
        store_core=peak * took.store_ms / 1000,
        memory_gb=memory,
        machine_gb=memory * load.spare,
        disk_gb=3 * load.a_day * load.keep_days * took.file / 1e9,
        received_mb_s=peak * took.received / 1e6,
        sent_mb_s=peak * took.sent / 1e6,
    )


def between(short: Measured, long: Measured, text: float) -> Measured:
    """What a judgment of so many bytes of text takes, by a straight line through both."""
    share = (text - short.text) / (long.text - short.text)
    return Measured(*(low + share * (high - low) for low, high in zip(short, long, strict=True)))


# 30 November 2026, two virtual cores of a shared machine (x86-64, Python 3.11, Valkey 9.1): short texts, long ones, and
# short ones each in a job of its own. The sizes are those of packed judgments, the CPU that of before they were packed.
RECORDED = (
    Measured(400, 0.45, 0.01, 0.07, 1200, 1563, 1297, 298, 116, 98),
    Measured(8000, 0.605, 0.05, 0.0825, 4665, 5082, 4816, 3825, 125, 97),
    Measured(400, 1.86, 1.6, 0.71, 4355, 6189, 6268, 3133, 105, 98),
)
TEXT = 2_000.0  # of the tables: about 500 tokens
ASKED = (  # judgments a day, days that they are kept, whether each is a job of its own
    (1e6, 30.0, False),
    (1e6, 1.0, False),
    (1e6, 1.0, True),
    (1e8, 1.0, False),
    (1e8, 0.1, False),
    (1e8, 0.1, True),
)


def tables(short: Measured, long: Measured, alone: Measured) -> tuple[str, str]:
    """The tables of the page: what was measured, and what follows."""
    took = between(short, long, TEXT)
    return "\n".join(_measured(short, long, took, alone)), "\n".join(_needed(took, alone))


def _measured(short: Measured, long: Measured, took: Measured, alone: Measured) -> Iterator[str]:
    sizes = (f"{each.text:,.0f} bytes of text" for each in (short, long))
    titles = (*sizes, f"{took.text:,.0f}, between them", f"{alone.text:,.0f}, jobs of one item")
    yield f"| a judgment takes | {' | '.join(titles)} |"
    yield "|---|---|---|---|---|"
    for name, words, digits in (
        ("worker_ms", "a worker's CPU, ms", 2),
        ("api_ms", "an API's CPU, ms", 3),
        ("store_ms", "the store's CPU, ms", 3),
        ("memory", "the store's memory, bytes", 0),
        ("file", "its append-only file, bytes", 0),
        ("received", "received by the store, bytes", 0),
        ("sent", "sent by the store, bytes", 0),
        ("worker_mb", "memory of a worker after the work, MB", 0),
        ("api_mb", "memory of an API after the work, MB", 0),
    ):
        figures = (f"{getattr(each, name):,.{digits}f}" for each in (short, long, took, alone))
        yield f"| {words} | {' | '.join(figures)} |"


def _needed(took: Measured, alone: Measured) -> Iterator[str]:
    found = [needs(alone if is_alone else took, Load(a_day, days)) for a_day, days, is_alone in ASKED]
    titles = (
        f"{a_day / 1e6:.0f} M a day, kept {days:g} d{', jobs of one' * is_alone}" for a_day, days, is_alone in ASKED
    )
    yield f"| | {' | '.join(titles)} |"
    yield f"|---|{'---|' * len(ASKED)}"
    for name, words, digits in (
        ("mean_rate", "judgments a second, mean", 0),
        ("peak_rate", "the same at the peak", 0),
        ("workers", "workers", 0),
        ("apis", "API processes", 0),
        ("store_core", "the store's core, share at the peak", 2),
        ("memory_gb", "the store's data, GB", 1),
        ("machine_gb", "memory of its machine, GB", 0),
        ("disk_gb", "disk of its machine, GB", 0),
        ("received_mb_s", "received by the store at the peak, MB/s", 1),
        ("sent_mb_s", "sent by the store at the peak, MB/s", 1),
    ):
        yield f"| {words} | {' | '.join(f'{getattr(each, name):,.{digits}f}' for each in found)} |"


def _state(store: redis.Redis) -> dict[str, float]:
    info: dict[str, float] = store.info()  # type: ignore[assignment]
    names = ("used_memory", "aof_current_size", "total_net_input_bytes", "total_net_output_bytes")
    return {name: float(info[name]) for name in names}


def _submit(service: Service, items: int, text: int, *, alone: bool) -> None:
    """One job of so many items, or so many of one, once the store has all judgments."""
    run, random = time.time_ns(), Random(text)
    words = ["".join(random.choices(string.ascii_lowercase, k=random.randint(2, 8))) for _ in range(WORDS)]
    texts = (" ".join(random.choices(words, k=text // 6)) for _ in range(items))  # a word has 5 letters in the mean
    rows = ({"input": f"question {index} of {run}", "output": each} for index, each in enumerate(texts))
    lines = [msgspec.json.encode(row) + b"\n" for row in rows]
    headers = {"content-type": "application/x-ndjson"}
    contents = lines if alone else [b"".join(lines)]
    with (
        httpx.Client(base_url=service.url, headers=headers, timeout=120) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        sent = pool.map(lambda content: client.post("/v1/jobs", params=QUERY, content=content), contents)
        assert {response.status_code for response in sent} == {202}
    with redis.Redis.from_url(service.store_url) as store:
        while int(store.get(keys.PENDING) or 0):
            time.sleep(0.05)


def measured(items: int, text: int, *, alone: bool = False) -> Measured:
    """What a judgment takes, of items with so many bytes of text, each alone in its job or all in one."""
    with stub_at(0.05) as stub, service_for(stub, 256) as service:
        store = redis.Redis.from_url(service.store_url)
        _submit(service, 500, text, alone=alone)  # warm, and what is there once for all judgments
        cpu, before = {name: cpu_s(pid) for name, pid in service.pids.items()}, _state(store)
        _submit(service, items, text, alone=alone)
        time.sleep(1.5)  # what is written once a second is written
        spent = {name: (cpu_s(pid) - cpu[name]) / items * 1000 for name, pid in service.pids.items()}
        after = _state(store)
        grown = {name: (after[name] - before[name]) / items for name in after}
        return Measured(
            text=float(text),
            worker_ms=spent["worker"],
            api_ms=spent["API"],
            store_ms=spent["store"],
            memory=grown["used_memory"],
            file=grown["aof_current_size"],
            received=grown["total_net_input_bytes"],
            sent=grown["total_net_output_bytes"],
            worker_mb=memory_mb(service.worker),
            api_mb=memory_mb(service.api),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=4_000, help="of each of the two jobs that are measured")
    parser.add_argument("--recorded", action="store_true", help="take the figures of the page")
    options = parser.parse_args()
    if options.recorded:
        found = RECORDED
    else:
        found = (
            measured(options.items, 400),
            measured(options.items, 8_000),
            measured(options.items // 4, 400, alone=True),
        )
        print(*found, sep="\n", end="\n\n")
    print("\n\n".join(tables(*found)))
    for name, took in (("in large jobs", between(*found[:2], TEXT)), ("each in a job of its own", found[2])):
        print(f"\none primary bears {most_a_second(took, Load(0, 0).busy):,.0f} judgments a second {name}")


if __name__ == "__main__":
    main()
