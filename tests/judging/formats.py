"""Answers in the formats that people's judge prompts ask for most, each as a judge's definition.

A format is named after the tool or paper that made it known. The answers are of this test's own wording: first as the
format demands, then as models spoil it. What can't be read for sure must be read as nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from service.contracts.items import Item
from service.contracts.judges import Choice, Judge, Method, Scale
from service.judging.methods import METHODS

Read = float | str | list[int] | None  # a score, a label, a ranking (ties aside), or nothing


class Format(NamedTuple):
    """A judge of one format, and how answers to it must be read."""

    name: str
    judge: Judge
    answers: list[tuple[str, Read]]


def rating(
    low: float, high: float, *, step: float | None = 1, criterion: str = "quality", answer_key: str | None = None
) -> Judge:
    scale = Scale(min=low, max=high, step=step)
    return Judge(
        criterion=criterion, method=Method.RATING, instructions="How good?", scale=scale, answer_key=answer_key
    )


def named(labels: Mapping[str, Sequence[str]]) -> list[Choice]:
    return [Choice(label=label, aliases=list(aliases)) for label, aliases in labels.items()]


def labelled(
    method: Method,
    labels: Mapping[str, Sequence[str]],
    *,
    criterion: str = "correctness",
    answer_key: str | None = None,
) -> Judge:
    return Judge(
        criterion=criterion, method=method, instructions="Which?", choices=named(labels), answer_key=answer_key
    )


def category(*labels: str, **more: Any) -> Judge:
    return labelled(Method.CATEGORY, dict.fromkeys(labels, ()), **more)


def pair(a: Sequence[str] = (), b: Sequence[str] = (), tie: Sequence[str] = ()) -> Judge:
    return labelled(Method.PAIRWISE, {"A": a, "B": b, "tie": tie}, criterion="preference")


def pass_fail(passed: Sequence[str] = (), failed: Sequence[str] = (), **more: Any) -> Judge:
    return labelled(Method.PASS_FAIL, {"pass": passed, "fail": failed}, **more)


def cases(formats: Sequence[Format]) -> list[Any]:
    """A judge, an answer to it and its reading, for each answer of these formats."""
    return [
        pytest.param(each.judge, text, read, id=f"{each.name} {number}")
        for each in formats
        for number, (text, read) in enumerate(each.answers)
    ]


def read(judge: Judge, text: str) -> Read:
    item = Item(output="x") if judge.method not in (Method.PAIRWISE, Method.RANKING) else Item(outputs=["x", "y", "z"])
    reading = METHODS[judge.method].read(judge, item, text, finish_reason="stop", source="text")
    if reading.ranking is not None:
        assert all(len(group) == 1 for group in reading.ranking)
        return [group[0] for group in reading.ranking]
    return reading.score if judge.method is Method.RATING else reading.label


def unsound(formats: Sequence[Format]) -> list[str]:
    """The names of the formats whose judges could not be stored."""
    return [each.name for each in formats if METHODS[each.judge.method].problems(each.judge)]
