"""Computations run beside the event loop, one after the other."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from service.arena import begin_battle
from service.benchmarks.dataset_intake import store_dataset
from service.config.settings import Settings
from service.contracts.arena import BattleRequest
from service.contracts.datasets import DatasetItem
from service.contracts.decoding import Batch
from service.contracts.items import Item
from service.contracts.jobs import JobOrder
from service.contracts.judges import Judge, Method
from service.jobs import EVERYTHING, Caller, PreviewRequest, preview_judge, resolve_judges, store_anchors, store_judge
from service.judging.methods import METHODS
from service.threads import aside
from tests.flows.conftest import settings_for
from tests.jobs.test_intake import intake_of


@pytest.fixture
def settings(store_url: str) -> Settings:
    return settings_for(store_url, {})


async def test_results_and_errors_come_back_and_calls_do_not_overlap() -> None:
    running: list[int] = []

    def call(number: int) -> int:
        assert not running
        running.append(number)
        running.pop()
        if number == 3:
            raise LookupError(number)
        return number

    ended = await asyncio.gather(*(aside(call, number) for number in range(5)), return_exceptions=True)
    assert [each for each in ended if isinstance(each, int)] == [0, 1, 2, 4]
    assert isinstance(ended[3], LookupError)


class Noted:
    """Batches that note the threads in which they are decoded."""

    def __init__(self, item: Any) -> None:
        self.threads: set[str] = set()
        self._item = item

    async def __aiter__(self) -> AsyncIterator[Batch[Any]]:
        for _ in range(2):
            yield self._entries()

    def _entries(self) -> Batch[Any]:
        self.threads.add(threading.current_thread().name)
        yield 0, self._item


async def test_uploads_are_decoded_and_checked_beside_the_event_loop(redis: Redis, settings: Settings) -> None:
    uploads = [Noted(Item(input="q", output="x")) for _ in range(2)]
    await (await intake_of(redis, settings)).take(uploads[0])
    await store_anchors(redis, settings, "helpfulness", uploads[1], None, EVERYTHING)
    uploads.append(Noted(DatasetItem(input="q", output="x", human={"wit": [1]})))
    await store_dataset(redis, settings, "d", uploads[2])
    for upload in uploads:
        [thread] = upload.threads
        assert thread.startswith("computing")


async def test_definitions_are_checked_and_prompts_made_beside_the_event_loop(
    redis: Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: dict[str, set[str]] = {}

    def noting(name: str) -> None:
        known = getattr(type(METHODS[Method.RATING]), name)

        def noted(*args: Any, **kwargs: Any) -> Any:
            threads.setdefault(name, set()).add(threading.current_thread().name.partition("_")[0])
            return known(*args, **kwargs)

        monkeypatch.setattr(type(METHODS[Method.RATING]), name, noted)

    for name in (names := ("problems", "item_problems", "question")):
        noting(name)
    item, models = Item(input="q", output="x"), ["control/length", "control/overlap"]
    judge = Judge(
        criterion="wit", method=Method.RATING, instructions="?", system="Judge {{item.output}}.", models=models
    )
    await store_judge(redis, settings, "wit", judge)
    await resolve_judges(redis, settings, JobOrder(judge=judge))
    await preview_judge(redis, settings, "wit", PreviewRequest(item=item, models=models))
    await begin_battle(redis, settings, BattleRequest(judge="wit", item=item, models=models), Caller(None, None), "")
    assert threads == {name: {"computing"} for name in names}
