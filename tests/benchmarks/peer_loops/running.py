"""Runs one program of this package: reads the items, judges them so many at once, prints what it took."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

Items = list[dict[str, Any]]  # with input, output, messages and response_format


class Work(NamedTuple):
    """The program's arguments."""

    url: str
    items: Items
    at_once: int


def work_given() -> Work:
    return Work(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), int(sys.argv[3]))


def chat_body(item: dict[str, Any]) -> dict[str, Any]:
    """The body of a call of the stub for an item."""
    formed = {name: item[name] for name in ("messages", "response_format")}
    return {"model": "model", "temperature": 0, **formed}


def score_of(answer: dict[str, Any]) -> float:
    """The score in the stub's answer."""
    return float(json.loads(answer["choices"][0]["message"]["content"])["score"])


async def at_once(judge: Callable[[dict[str, Any]], Awaitable[float]], work: Work) -> list[float]:
    """The scores of all items, with so many calls in flight."""
    limit = asyncio.Semaphore(work.at_once)

    async def judge_one(item: dict[str, Any]) -> float:
        async with limit:
            return await judge(item)

    return await asyncio.gather(*(judge_one(each) for each in work.items))


async def timed(judging: Awaitable[list[float]]) -> None:
    """Prints the seconds and the CPU seconds of this process. The stub gives every item a 4 or a C."""
    cpu, began = time.process_time(), time.perf_counter()
    scores = await judging
    took, spent = time.perf_counter() - began, time.process_time() - cpu
    assert scores, "nothing was judged"
    assert set(scores) <= {4, 0.4, 1.0}, set(scores)
    print(f"took {len(scores)} {took} {spent}")
