"""A real store for the tests: the embedded Valkey, or the server that JUDGED_TEST_STORE names."""

import asyncio
import gc
import os
import subprocess
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from redis.asyncio import Redis

from service.launch import embedded_store
from service.store.connection import connect

# A busy machine is no failure, and everybody's tests draw the same cases; HYPOTHESIS_PROFILE=explore draws new ones.
settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", settings.get_profile("same"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

DATA = Path(os.environ.get("JUDGED_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """The garbage collector rests meanwhile, and passes over the million objects that are there afterwards."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)  # after those that leave tests out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests with a longer timeout than others begin first, dealt out to all processes: at the end they would keep one
    process busy beside idle ones. (pytest-xdist gives each process an equal part of the tests, one after the other.)
    """
    usual = float(config.getini("timeout") or 0)
    marks = {item: item.get_closest_marker("timeout") for item in items}
    limits = {item: float(mark.args[0]) for item, mark in marks.items() if mark is not None}
    long = sorted((item for item in items if limits.get(item, 0) > usual), key=lambda item: -limits[item])
    others = [item for item in items if limits.get(item, 0) <= usual]
    parts = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ends = [len(others) * part // parts for part in range(parts + 1)]
    items[:] = [item for part in range(parts) for item in long[part::parts] + others[ends[part] : ends[part + 1]]]


@pytest.fixture(scope="session")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running store's URL; one store for all tests of a process."""
    data = tmp_path_factory.mktemp("store")
    binary = embedded_store.find_binary(os.environ.get("JUDGED_TEST_STORE"))
    with embedded_store.socket_for(data) as socket:
        store = embedded_store.Store(binary, data, socket)
        process = subprocess.Popen(embedded_store.store_command(store), stdout=subprocess.DEVNULL)
        try:
            asyncio.run(embedded_store.wait_until_ready(socket))
            yield store.url
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
async def redis(store_url: str) -> AsyncIterator[Redis]:
    """A client of an empty store."""
    client = connect(store_url, retries=1, max_connections=8)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with real human ratings and raw judge texts; skips where it is not there."""
    if not DATA.is_dir():
        pytest.skip(f"no real ratings and judge texts at {DATA} (JUDGED_TEST_DATA names another place)")
    return DATA
