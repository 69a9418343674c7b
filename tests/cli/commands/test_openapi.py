"""`judged openapi`: the document of the API."""

import json

import pytest

from service.cli.main import main


def test_openapi_prints_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openapi"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["openapi"].startswith("3.1")
    assert "/v1/jobs" in document["paths"]
