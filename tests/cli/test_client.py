"""The client that the commands share."""

import argparse
import json
from pathlib import Path

import pytest

from service.cli.client import Client, ClientError, FaultyPlace
from service.cli.main import main
from tests.cli.stub_api import JobApi, ScriptedApi, served


def test_no_proxy_stands_between_a_command_and_this_machine(
    job_api: JobApi, items: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert main(["score", items, "--judge", "politeness", "--url", job_api.url]) == 0
    assert main(["score", items, "--judge", "politeness", "--url", job_api.url.replace("127.0.0.1", "localhost")]) == 0
    assert main(["score", items, "--judge", "politeness", "--url", "http://judged.invalid"]) == 2


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "ftp://proxy", "::::"])
def test_a_proxy_that_can_not_be_used_is_named_and_is_nothing_to_this_machine(
    proxy: str, job_api: JobApi, items: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    monkeypatch.setenv("NO_PROXY", "http://[::1")
    assert main(["score", items, "--judge", "politeness", "--url", job_api.url]) == 0
    capsys.readouterr()
    assert main(["jobs", "--url", "http://judged.invalid"]) == 2
    assert "ALL_PROXY" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "judged", "ftp://judged", "http://", "http://[::1"])
def test_an_address_that_is_none_is_said_to_be_none(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "--url", url]) == 2
    assert f"the address {url.rstrip('/')} (--url or JUDGED_URL)" in capsys.readouterr().err


def test_a_key_that_is_none_and_missing_authorities_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["jobs", "--key", "kü"]) == 2
    assert "--key or JUDGED_API_KEY" in capsys.readouterr().err
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/own.pem")
    assert main(["jobs", "--key", "k"]) == 2
    assert "SSL_CERT_FILE" in capsys.readouterr().err


def test_the_address_and_the_key_come_from_the_environment(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGED_URL", f"{api.url}/")
    monkeypatch.setenv("JUDGED_API_KEY", "k")
    api.answers["/v1/agreement"] = [(200, {"pairs": 1})]
    with Client.from_options(argparse.Namespace(url=None, key=None)) as client:
        assert client.agreement({"judge": "wit"}) == {"pairs": 1}
    assert api.asked[0].headers["Authorization"] == "Bearer k"


def test_refused_places_are_named_by_the_lines_of_the_file() -> None:
    places = [FaultyPlace("/items/1/output", "is missing"), FaultyPlace("/labels/0", "odd"), FaultyPlace("/x", "y")]
    error = ClientError(["refused"], status=400, places=places)
    assert error.lines_in_file([2, 5]) == ["line 5: output: is missing", "line 2: odd", "/x: y"]
    assert ClientError(["refused"]).lines_in_file([2]) == ["refused"]


def test_another_service_at_the_address_is_noticed() -> None:
    with (
        served(lambda asked: (200, b"<html>")) as url,
        Client(url, None) as client,
        pytest.raises(ClientError) as raised,
    ):
        client.estimates({})
    assert "is it a judged service?" in raised.value.lines[0]


def test_a_service_that_never_answered_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    Path("labels.csv").write_text("item_id,criterion,annotator,score\na,c,p,1\n")
    with served(lambda asked: (200, b"{}")) as url:
        pass  # nobody listens there any more
    assert main(["import", "labels.csv", "--url", url]) == 2
    told = capsys.readouterr().err
    assert "can't be reached" in told
    assert "tried again" not in told


def test_a_service_that_is_away_for_a_moment_is_waited_for_and_said_to_be_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("service.cli.client._OUTAGE_PAUSE_S", 0.0)
    away = json.dumps({"detail": "the store is unavailable"}).encode()
    answers = [(503, away), (503, away), (200, b'{"id": "i"}')]
    with served(lambda asked: answers.pop(0)) as url, Client(url, None) as client:
        assert client.item("i") == {"id": "i"}
    assert capsys.readouterr().err == "refused (503): the store is unavailable (tried again for up to 60 s)\n"


def test_a_refused_key_is_told_by_the_names_that_a_command_has_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    with served(lambda asked: (401, json.dumps({"detail": "send a valid API key"}).encode())) as url:
        assert main(["jobs", "--url", url]) == 2
    assert capsys.readouterr().err == "refused (401): send a valid API key: --key or JUDGED_API_KEY\n"
