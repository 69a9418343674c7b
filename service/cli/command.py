"""A subcommand of `judged`, its exit codes, and the error that ends it."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

SUCCEEDED = 0
SOME_FAILED = 1  # it ran to its end, but part of the result is bad; each command's help says which part
REFUSED = 2  # nothing was done: bad arguments, an unusable file, a request that the service refused
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
READER_GONE = 141  # 128 + SIGPIPE


class CommandError(Exception):
    """The command can't be carried out. `lines` are the reasons, one per line."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = list(lines)


@dataclass(frozen=True)
class Command:
    """One subcommand.

    `run` returns the exit code and may raise CommandError or OSError, which `main` prints before it returns `REFUSED`.
    """

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    exit_codes: Mapping[int, str] = field(default_factory=dict)  # that differ from, or add to, the usual ones

    def exit_codes_text(self) -> str:
        """Returns the help's last line: every exit code with its meaning."""
        usual = {
            SUCCEEDED: "done",
            REFUSED: "refused",
            INTERRUPTED: "interrupted",
            READER_GONE: "nobody reads its output",
        }
        codes = sorted({**usual, **self.exit_codes}.items())
        return f"Exit codes: {'; '.join(f'{code} {meaning}' for code, meaning in codes)}."
