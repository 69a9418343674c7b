"""The memory of `judged up`, and the store's for each judgment: `python -m tests.benchmarks.memory`

Everything runs as `judged up` starts it, with one worker, on a stub that answers after half a second, so that 256 calls
are in flight. Resident memory is that of each process when all is idle, the most at work, and after it. Then 50,000
judgments are made on a new store: the bytes of each are all that the store's memory grew by, for the judgment, the
caller's texts, the answers kept for equal questions, and the counters. They are compared with the judgment's own JSON,
packed by gzip. With fewer judgments each takes more, since the label queue ends at 10,000 items.
"""

import contextlib
import gzip
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import httpx
import redis

from service.store import keys
from service.store.packing import packed_judgment, unpacked
from tests.benchmarks.judging import memory_mb
from tests.benchmarks.processes import Service, free_port, judge, process, service_for, stub_at, wait_until_ready
from tests.benchmarks.rows import Goal, Row, show

CALLS = 256
ITEMS = 10_000
STORED = 50_000
DELAY_S, SHORT_DELAY_S = 0.5, 0.05
SAMPLE = 1000  # judgments that are packed
KINDS = {
    "the judgment": keys.job("*:results:*"),
    "the item's record": keys.item("*"),
    "the answer kept for equal questions": keys.cached_vote("*"),
    "the label queue": keys.PREFIX + "to_label:*",
    "the items of jobs": keys.job("*:items:*"),
}
AT_ONCE = 1000  # keys
EVERY_S = 0.1
ROLES = {"worker": "-m worker", "API": "service.cli api", "store": "-server", "supervisor": "service.cli up"}


def main() -> None:
    show(memory_rows())


def memory_rows(items: int = ITEMS) -> Iterator[Row]:
    yield from _of_processes(items)
    yield from _of_judgments()


def _of_processes(items: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, stub_at(DELAY_S) as stub:
        port = free_port()
        environ = {
            "JUDGED_PROVIDERS": f'{{"stub": {{"kind": "openai", "base_url": "{stub}"}}}}',
            "JUDGED_LOG_LEVEL": "error",
        }
        command = (sys.executable, "-m", "service.cli", "up", "--port", str(port), "--data", folder)
        with process(*command, **environ) as running:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(url)
            pids = dict(_roles(running.pid))
            idle = _memory(pids)
            yield Row("memory when idle", _words(idle), Goal(sum(idle.values()), 250, " MB"))
            with _watched(pids) as most:
                judge(url, pids["worker"], items)
            of_worker = most["worker"]
            yield Row(f"the worker's, {CALLS} calls in flight", f"{of_worker:.0f} MB", Goal(of_worker, 80, " MB"))
            after = _memory(pids)
            yield Row(f"memory after {items:,} judgments", _words(after), Goal(sum(after.values()), 250, " MB"))


def _roles(supervisor: int) -> Iterator[tuple[str, int]]:
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text()
    for pid in (supervisor, *map(int, children.split())):
        command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        yield next(role for role, sign in ROLES.items() if sign in command), pid


def _memory(pids: Mapping[str, int]) -> dict[str, float]:
    return {role: memory_mb(pid) for role, pid in pids.items()}


def _words(memory: Mapping[str, float]) -> str:
    each = ", ".join(f"{role} {size:.0f}" for role, size in memory.items())
    return f"{sum(memory.values()):.0f} MB: {each}"


@contextlib.contextmanager
def _watched(pids: Mapping[str, int]) -> Iterator[dict[str, float]]:
    """Notes the most memory of each process while the block runs."""
    most, over = _memory(pids), threading.Event()

    def watch() -> None:
        while not over.wait(EVERY_S):
            most.update({role: max(most[role], size) for role, size in _memory(pids).items()})

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield most
    finally:
        over.set()
        watching.join()


def _of_judgments() -> Iterator[Row]:
    with stub_at(SHORT_DELAY_S) as stub, service_for(stub, CALLS) as service:
        store = redis.Redis.from_url(service.store_url)
        judge(service.url, service.worker, 2 * CALLS)
        before = _used(store)
        judge(service.url, service.worker, STORED)
        grown = (_used(store) - before) / STORED
        judgments = _judgments(service)
        sizes = {kind: _bytes_of(store, pattern) / (STORED + 2 * CALLS) for kind, pattern in KINDS.items()}
        store.close()
    alone, packed = mean(map(len, judgments)), mean(len(gzip.compress(each)) for each in judgments)
    yield Row(
        "the store's bytes a judgment",
        f"{grown:.0f}, {grown / packed:.2f} times its JSON of {alone:.0f} bytes packed alone to {packed:.0f}",
        Goal(grown / packed, 1.3),
    )
    yield Row("of these", ", ".join(f"{kind} {size:.0f}" for kind, size in sizes.items()))
    costs = (f"{name} {_cpu_us(each):.0f} us" for name, each in _packing(judgments))
    yield Row("CPU for one", ", ".join(costs))


def _bytes_of(store: "redis.Redis", pattern: str) -> int:
    """The memory of all keys of a pattern, without their places in the store's tables of keys and of expiries."""
    names, size = list(store.scan_iter(pattern, count=AT_ONCE)), 0
    for start in range(0, len(names), AT_ONCE):
        pipe = store.pipeline(transaction=False)
        for name in names[start : start + AT_ONCE]:
            pipe.memory_usage(name, samples=0)
        size += sum(pipe.execute())
    return size


def _used(store: "redis.Redis") -> int:
    time.sleep(1.0)  # what is written once a second is written
    found: dict[str, Any] = store.info("memory")  # type: ignore[assignment]
    return int(found["used_memory"])


def _judgments(service: Service) -> list[bytes]:
    with httpx.Client(base_url=service.url, timeout=60) as client:
        newest = client.get("/v1/jobs", params={"limit": 1}).raise_for_status().json()["jobs"][0]["id"]
        accept = {"accept": "application/x-ndjson"}
        found = client.get(f"/v1/jobs/{newest}/judgments", headers=accept).raise_for_status().content
    return found.splitlines()[:SAMPLE]


def _packing(judgments: Sequence[bytes]) -> Iterator[tuple[str, Iterable[bytes]]]:
    """What packs, and what unpacks, each judgment as it is drawn."""
    stored = [packed_judgment(each) for each in judgments]
    yield "to pack", (packed_judgment(each) for each in judgments)
    yield "to unpack", (unpacked(each, "it") for each in stored)


def _cpu_us(work: Iterable[bytes]) -> float:
    """The CPU of each of them."""
    began = time.process_time()
    done = sum(1 for _ in work)
    return (time.process_time() - began) / done * 1e6


if __name__ == "__main__":
    main()
