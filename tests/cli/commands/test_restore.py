"""`judged restore`: its refusals, and the options that it shares with `judged backup`."""

from pathlib import Path

import pytest

from service.cli.main import main

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUDGED_REDIS_URL", raising=False)


def test_a_file_that_is_not_there_or_no_backup_is_refused(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "a.txt").write_text("some text, and more of it")
    for name, words in (
        ("absent.rdb", "absent.rdb: No such file or directory"),
        (".", ".: Is a directory"),
        ("a.txt", "a.txt is not a backup: it does not begin as one"),
    ):
        assert main(["restore", name, "--data", "new"]) == 2
        assert capsys.readouterr().err == f"{words}\n"
    assert not (tmp_path / "new").exists()


def test_problems_of_the_configuration_are_named(tmp_path: Path, capsys: Captured) -> None:
    assert main(["restore", "a.rdb", "--config", "absent.toml"]) == 2
    assert capsys.readouterr().err == "absent.toml: no such file\n"
