"""`judged worker`: it becomes the worker, with the settings that were named."""

import sys
from pathlib import Path

from tests.launch.processes import watched


def test_worker_reads_the_settings_that_are_named(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[log]\nlevel = 'loud'\n")
    argv = (sys.executable, "-m", "service.cli", "worker", "--config", "mine.toml")
    with watched(argv, tmp_path) as running:
        assert running.ends_with() == 2
    assert "log.level" in running.printed
