"""Real replies of judges, read, beside the careful readings that come with them.

The texts are not ours to ship: they are looked for in JUDGED_TEST_DATA, else beside the repository.
Their `reference_status` says r: sure, l: likely, n: nothing to read, u: unclear, o: a number off the scale.
"""

import gzip
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from service.contracts.judges import Choice, Scale
from service.judging.reading import Reading, read_label, read_score

DATA = Path(os.environ.get("JUDGED_TEST_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
RIGHT, WRONG, UNREAD = "right", "wrong", "unread"
SURE = "r"
OUTPUTS = {"output_1": 1, "output_2": 2}


class Compared(NamedTuple):
    """A reply as it was read: the value in the reference's terms, and the reference."""

    status: str
    reading: Reading
    value: float | str | None
    reference: float | str | None

    @property
    def verdict(self) -> str:
        if self.value is None:
            return UNREAD
        return RIGHT if self.value == self.reference else WRONG


def rows(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


@cache
def read_once(text: str, low: float, high: float, step: float | None, criterion: str) -> Reading:
    """Of the answers, many are the same."""
    return read_score(text, Scale(min=low, max=high, step=step), criterion=criterion)


def topicalchat(step: float | None) -> Iterator[Compared]:
    """All texts; with steps only a tenth of the sure ones that are whole numbers without them, since they take long."""
    number = 0
    for row in rows("topicalchat_judgments"):
        samples = zip(row["raw_texts"], row["reference_scores"], row["reference_status"], strict=True)
        for text, reference, status in samples:
            reading = read_once(text, row["scale_min"], row["scale_max"], None, row["criterion"])
            number += 1
            if step is not None:
                is_whole = reading.score is not None and reading.score % step == 0
                if status == SURE and is_whole and number % 10:
                    continue
                reading = read_once(text, row["scale_min"], row["scale_max"], step, row["criterion"])
            yield Compared(status, reading, reading.score, reference)


def llmbar_ratings() -> Iterator[Compared]:
    """Bare numbers; a text that a filter stopped holds none."""
    for row in rows("llmbar_ratings"):
        scale = Scale(min=row["scale_min"], max=row["scale_max"])
        reading = read_score(row["raw_text"], scale, finish_reason=row["finish_reason"])
        number = row["raw_text"].strip()
        yield Compared(SURE, reading, reading.score, int(number) if number.isdigit() else None)


def llmbar_verdicts() -> Iterator[Compared]:
    choices = [Choice(label="A", aliases=["Output (a)"]), Choice(label="B", aliases=["Output (b)"])]
    for row in rows("llmbar_judgments"):
        reading = read_label(row["raw_text"], choices, pairwise=True)
        reference = row["reference_verdict"]
        yield Compared(row["reference_status"], reading, reading.label, reference and reference.upper())


def judgebench() -> Iterator[Compared]:
    labels = {"A>B": "A", "B>A": "B", "A=B": "tie"}
    for row in rows("judgebench_judgments"):
        reading = read_label(row["raw_text"], [], pairwise=True)
        yield Compared(row["reference_status"], reading, reading.label, labels[row["reference_verdict"]])


def autoj() -> Iterator[Compared]:
    for row in rows("autoj_critiques"):
        reading = read_score(row["raw_text"], Scale(min=row["scale_min"], max=row["scale_max"]))
        yield Compared(row["reference_status"], reading, reading.score, row["reference_score"])


def alpacaeval() -> Iterator[Compared]:
    """Function calls that rank two models; the author's own reading is the reference."""
    for row in rows("alpacaeval_judgments"):
        reading = read_label(row["raw_text"] or "", [Choice(label="m"), Choice(label="M")], source="tool")
        winner = OUTPUTS[row["label_to_output"][reading.label]] if reading.label else None
        yield Compared(SURE, reading, winner, row["author_preference"])


DATA_SETS: dict[str, tuple[str, Callable[[], Iterable[Compared]]]] = {
    "topicalchat, any number": ("topicalchat_judgments", partial(topicalchat, None)),
    "topicalchat, whole steps": ("topicalchat_judgments", partial(topicalchat, 1)),
    "llmbar ratings": ("llmbar_ratings", llmbar_ratings),
    "llmbar verdicts": ("llmbar_judgments", llmbar_verdicts),
    "judgebench": ("judgebench_judgments", judgebench),
    "autoj": ("autoj_critiques", autoj),
    "alpacaeval": ("alpacaeval_judgments", alpacaeval),
}


def missing() -> list[str]:
    """The files that are not there."""
    return sorted({name for name, _ in DATA_SETS.values() if not (DATA / f"{name}.jsonl.gz").is_file()})


def counted(texts: Iterable[Compared]) -> Counter[tuple[str, str]]:
    """How many texts of each status are read right, read wrong or not read."""
    return Counter((each.status, each.verdict) for each in texts)
