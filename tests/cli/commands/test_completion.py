"""`judged completion`: its scripts, run by the shells that are here."""

import shutil
import subprocess

import pytest

from service.cli.main import COMMANDS, main

Captured = pytest.CaptureFixture[str]


def script(shell: str, capsys: Captured) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def ran(shell: str, text: str) -> list[str]:
    """Returns the words that the shell prints; skips if it is not here."""
    if (program := shutil.which(shell)) is None:
        pytest.skip(f"no {shell}")
    found = subprocess.run([program, "-c", text], capture_output=True, text=True, timeout=30)
    assert (found.returncode, found.stderr) == (0, "")
    return found.stdout.split()


def completed_by_bash(text: str, *words: str) -> list[str]:
    line = " ".join(f"'{word}'" for word in words)
    ask = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _judged; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    return ran("bash", f"{text}\n{ask}")


def test_bash_completes_commands_options_and_values(capsys: Captured) -> None:
    text = script("bash", capsys)
    assert completed_by_bash(text, "judged", "") == [command.name for command in COMMANDS]
    assert completed_by_bash(text, "judged", "ju") == ["judges"]
    assert completed_by_bash(text, "judged", "judges", "--re") == ["--retire"]
    assert completed_by_bash(text, "judged", "agreement", "j", "--window", "") == ["24h", "7d", "30d", "all"]
    assert completed_by_bash(text, "judged", "jobs", "--status", "comp") == ["completed", "completed_with_errors"]
    assert completed_by_bash(text, "judged", "arena", "--vo") == ["--voter"]
    assert completed_by_bash(text, "judged", "arena", "lea") == ["leaderboard"]
    assert completed_by_bash(text, "judged", "completion", "") == ["--help", "bash", "zsh", "fish"]


def test_zsh_takes_the_script(capsys: Captured) -> None:
    text = script("zsh", capsys)
    assert text.startswith("autoload -U +X bashcompinit && bashcompinit\n")
    assert ran("zsh", f"autoload -U compinit && compinit -D\n{text}\nprint $_comps[judged]") != []


def test_fish_completes_commands_options_and_values(capsys: Captured) -> None:
    text = script("fish", capsys)
    assert "complete -c judged -f -n __fish_use_subcommand -a up -d 'Run everything on this machine" in text
    assert " -l window -r -a '24h 7d 30d all' -d " in text
    asked = f"{text}\ncomplete -C 'judged judg' | cut -f1; complete -C 'judged agreement j --window 3' | cut -f1"
    assert ran("fish", asked) == ["judges", "30d"]
