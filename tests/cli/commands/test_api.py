"""`judged api`: its refusals."""

import pytest

from service.cli.main import main

Captured = pytest.CaptureFixture[str]


def test_api_needs_a_store(capsys: Captured) -> None:
    assert main(["api"]) == 2
    assert "JUDGED_REDIS_URL" in capsys.readouterr().err
