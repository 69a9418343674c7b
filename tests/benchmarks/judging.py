"""What a judgment costs, and how long people wait: `python -m tests.benchmarks.judging`

Prints one row each for: the rate beside a bare aiohttp loop and the CPU of each process (see `processes.py`), the
waiting for a job of one item on an idle system and behind a large job, the answer to the cancellation of that job, the
CPU of the idle processes, and their memory. Times and CPU depend on what else the machine does: its load is printed.

The rate is printed twice. On shared cores, the stub, the store, the API and this program take time from the worker, but
only the stub from the bare loop. Then the worker, and in its turn the bare loop, has a core of its own, and all else
the others. The row of shares tells how much of a core each had: if that was little, other work kept it from its core.
On a whole core it would judge about as many a second as it judged for a second of CPU.
"""

import argparse
import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import httpx
import msgspec

from tests.benchmarks.processes import Service, bare_loop, cpu_s, judge, posted, service_for, stub_at
from tests.benchmarks.rows import Goal, Row, show


class Sizes(NamedTuple):
    """How much is measured.

    Pairs of a job and a bare loop, the items of each such job, calls in flight, the stub's delay in seconds, jobs of
    one item, items of the large job, and seconds for which idle processes are watched.
    """

    pairs: int = 5
    items: int = 10_000
    calls: int = 256
    delay: float = 0.05
    lone: int = 50
    large: int = 100_000
    idle: float = 20.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, usual in Sizes()._asdict().items():
        parser.add_argument(f"--{name}", type=type(usual), default=usual)
    show(judging_rows(Sizes(**vars(parser.parse_args()))))


