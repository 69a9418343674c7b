"""What all tests have: a real store, and the same drawn cases each time."""

import gc
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import genai_prices  # noqa: F401 - list prices are then looked up in this process, and not in a new one for each model
import pytest
from hypothesis import HealthCheck, settings
from redis.asyncio import Redis

from service.garbage import collect_less
from service.store.connection import connect
from tests.stores import running_store

# A busy machine is no failure, and everybody's tests draw the same cases; HYPOTHESIS_PROFILE=explore draws new ones,
# twice as many.
settings.register_profile(
    "same", max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", settings.get_profile("same"), max_examples=100, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

gc.disable()  # until all tests are collected: nothing of them is garbage
DATA = Path(os.environ.get("JUDGED_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The campaign, which takes minutes and mostly waits, begins first, beside all others."""
    items.sort(key=lambda item: "campaign" not in item.path.parts)


def pytest_collection_finish() -> None:
    """Eight thousand tests stay until the end: no collection of garbage needs to walk through them."""
    collect_less()
    gc.enable()


@pytest.fixture(scope="session")
def store_url() -> Iterator[str]:
    """A running store's URL; one store for all tests of a process."""
    with running_store() as store:
        yield store.url


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
