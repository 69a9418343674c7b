"""The command as a whole: usage, help, version, the nearest known word."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import service
from service.cli.main import COMMANDS, main
from service.config.version import version
from tests.cli.stub_api import Asked, served

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["up", "--port", "x"], ["score"]])
def test_usage_ends_with_2(arguments: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scor", "items.jsonl"], "did you mean 'score'?"),
        (["--verson"], "did you mean '--version'?"),
        ([], "the following arguments are required: COMMAND"),
        (["score", "items.jsonl", "--judge", "j", "--modles", "a/b"], "did you mean '--models'?"),
        (["agreement", "j", "--selection", "randon"], "did you mean 'random'?"),
        (["--json", "jobs"], "--json stands after the command"),
        (["arena", "leaderbord"], "did you mean 'leaderboard'?"),
        (["arena", "vote", "--voter", "ann", "--criterium", "wit"], "did you mean '--criterion'?"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_nearest_known_one(
    arguments: list[str], said: str, capsys: Captured
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert said in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    "command", [*([each.name] for each in COMMANDS), ["arena", "vote"], ["arena", "leaderboard"]], ids=" ".join
)
def test_each_command_has_its_exit_codes_in_its_help(command: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert "Exit codes: 0 " in " ".join(capsys.readouterr().out.split())


def test_the_version_is_that_of_the_package(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("judged ")


def test_an_empty_id_or_file_is_named_as_such(capsys: Captured) -> None:
    for command in (["score", "", "--judge", "j"], ["bench", "", "--judge", "j"], ["import", ""]):
        assert main(command) == 2
        assert "the name of the file is empty" in capsys.readouterr().err
    for command in (["jobs", ""], ["judges", ""], ["jobs", "", "--cancel"]):
        assert main(command) == 2
        assert "a name or an id is empty" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["openapi"], ["check-config", "--example"]])
def test_a_reader_that_goes_away_ends_a_command_quietly(command: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli", *command],
        cwd=Path(service.__path__[0]).parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, said = process.communicate()
    assert (process.returncode, said) == (141, b"")


def test_a_service_of_another_kind_or_version_is_named(capsys: Captured) -> None:
    described: dict[str, Any] = {}

    def answer(asked: Asked) -> tuple[int, bytes]:
        return 200, json.dumps(described if asked.path == "/schema" else {"jobs": [], "items": 1}).encode()

    with served(answer) as url:
        for command in (["jobs"], ["rebuild"], ["label", "wit"]):
            assert main([*command, "--url", url]) == 2
            assert f"{url} is no judged service: its answers can't be read (KeyError" in capsys.readouterr().err
        described["info"] = {"title": "judged", "version": "99.1"}
        assert main(["jobs", "--url", url]) == 2
        assert f"{url} runs judged 99.1, and this command is of {version()}" in capsys.readouterr().err
        described["info"]["version"] = version()
        with pytest.raises(KeyError):  # a defect of this version
            main(["jobs", "--url", url])


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_stream_is_no_defect(closed: str) -> None:
    command = f"{sys.executable} -m service.cli openapi {closed}"
    ran = subprocess.run(["sh", "-c", command], cwd=Path(service.__path__[0]).parent, capture_output=True, check=False)
    assert (ran.returncode, b"Traceback" in ran.stderr) == (0, False)
