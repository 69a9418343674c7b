"""`judged api`: its refusals."""

import socket
import sys
from pathlib import Path

import pytest

from service.cli.main import main
from tests.launch.processes import watched

Captured = pytest.CaptureFixture[str]


def test_api_needs_a_store(capsys: Captured) -> None:
    assert main(["api"]) == 2
    assert "JUDGED_REDIS_URL" in capsys.readouterr().err


def test_api_says_that_the_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        environ = {"JUDGED_REDIS_URL": "redis://127.0.0.1:1", "JUDGED_PORT": port}
        with watched((sys.executable, "-m", "service.cli", "api"), tmp_path, environ) as running:
            assert running.ends_with() == 2
    assert running.printed == (
        f"port {port} on 127.0.0.1 is taken: stop what listens there, or choose another (--port or JUDGED_PORT)\n"
    )
