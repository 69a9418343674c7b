"""A store for tests and benchmarks: the embedded Valkey, or the server that JUDGED_TEST_STORE names."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from service.launch import embedded_store


class RunningStore(NamedTuple):
    """The store's URL and its process id."""

    url: str
    pid: int


@contextmanager
def running_store() -> Iterator[RunningStore]:
    """Runs a store whose data are removed in the end."""
    binary = embedded_store.find_binary(os.environ.get("JUDGED_TEST_STORE"))
    with tempfile.TemporaryDirectory() as folder, embedded_store.socket_for(Path(folder)) as socket:
        store = embedded_store.Store(binary, Path(folder), socket)
        with subprocess.Popen(embedded_store.store_command(store), stdout=subprocess.DEVNULL) as process:
            try:
                asyncio.run(embedded_store.wait_until_ready(socket))
                yield RunningStore(store.url, process.pid)
            finally:
                process.terminate()
