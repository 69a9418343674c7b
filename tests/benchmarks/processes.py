"""The service in processes of its own on a stub of a model, with jobs to measure, beside a bare aiohttp loop.

What counts is the ratio of the two: the machine is shared, and single figures drift.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from socket import create_server
from typing import NamedTuple

import httpx
import msgspec

from service.launch.interpreter import python_environ
from tests.stores import running_store
from tests.stubs.model_server import VERDICT

ROOT = Path(__file__).parents[2]
MODEL = "stub/model"
QUERY = {"judge": "helpfulness", "models": MODEL}


class Service(NamedTuple):
    """The API's URL, the process ids, and the store's URL."""

    url: str
    worker: int
    api: int
    store: int
    store_url: str

    @property
    def pids(self) -> dict[str, int]:
        """The process ids by the names that rows have."""
        return {"worker": self.worker, "API": self.api, "store": self.store}


class Run(NamedTuple):
    """Judgments a second, and the client's CPU milliseconds for each."""

    per_second: float
    cpu_ms: float


@contextlib.contextmanager
def process(*argv: str, **environ: str) -> "Iterator[subprocess.Popen[str]]":
    """Runs a command until the block ends, with the environment that `judged up` gives its processes."""
    process = subprocess.Popen(
        argv, cwd=ROOT, env=python_environ(os.environ) | environ, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        if process.stdout:
            process.stdout.close()


@contextlib.contextmanager
def stub_at(delay: float, text: str = VERDICT) -> Iterator[str]:
    """The base URL of a stub that answers everything with a text."""
    argv = (sys.executable, "-m", "tests.stubs.model_server", "--delay", str(delay), "--text", text)
    with process(*argv) as running:
        assert running.stdout is not None
        yield f"http://127.0.0.1:{int(running.stdout.readline())}/v1"


@contextlib.contextmanager
def service_for(stub: str, calls: int, workers: int = 1) -> Iterator[Service]:
    """Store, API and workers, each with so many calls in flight; `worker` of what it yields is the first one."""
    with running_store() as store, contextlib.ExitStack() as running:
        port = free_port()
        provider = {"kind": "openai", "base_url": stub, "max_concurrency": calls * workers}
        environ = {
            "JUDGED_REDIS_URL": store.url,
            "JUDGED_PROVIDERS": msgspec.json.encode({"stub": provider}).decode(),
            "JUDGED_PORT": str(port),
            "JUDGED_WORKER_MAX_CALLS": str(calls),
            "JUDGED_LOG_LEVEL": "warning",
        }
        api = running.enter_context(process(sys.executable, "-m", "service.cli", "api", **environ))
        command = (sys.executable, "-m", "worker")
        pids = [running.enter_context(process(*command, **environ)).pid for _ in range(workers)]
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, workers)
        yield Service(url, pids[0], api.pid, store.pid, store.url)


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until_ready(url: str, workers: int = 1) -> None:
    """Returns once the service and so many workers are there."""
    for _ in range(600):
        with contextlib.suppress(httpx.HTTPError):
            ready = httpx.get(f"{url}/readyz")
            if ready.status_code == 200 and ready.json()["workers"] >= workers:
                return
        time.sleep(0.05)
    raise SystemExit("the service did not come up")


def cpu_s(pid: int) -> float:
    """User and system seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def judge(url: str, worker: int, items: int) -> Run:
    """One job of so many items, from the POST until its last result."""
    run = time.time_ns()  # other texts each time: nothing comes from the cache
    lines = b"".join(
        msgspec.json.encode({"input": f"question {index} of {run}", "output": f"answer {index} " * 20}) + b"\n"
        for index in range(items)
    )
    cpu = cpu_s(worker)
    took = seconds_of_job(url, lines, items)
    return Run(items / took, (cpu_s(worker) - cpu) / items * 1000)


def seconds_of_job(url: str, lines: bytes, items: int) -> float:
    """The seconds from the POST of so many items until their last result, without those of making the client."""
    with httpx.Client(base_url=url, timeout=60) as client:
        began = time.perf_counter()
        response = posted(client, lines)
        response.raise_for_status()
        while (job := client.get(response.headers["location"], params={"wait": 30}).json())["counts"]["pending"]:
            pass
        took = time.perf_counter() - began
    assert job["counts"]["scored"] == items, job["counts"]
    return took


def posted(client: httpx.Client, lines: bytes, **headers: str) -> httpx.Response:
    """The answer to a job of these items."""
    headers = {"content-type": "application/x-ndjson", **headers}
    return client.post("/v1/jobs", params=QUERY, content=lines, headers=headers)


def bare_loop(stub: str, items: int, calls: int) -> Run:
    """The same calls in a bare aiohttp loop, in a process of its own."""
    argv = (sys.executable, "-m", "tests.benchmarks.bare_loop", stub, str(items), str(calls))
    out = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    seconds, cpu = map(float, out.split())
    return Run(items / seconds, cpu / items * 1000)
