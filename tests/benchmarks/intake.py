"""The slowest `/healthz` beside large requests, and the memory of the API: `python -m tests.benchmarks.intake`

Each request goes to a new API process on a real store, while another client asks `/healthz` every 20 ms. The contract
is an answer within a second, and the goal for the upload of 100,000 items is 120 MB in all.
"""

import argparse
import http.client
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.benchmarks.processes import free_port, process
from tests.large_requests import JSON, LARGE, Sent
from tests.stores import running_store

EVERY_S = 0.02
LIMIT_S = 120.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("requests", nargs="*", help="the beginnings of the names of the requests to send; all if none")
    wanted = tuple(parser.parse_args().requests)
    print(f"{'request':<34}{'status':>7}{'seconds':>9}{'slowest /healthz':>18}{'memory at most':>16}")
    for name, make in LARGE.items():
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
    with running_store() as store:
        port = free_port()
        environ = {"JUDGED_REDIS_URL": store.url, "JUDGED_LOG_LEVEL": "error", "JUDGED_PORT": str(port)}
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
