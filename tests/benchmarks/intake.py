"""The slowest `/healthz` beside large requests, and the memory of the API: `python -m tests.benchmarks.intake`

Each request goes to a new API process on a real store, while another client asks `/healthz` every 20 ms. The contract
is an answer within a second, and the goal for the upload of 100,000 items is 120 MB in all.
"""

import argparse
import asyncio
import http.client
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from service.launch import embedded_store
from tests.benchmarks.processes import free_port, process

JSON, NDJSON, CSV, FORM = "application/json", "application/x-ndjson", "text/csv", "application/x-www-form-urlencoded"
JOBS, LINES = "/v1/jobs", "/v1/jobs?judge=helpfulness&models=control/length"
EVERY_S = 0.02
LIMIT_S = 120.0
HEADER = b"input,output,human.wit.0\n"


class Sent(NamedTuple):
    """A request."""

    method: str
    path: str
    media_type: str
    body: bytes


def job(items: bytes) -> Sent:
    return Sent("POST", JOBS, JSON, b'{"judge":"helpfulness","models":["control/length"],"items":[' + items + b"]}")


def lines(body: bytes) -> Sent:
    return Sent("POST", LINES, NDJSON, body)


def table(body: bytes) -> Sent:
    return Sent("PUT", "/v1/datasets/d", CSV, body)


def asked(method: str, path: str, /, **fields: object) -> Sent:
    return Sent(method, path, JSON, msgspec.json.encode(fields))


def labels(count: int) -> list[dict[str, object]]:
    return [{"item_id": f"i{n}", "criterion": "wit", "annotator": "ann", "score": 3} for n in range(count)]


def choices(aliases: int) -> list[dict[str, object]]:
    return [{"label": f"label {n}", "aliases": [f"alias {n} {m}" for m in range(aliases)]} for n in range(1000)]