def judging_rows(sizes: Sizes) -> Iterator[Row]:
    first, *others = sorted(os.sched_getaffinity(0))
    with stub_at(sizes.delay) as stub, service_for(stub, sizes.calls) as service:
        yield Row("load of the machine", f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        yield _idle(service, sizes.idle, "before any work")
        yield from _rate(service, stub, sizes, "on shared cores", {first, *others})
        with httpx.Client(base_url=service.url, timeout=300) as client:  # its start takes longer than the service
            yield from _lone_jobs(client, stub, sizes)
            yield from _large(client, sizes)
        yield _idle(service, sizes.idle, "after the work")
        memory = {name: memory_mb(pid) for name, pid in service.pids.items()}
        yield Row("memory of the worker", f"{memory['worker']:.0f} MB", Goal(memory["worker"], 80, " MB"))
        yield Row("memory of the API", f"{memory['API']:.0f} MB", Goal(memory["API"], 120, " MB"))
    if others:
        with _on(set(others)), stub_at(sizes.delay) as stub, service_for(stub, sizes.calls) as service:
            for thread in Path(f"/proc/{service.worker}/task").iterdir():
                os.sched_setaffinity(int(thread.name), {first})
            yield from _rate(service, stub, sizes, "on a core of its own", {first})
    yield Row("load of the machine", f"{os.getloadavg()[0]:.1f}")


@contextlib.contextmanager
def _on(cores: set[int]) -> Iterator[None]:
    """Keeps this process, and those that it starts meanwhile, on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _rate(service: Service, stub: str, sizes: Sizes, where: str, bare_cores: set[int]) -> Iterator[Row]:
    judge(service.url, service.worker, 2 * sizes.calls)  # warm
    ours, theirs = [], []
    before = {name: cpu_s(pid) for name, pid in service.pids.items()}
    for _ in range(sizes.pairs):
        ours.append(judge(service.url, service.worker, sizes.items))
        with _on(bare_cores):
            theirs.append(bare_loop(stub, sizes.items, sizes.calls))
    spent = {name: (cpu_s(pid) - before[name]) / sizes.pairs / sizes.items * 1000 for name, pid in service.pids.items()}
    rates = [mine.per_second / other.per_second for mine, other in zip(ours, theirs, strict=True)]
    costs = [mine.cpu_ms / other.cpu_ms for mine, other in zip(ours, theirs, strict=True)]
    speed, cpu = median(each.per_second for each in ours), median(each.cpu_ms for each in ours)
    yield Row(
        f"judgments a second, {where}",
        f"{speed:.0f}, {_spread(rates)} of a bare loop's",
        Goal(median(rates), 1.0, at_least=True),
    )
    yield Row(
        "worker's CPU a judgment", f"{cpu:.2f} ms, {_spread(costs)} times a bare loop's", Goal(median(costs), 1.0)
    )
    shares = [median(each.cpu_ms * each.per_second / 1000 for each in runs) for runs in (ours, theirs)]
    yield Row("share of a core in use", f"worker {shares[0]:.0%}, bare loop {shares[1]:.0%}")
    for_cpu = [median(1000 / each.cpu_ms for each in runs) for runs in (ours, theirs)]
    yield Row("judgments for a second of CPU", f"worker {for_cpu[0]:.0f}, bare loop {for_cpu[1]:.0f}")
    yield Row("CPU a judgment of each process", ", ".join(f"{name} {ms:.3f} ms" for name, ms in spent.items()))


def _spread(ratios: list[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _lone_jobs(client: httpx.Client, stub: str, sizes: Sizes) -> Iterator[Row]:
    """Each in turn with a call of the model by the same client, as someone would make it who needs no service."""
    waits, calls = zip(*((_lone(client), _called(client, stub)) for _ in range(sizes.lone)), strict=True)
    over = [wait - sizes.delay for wait in waits]
    yield Row("a lone job, over the model's time", _waits(over), Goal(median(over) * 1000, 8, " ms"))
    over = [wait - call for wait, call in zip(waits, calls, strict=True)]
    yield Row("the same, over a call by the same client", _waits(over))


def _called(client: httpx.Client, stub: str) -> float:
    """The seconds that a call of the model takes."""
    body = {"model": "model", "messages": [{"role": "user", "content": f"question {time.time_ns()} " * 40}]}
    began = time.perf_counter()
    client.post(f"{stub}/chat/completions", json=body).raise_for_status()
    return time.perf_counter() - began


def _lone(client: httpx.Client) -> float:
    """The seconds from the POST of a job of one item to its result."""
    item = msgspec.json.encode({"input": f"question {time.time_ns()}", "output": "answer " * 20})
    began = time.perf_counter()
    response = posted(client, item, prefer="wait=60")
    took = time.perf_counter() - began
    assert response.status_code == 200, response.text
    return took


def _waits(seconds: list[float]) -> str:
    return f"median {median(seconds) * 1000:.1f} ms, 9 of 10 within {quantiles(seconds, n=10)[-1] * 1000:.1f} ms"


def _large(client: httpx.Client, sizes: Sizes) -> Iterator[Row]:
    run = time.time_ns()
    lines = b"".join(
        msgspec.json.encode({"input": f"question {index} of {run}", "output": f"answer {index} " * 20}) + b"\n"
        for index in range(sizes.large)
    )
    began = time.perf_counter()
    location = posted(client, lines).headers["location"]
    yield Row(f"intake of {sizes.large:,} items", f"{time.perf_counter() - began:.1f} s")
    waits = [_lone(client) - sizes.delay for _ in range(5)]
    yield Row("a lone job behind them", _waits(waits), Goal(median(waits), 1, " s"))
    began = time.perf_counter()
    response = client.delete(location)
    took = time.perf_counter() - began
    yield Row("the answer to their cancellation", f"{took:.2f} s, {response.json()['counts']}", Goal(took, 1, " s"))
    while client.get(location, params={"wait": 30}).json()["counts"]["pending"]:
        pass


def _idle(service: Service, seconds: float, when: str) -> Row:
    """The CPU of each process while nothing is to be done, in per cent of a core."""
    time.sleep(2.0)  # what is written once a second is written
    before = {name: cpu_s(pid) for name, pid in service.pids.items()}
    time.sleep(seconds)
    used = {name: (cpu_s(pid) - before[name]) / seconds for name, pid in service.pids.items()}
    figures = ", ".join(f"{name} {share:.2%}" for name, share in used.items())
    return Row(f"idle CPU {when}", figures, Goal(max(used.values()) * 100, 0.3, "%"))


def memory_mb(pid: int) -> float:
    """The resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no memory")


if __name__ == "__main__":
    main()
