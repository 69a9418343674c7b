"""Every test of the command runs in an empty folder, with nothing configured."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.stub_api import JobApi, ScriptedApi, served
from tests.cli.surroundings import logging_as_before, nothing_configured

__all__ = ["logging_as_before", "nothing_configured"]


@pytest.fixture
def job_api() -> Iterator[JobApi]:
    known = JobApi()
    with served(known.answer) as known.url:
        yield known


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    known = ScriptedApi()
    with served(known.answer) as known.url:
        yield known


@pytest.fixture
def items(tmp_path: Path) -> str:
    path = tmp_path / "items.jsonl"
    path.write_text('{"id": "i0", "output": "Thanks!"}\n{"id": "i1", "output": "No."}\n')
    return str(path)
