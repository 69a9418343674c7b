"""Judges with judgments and labels, and what a scrape shows of them after a refresh."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta

import httpx
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families as read_text
from prometheus_client.samples import Sample
from redis.asyncio import Redis

from service.agreement.labelling import put_labels
from service.contracts.items import Item
from service.contracts.judges import JudgeRef, ResolvedJudge
from service.contracts.labels import Window
from service.gauges.refresher import Refresher
from tests.api.conftest import client_of
from tests.flows.conftest import settings_for
from tests.store.labelled import KEEP_S, NAMELESS, judged, label

PEOPLE = [1, 2, 3, 4, 5, 4, 2, 1, 5, 3]
SCORES = [1, 2, 4, 4, 5, 5, 2, 2, 5, 3]
WINDOWS: tuple[Window, ...] = ("24h", "7d", "30d", "all")
Scrape = Callable[[], Awaitable[dict[str, list[Sample]]]]


@pytest.fixture
async def api(redis: Redis, store_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings_for(store_url, {})) as client:
        yield client


@pytest.fixture
def scrape(redis: Redis, api: httpx.AsyncClient) -> Scrape:
    """Refreshes, and gives the samples of `/metrics` by name, without the prefix."""

    async def scraped() -> dict[str, list[Sample]]:
        await Refresher(redis).refresh()
        families = read_text((await api.get("/metrics")).text)
        return {family.name.removeprefix("judged_"): family.samples for family in families}

    return scraped


async def score(
    redis: Redis,
    judge: ResolvedJudge,
    *scores: float | str,
    first: int = 0,
    days: float = 0,
    served: Mapping[str, str] = NAMELESS,
) -> None:
    for number, each in enumerate(scores, start=first):
        item = Item(id=f"t/{number}", output="word " * (number + 1))
        await judged(redis, judge, item, [each] * len(judge.models), ago=timedelta(days=days), served=served)


async def say(redis: Redis, *values: float | str, annotator: str = "ann", first: int = 0) -> None:
    said = [label(f"t/{number}", annotator, each) for number, each in enumerate(values, start=first)]
    await put_labels(redis, said, keep_s=KEEP_S)


def inline(judge: ResolvedJudge, digest: str) -> ResolvedJudge:
    return msgspec.structs.replace(judge, ref=JudgeRef(name=None, version=None, digest=f"sha256:{digest}"))


def values(samples: list[Sample], *names: str, **labels: str) -> dict[tuple[str, ...], float]:
    """Values by those labels, of the samples that have these ones."""
    chosen = [each for each in samples if labels.items() <= each.labels.items()]
    return {tuple(each.labels[name] for name in names): each.value for each in chosen}
