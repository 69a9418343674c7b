"""`judged check-config`: the problems, and the settings in force."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from service.cli.main import main
from service.config.sections import ArenaSettings
from service.config.settings import Settings

Captured = pytest.CaptureFixture[str]


def test_check_config_shows_what_is_in_effect_and_no_secret(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden")
    monkeypatch.setenv("JUDGED_REDIS_URL", "redis://u:pw-hidden@h/0")
    monkeypatch.setenv("JUDGED_PORT", "9000")
    (tmp_path / "judged.toml").write_text("[providers.openai]\nkind = 'openai'")
    assert main(["check-config"]) == 0
    printed = capsys.readouterr()
    assert "hidden" not in printed.out + printed.err
    assert "port = 9000" in printed.out
    assert 'api_key_env = "OPENAI_API_KEY"' in printed.out
    assert 'redis_url = "redis://u:***@h/0"' in printed.out


def test_check_config_shows_every_section_and_its_output_is_a_valid_file(tmp_path: Path, capsys: Captured) -> None:
    keys = f"[[keys]]\nname = 'bot'\nsha256 = '{'0' * 64}'\n"
    providers = "[providers.vllm]\nkind = 'openai'\nbase_url = 'http://h/v1'\n"
    prices = "[prices.'vllm/m']\ninput = 0.1\noutput = 0.4\n"
    (tmp_path / "judged.toml").write_text(providers + prices + keys)
    assert main(["check-config"]) == 0
    printed = capsys.readouterr().out
    (tmp_path / "again.toml").write_text(printed)
    assert main(["check-config", "--config", "again.toml"]) == 0
    shown = tomllib.loads(printed)
    assert tomllib.loads(capsys.readouterr().out) == shown
    assert set(shown) == {field.name for field in msgspec.structs.fields(Settings)}
    assert set(shown["arena"]) == {field.name for field in msgspec.structs.fields(ArenaSettings)}


def test_check_config_says_each_problem_in_a_line(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "bad.toml").write_text("[server]\nprot = 1\n[log]\nlevel = 'x'")
    assert main(["check-config", "--config", "bad.toml"]) == 2
    printed = capsys.readouterr()
    assert printed.out == "# from bad.toml\n"
    assert printed.err.splitlines() == [
        "server.prot: unknown key, did you mean port?",
        "log.level: expected one of debug, info, warning, error",
    ]
