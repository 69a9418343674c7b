"""`judged worker` as a process of its own, as a supervisor or an orchestrator starts it."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.launch.processes import Watched, watched
from tests.polling import LIMIT_S

CONFIG = """
[providers.openai]
base_url = "http://127.0.0.1:1/v1"
{rest}
"""


@contextmanager
def worker_with(folder: Path, rest: str) -> Iterator[Watched]:
    (folder / "judged.toml").write_text(CONFIG.format(rest=rest))
    environ = {"JUDGED_REDIS_URL": "redis://127.0.0.1:1"}
    with watched((sys.executable, "-m", "service.cli", "worker"), folder, environ) as running:
        yield running


def test_a_worker_whose_secret_is_missing_says_so_once_and_goes_on_when_it_is_there(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    with worker_with(tmp_path, f'api_key_file = "{secret}"') as running:
        running.until("waiting for it")
        assert running.printed.count(f"the file {secret} is empty or can't be read") == 1
        secret.write_text("a-key")
        running.until("waiting for the store")
        assert len(running.printed.splitlines()) == 3
        assert "a-key" not in running.printed


def test_while_it_waits_for_a_secret_it_stops_at_once(tmp_path: Path) -> None:
    with worker_with(tmp_path, 'api_key_env = "NOBODY_SETS_THIS"') as running:
        running.until("the variable NOBODY_SETS_THIS is not set")
        running.send(signal.SIGTERM)
        assert running.ends_with() == 0


def test_other_problems_of_the_configuration_end_it(tmp_path: Path) -> None:
    with worker_with(tmp_path, 'api_key_env = "NOBODY_SETS_THIS"\ntimeout_seconds = -1') as running:
        assert running.ends_with() == 2
        assert "timeout_seconds" in running.printed


def test_it_keeps_its_alive_file_young_even_while_it_waits_for_the_store(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    with worker_with(tmp_path, f'api_key_env = "HOME"\n[worker]\nalive_file = "{alive}"') as running:
        running.until("waiting for the store")
        alive.write_text("an older one")
        os.utime(alive, (0, 0))
        ends = time.monotonic() + LIMIT_S
        while alive.stat().st_mtime == 0:
            assert time.monotonic() < ends
            time.sleep(0.1)
