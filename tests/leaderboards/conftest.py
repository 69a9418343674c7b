"""Datasets and benchmarks without HTTP, on a real store."""

import pytest

from service.config.settings import Settings
from tests.flows.conftest import settings_for


@pytest.fixture
def settings(store_url: str) -> Settings:
    return settings_for(store_url, {"server": {"max_items": 50}})
