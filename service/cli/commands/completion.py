"""`judged completion`: scripts by which shells complete commands, options and values."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from service.cli.command import SUCCEEDED, Command

_BASH = """\
_judged() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" found=""
    case "$COMP_CWORD ${{COMP_WORDS[1]}} $before" in
        "1 "*) found="{commands}" ;;
{values}
        *) case "${{COMP_WORDS[1]}}" in
{options}
        esac ;;
    esac
    COMPREPLY=($(compgen -W "$found" -- "$current"))
}}
complete -o default -F _judged judged
"""
_ZSH = "autoload -U +X bashcompinit && bashcompinit\n"


class _Option(NamedTuple):
    """An option or a positional choice (without `name`), with its values if they are few."""

    name: str
    values: tuple[str, ...]
    help: str
    takes_value: bool


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=["bash", "zsh", "fish"], help="the shell to complete in")


def _run(options: argparse.Namespace) -> int:
    parsers: Mapping[str, argparse.ArgumentParser] = options.parsers
    known = {name: list(_options(parser)) for name, parser in parsers.items()}
    summaries = {name: parser.description or "" for name, parser in parsers.items()}
    script = _fish(known, summaries) if options.shell == "fish" else _bash(known)
    sys.stdout.write(f"{_ZSH}{script}" if options.shell == "zsh" else script)
    return SUCCEEDED


def _options(parser: argparse.ArgumentParser) -> Iterator[_Option]:
    for action in parser._actions:
        values = tuple(map(str, action.choices or ()))
        names = [each for each in action.option_strings if each.startswith("--")] or [""]
        if isinstance(action, argparse._SubParsersAction):
            for nested in action.choices.values():
                yield from _options(nested)
        if names[0] or values:
            yield _Option(names[0], values, action.help or "", action.nargs != 0)


def _bash(known: Mapping[str, list[_Option]]) -> str:
    values = [
        f'        *" {command} {option.name}") found="{" ".join(option.values)}" ;;'
        for command, options in known.items()
        for option in options
        if option.name and option.values
    ]
    lines = []
    for command, options in known.items():
        words = [word for option in options for word in ([option.name] if option.name else option.values)]
        lines.append(f'            {command}) found="{" ".join(dict.fromkeys(words))}" ;;')
    return _BASH.format(commands=" ".join(known), values="\n".join(values), options="\n".join(lines))


def _fish(known: Mapping[str, list[_Option]], summaries: Mapping[str, str]) -> str:
    lines = []
    for command, options in known.items():
        lines.append(f"complete -c judged -f -n __fish_use_subcommand -a {command} -d {_quoted(summaries[command])}")
        seen = f"complete -c judged -n '__fish_seen_subcommand_from {command}'"
        for option in options:
            named = f" -l {option.name.removeprefix('--')}" if option.name else ""
            required = " -r" if option.name and option.takes_value else ""
            values = f" -a '{' '.join(option.values)}'" if option.values else ""
            lines.append(f"{seen}{named}{required}{values} -d {_quoted(option.help)}")
    return "".join(f"{line}\n" for line in lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("%%", "%") + "'"


COMPLETION = Command("completion", "print the script by which a shell completes judged", _add_arguments, _run)
