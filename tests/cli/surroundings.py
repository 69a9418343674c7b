"""A command in this process: in an empty folder, with nothing configured, and logging left as it was."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["logging_as_before", "nothing_configured"]


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