def judge(size: int) -> dict[str, object]:
    """A judge with a definition of nearly so many bytes."""
    examples = [{"output": "word " * (size // 300), "label": "label 1"}] * 50
    return {
        "criterion": "c",
        "method": "category",
        "instructions": "?",
        "choices": [*choices(0)],
        "examples": examples,
        "models": ["control/length"],
    }


def form(path: str, **fields: str) -> Sent:
    return Sent("POST", path, FORM, urlencode(fields).encode())


PROSE = "I would say that 3 of the 10 claims hold, so it is no 5. Score: maybe 4, or label 17, or label 23?\n"
REQUESTS: dict[str, Callable[[], Sent]] = {
    "100,000 items as NDJSON, 30 MB": lambda: lines(
        b"".join(
            b'{"id":"i%d","input":"question %d","output":"%s"}\n' % (n, n, b"answer " * 35) for n in range(100_000)
        )
    ),
    "100,000 items as NDJSON, 200 MB": lambda: lines(
        b"".join(b'{"id":"i%d","output":"%s"}\n' % (n, b"answer " * 285) for n in range(100_000))
    ),
    "60 lines of 9 MB": lambda: lines(b'{"output":"%s"}\n' % (b"x" * 9_000_000) * 60),
    "20 MB of line ends": lambda: lines(b"\n" * 20_000_000),
    "300,000 bad lines": lambda: lines(b'{"output": 1, "nope": 2}\n' * 300_000),
    "100,000 rows of CSV": lambda: table(
        HEADER + b"".join(b"question %d,an answer,3\n" % number for number in range(100_000))
    ),
    "a header of CSV of 9 MB": lambda: table(b",".join(b"metadata.%d" % number for number in range(500_000)) + b"\n"),
    "1,000,000 rows that end with CR": lambda: table(b"input,human.wit.0\r" + b"a,3\r" * 1_000_000),
    "64 MB of JSON, 100,000 items": lambda: job(b",".join([b'{"output":"%s"}' % (b"x" * 640)] * 100_000)),
    "64 MB of JSON, one text": lambda: job(b'{"output":"%s"}' % (b"x" * 64_000_000)),
    "60 MB of JSON, tiny items": lambda: job(b",".join([b'{"output":"x"}'] * 4_000_000)),
    "60 MB of JSON, empty lists": lambda: job(b'{"output":"x","metadata":{"a":[%s[]]}}' % (b"[]," * 19_999_999)),
    "50 MB of JSON, one wide object": lambda: job(
        b'{"output":"x","metadata":{%s}}' % b",".join(b'"k%d":1' % number for number in range(4_000_000))
    ),
    "60 MB of JSON, open brackets": lambda: Sent("POST", JOBS, JSON, b"[" * 60_000_000),
    "20,000 labels": lambda: Sent(
        "POST", "/v1/labels", NDJSON, b"".join(msgspec.json.encode(each) + b"\n" for each in labels(20_000))
    ),
    "100,000 labels as JSON": lambda: asked("POST", "/v1/labels", labels=labels(100_000)),
    "2,000,000 aliases": lambda: Sent(
        "PUT",
        "/v1/judges/c",
        JSON,
        b'{"criterion":"c","method":"category","instructions":"?","choices":[{"label":"a","aliases":[%s]}]}'
        % b",".join(b'"l%d"' % number for number in range(2_000_000)),
    ),
    "1,000 texts of 60 KB to parse": lambda: asked("POST", "/v1/parse", method="rating", texts=[PROSE * 600] * 1000),
    "a text of 60 MB to parse": lambda: asked("POST", "/v1/parse", method="rating", texts=[PROSE * 600_000]),
    "1,000 labels in 1,000 texts": lambda: asked(
        "POST", "/v1/parse", method="category", choices=choices(0), texts=[PROSE * 100] * 1000
    ),
    "1,000,000 pairs": lambda: asked("POST", "/v1/statistics", values=[1, 2, 3], pairs=[[1, 2], [3, 3]] * 500_000),
    "1,000,000 votes": lambda: asked(
        "POST", "/v1/arena/ratings", votes=[[f"a/{n % 400}", f"a/{n * 7 % 400 + 1}", "A"] for n in range(1_000_000)]
    ),
    "a battle over 9 MB": lambda: asked(
        "POST",
        "/v1/arena/battles",
        judge="helpfulness",
        models=["control/length", "control/overlap"],
        item={"output": PROSE * 95_000},
    ),
    "a preview of 9 MB": lambda: asked(
        "POST", "/v1/judges/helpfulness/preview", models=["control/length"], item={"output": PROSE * 95_000}
    ),
    "a judge of 4 MB": lambda: asked("PUT", "/v1/judges/c", **judge(3_900_000)),
    "a judge of 4 MB in a job": lambda: asked("POST", JOBS, judge=judge(3_900_000), items=[{"output": "x"}]),
    "20 judges of 3 MB in a job": lambda: asked(
        "POST", JOBS, judge=[judge(3_000_000) | {"criterion": f"c{n}"} for n in range(20)], items=[{"output": "x"}]
    ),
    "1,000 anchors of 60 KB": lambda: asked(
        "PUT",
        "/v1/anchors/helpfulness",
        items=[{"id": f"i{n}", "output": PROSE * 600, "metadata": {"a": [1] * 100}} for n in range(1000)],
    ),
    "a form of 4 MB": lambda: form(
        "/try/preview", criterion="c", method="rating", instructions="?", models="control/length", output="é " * 550_000
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("requests", nargs="*", help="the beginnings of the names of the requests to send; all if none")
    wanted = tuple(parser.parse_args().requests)
    print(f"{'request':<34}{'status':>7}{'seconds':>9}{'slowest /healthz':>18}{'memory at most':>16}")
    for name, make in REQUESTS.items():
        if not wanted or name.startswith(wanted):
            with _api() as (port, pid):
                status, seconds, slowest = _beside(port, make())
                print(
                    f"{name:<34}{status:>7}{seconds:>9.2f}{slowest * 1000:>15.0f} ms{_peak_mb(pid):>13.0f} MB",
                    flush=True,
                )


@contextmanager
def _api() -> Iterator[tuple[int, int]]:
    """The port and the process id of an API on a store of its own."""
    with tempfile.TemporaryDirectory() as folder, embedded_store.socket_for(Path(folder)) as socket:
        store, port = embedded_store.Store(embedded_store.find_binary(None), Path(folder), socket), free_port()
        environ = {"JUDGED_REDIS_URL": store.url, "JUDGED_LOG_LEVEL": "error", "JUDGED_PORT": str(port)}
        with process(*embedded_store.store_command(store)):
            asyncio.run(embedded_store.wait_until_ready(socket))
            with process(sys.executable, "-m", "service.cli", "api", **environ) as api:
                while True:
                    with suppress(OSError):
                        _ask(http.client.HTTPConnection("127.0.0.1", port), "GET", "/healthz")
                        break
                    time.sleep(0.05)
                yield port, api.pid


def _ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"", form: str = JSON) -> int:
    connection.request(method, path, body=body, headers={"Content-Type": form})
    response = connection.getresponse()
    response.read()
    return response.status


def _beside(port: int, sent: Sent) -> tuple[int, float, float]:
    """The status of a request (0 if it was refused before it was read), its seconds, and those of `/healthz`."""
    statuses = [0]

    def send() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
        with suppress(OSError, http.client.HTTPException):
            statuses[0] = _ask(connection, sent.method, sent.path, sent.body, sent.media_type)

    sending = threading.Thread(target=send)
    watching = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    began, slowest = time.monotonic(), 0.0
    sending.start()
    while sending.is_alive():
        asked = time.monotonic()
        _ask(watching, "GET", "/healthz")
        slowest = max(slowest, time.monotonic() - asked)
        time.sleep(EVERY_S)
    return statuses[0], time.monotonic() - began, slowest


def _peak_mb(pid: int) -> float:
    """The most memory that a process has held."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    main()
