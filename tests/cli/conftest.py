"""Every test of the command runs in an empty folder, with nothing configured."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.stub_api import JobApi, ScriptedApi, served


@pytest.fixture(scope="module", autouse=True)
def logging_as_before() -> Iterator[None]:
    """An application that is made here configures the root logger, whose lines must not reach later tests."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in [each for each in root.handlers if each not in handlers]:
        root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(autouse=True)
def nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("JUDGED_URL", "JUDGED_API_KEY", "JUDGED_CONFIG"):
        monkeypatch.delenv(name, raising=False)


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
