"""What a benchmark prints: a row for each thing that it measured, with the goal beside it if there is one."""

import sys
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple


class Goal(NamedTuple):
    """The measured value, and the greatest one that is wanted; the least one if `at_least`."""

    value: float
    limit: float
    unit: str = ""
    at_least: bool = False

    @property
    def is_reached(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit


class Row(NamedTuple):
    """A name, and the figures in words."""

    what: str
    figures: str
    goal: Goal | None = None

    def __str__(self) -> str:
        line = f"{self.what:44} {self.figures}"
        if self.goal is None:
            return line
        bound = "at least" if self.goal.at_least else "at most"
        return (
            f"{line}   [{bound} {self.goal.limit:g}{self.goal.unit}: {'reached' if self.goal.is_reached else 'missed'}]"
        )


def show(rows: Iterable[Row]) -> None:
    for row in rows:
        print(row, flush=True)


def show_coverage(lines: Callable[[int], Iterable[str]], samples: int) -> None:
    """Prints the lines of a simulation of intervals with as many samples as the command names, else `samples`."""
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else samples
    started = time.perf_counter()
    for line in lines(samples):
        print(line, flush=True)
    print(f"{samples} samples each, {time.perf_counter() - started:.0f} s; standard error {0.22 / samples**0.5:.3f}")
