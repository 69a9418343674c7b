"""Whether several workers keep their calls in flight: `python -m tests.benchmarks.workers`

Two and four workers, each with so many calls at once, on a stub that answers after half a second and after two. If
nothing holds them back, judgments a second are calls in flight over the model's time. The rate is the slope of the
times at which judgments were finished, without the first and the last tenth: the queue fills, and it runs empty. A bare
loop with as many calls, which runs right after, tells what the machine allows.
"""

import argparse
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import product
from statistics import linear_regression

import httpx
import msgspec

from tests.benchmarks.processes import bare_loop, judge, posted, service_for, stub_at
from tests.benchmarks.rows import Goal, Row, show

WORKERS, DELAYS_S = (2, 4), (0.5, 2.0)
CALLS = 64  # a worker
SECONDS = 16.0  # of work, if nothing holds it back
LEAST = 0.95


class _Finished(msgspec.Struct):
    finished_at: datetime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=CALLS, help="in flight at once in each worker")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of work, if nothing holds it back")
    options = parser.parse_args()
    show(worker_rows(options.calls, options.seconds))


def worker_rows(calls: int = CALLS, seconds: float = SECONDS) -> Iterator[Row]:
    for delay, workers in product(DELAYS_S, WORKERS):
        wanted = calls * workers / delay
        with stub_at(delay) as stub, service_for(stub, calls, workers) as service:
            judge(service.url, service.worker, 2 * calls * workers)  # connections are open, and modules loaded
            rate = _rate(service.url, round(wanted * seconds))
            bare = bare_loop(stub, round(wanted * seconds / 2), calls * workers).per_second
        yield Row(
            f"{workers} workers, {calls} calls each, of {delay:g} s",
            f"{rate:.0f} judgments a second, {rate / wanted:.0%} of {wanted:.0f}; a bare loop {bare / wanted:.0%}",
            Goal(rate / wanted, LEAST, at_least=True),
        )


def _rate(url: str, items: int) -> float:
    """Judgments a second of a job of so many items."""
    run = time.time_ns()
    lines = b"".join(b'{"input":"question %d of %d","output":"answer"}\n' % (index, run) for index in range(items))
    with httpx.Client(base_url=url, timeout=300) as client:
        path = posted(client, lines).raise_for_status().headers["location"]
        while client.get(path, params={"wait": 30}).json()["counts"]["pending"]:
            pass
        found = client.get(f"{path}/judgments", headers={"accept": "application/x-ndjson"}).raise_for_status()
    times = sorted(msgspec.json.decode(line, type=_Finished).finished_at.timestamp() for line in found.iter_lines())
    assert len(times) == items
    middle = range(items // 10, items - items // 10)
    return linear_regression([times[at] for at in middle], list(middle)).slope


if __name__ == "__main__":
    main()
