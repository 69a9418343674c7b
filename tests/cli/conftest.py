"""Every test of the command runs in an empty folder, with nothing configured."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("JUDGED_URL", "JUDGED_API_KEY", "JUDGED_CONFIG"):
        monkeypatch.delenv(name, raising=False)
