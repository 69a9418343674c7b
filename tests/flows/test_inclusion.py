"""Which labels count, through the API: a simulated annotator labels what the queue lists.

The API, a worker, and a stub of two models that a panel asks. Each population is a criterion of its own. After 5%, 30%
and 90% of the items the figures are compared with the truth of all items: agreement of random and of all drawn labels,
and the corrected mean. Beside them stand those of a second criterion with the same items, on which the annotator labels
as many items at random only. `tests/benchmarks/inclusion.py` has many repetitions without the service.
"""

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
from redis.asyncio import Redis

from tests.benchmarks.inclusion import Figure
from tests.flows.conftest import Judged, api_of, settings_for
from tests.stubs.model_server import ModelServer

SHARES = (0.05, 0.3, 0.9)
AT_ONCE = 10  # items of a page
MODELS = ("stub/small", "stub/large")

Row = dict[str, Any]


class Population(NamedTuple):
    """The human's value of each item, and those of both models: the less sure one of them is often another."""

    human: np.ndarray
    small: np.ndarray
    large: np.ndarray

    @property
    def judge(self) -> np.ndarray:
        """The panel's score is the mean of both; the scale has half steps."""
        return np.asarray((self.small + self.large) / 2)


def population(seed: int, items: int) -> Population:
    """Items on which the models differ are those on which the panel is wrong more often."""
    random = np.random.default_rng(seed)
    human = random.choice([1, 2, 3, 4, 5], p=[0.08, 0.12, 0.2, 0.3, 0.3], size=items)
    hard = random.random(items) < 0.3
    off = np.where(random.random(items) < np.where(hard, 0.4, 0.1), random.choice([1, 1, -1], size=items), 0)
    large = np.clip(human + off, 1, 5)
    apart = np.where(hard & (random.random(items) < 0.8), random.choice([-2, 2], size=items), 0)
    return Population(human, np.clip(large + apart, 1, 5), large)


def answer(body: Row) -> str:
    """The text of an item holds both models' scores."""
    text = str(body["messages"])
    found = re.search(r"SMALL(\d)LARGE(\d)", text)
    assert found is not None, text
    return f'{{"explanation": "x", "score": {found.group(1 if body["model"] == "small" else 2)}}}'


async def judge_all(judged: Judged, criterion: str, people: Population) -> None:
    definition = {
        "criterion": criterion,
        "method": "rating",
        "instructions": "How good?",
        "scale": {"min": 1, "max": 5, "step": 0.5},
        "models": list(MODELS),
    }
    (await judged.client.put(f"/v1/judges/{criterion}", json=definition)).raise_for_status()
    items = [
        {"id": f"{criterion}-{n}", "output": f"item {n}: SMALL{small}LARGE{large}"}
        for n, (small, large) in enumerate(zip(people.small, people.large, strict=True))
    ]
    job = await judged.judge(items, judge=criterion, wait=60)
    assert job["counts"]["scored"] == len(items), job["counts"]


async def label_by_queue(client: httpx.AsyncClient, criterion: str, people: Population, more: int) -> None:
    """Labels what the queue lists, a page at a time, with the texts that it brings."""
    while more:
        query: Row = {"criterion": criterion, "annotator": "ann", "include": "item", "limit": min(more, AT_ONCE)}
        page = (await client.get("/v1/labels/queue", params=query)).raise_for_status().json()["items"]
        assert all("SMALL" in each["item"]["output"] for each in page)
        await put_labels(client, criterion, people, page)
        more -= len(page)


async def put_labels(client: httpx.AsyncClient, criterion: str, people: Population, page: list[Row]) -> None:
    labels = [
        {
            **{name: each[name] for name in ("item_id", "selection", "probability") if name in each},
            "criterion": criterion,
            "annotator": "ann",
            "score": int(people.human[int(each["item_id"].rpartition("-")[2])]),
        }
        for each in page
    ]
    (await client.post("/v1/labels", json={"labels": labels})).raise_for_status()


async def figures(client: httpx.AsyncClient, criterion: str, people: Population) -> dict[str, Figure]:
    """Returns agreement of random and of weighted labels, and the corrected mean, with the truth of all items."""
    query: dict[str, str] = {"judge": criterion, "model": "panel", "window": "all"}
    exact = float(np.mean(people.human == people.judge))
    bias = float(np.mean(people.judge - people.human))
    found = {}
    for selection in ("random", "weighted"):
        answered = await client.get("/v1/agreement", params={**query, "selection": selection})
        statistics = answered.raise_for_status().json()["statistics"]
        found[f"exact, {selection}"] = _figure(statistics["exact"], exact)
        found[f"bias, {selection}"] = _figure(statistics["bias"], bias)
    estimate = (await client.get("/v1/estimates", params=query)).raise_for_status().json()
    found["corrected mean"] = _figure(estimate["corrected_mean"], float(people.human.mean()))
    return found


def _figure(each: Mapping[str, float], truth: float) -> Figure:
    return Figure(each["value"], each["lower"], each["upper"], truth)


async def follow(judged: Judged, seed: int, items: int) -> dict[tuple[float, str], Figure]:
    """Returns the figures of one population by the share of labelled items."""
    people, found = population(seed, items), {}
    for way in ("queue", "at random only"):
        criterion = f"c{seed}" if way == "queue" else f"r{seed}"
        await judge_all(judged, criterion, people)
        order = np.random.default_rng([seed, 1]).permutation(items)
        done = 0
        for share in SHARES:
            more = round(share * items) - done
            if way == "queue":
                await label_by_queue(judged.client, criterion, people, more)
            else:
                page = [{"item_id": f"{criterion}-{n}"} for n in order[done : done + more]]
                await put_labels(judged.client, criterion, people, page)
            done += more
            for name, figure in (await figures(judged.client, criterion, people)).items():
                found[share, f"{name} ({way})"] = figure
    return found


async def simulated(judged: Judged, populations: int, items: int) -> dict[tuple[float, str], list[Figure]]:
    """Returns the figures of all populations."""
    found: defaultdict[tuple[float, str], list[Figure]] = defaultdict(list)
    for seed in range(populations):
        for name, figure in (await follow(judged, seed, items)).items():
            found[name].append(figure)
    return dict(found)


@asynccontextmanager
async def running(store_url: str) -> AsyncIterator[Judged]:
    """The API and a worker on a store, with a stub of both models."""
    async with ModelServer("openai", answer, record=False) as server:
        settings = settings_for(store_url, {}, stub=server)
        async with api_of(settings) as client:
            client.timeout = httpx.Timeout(60)  # the machine may be busy
            judged = Judged(client, settings)
            async with judged.worker():
                yield judged


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_labels_from_the_queue_tell_of_all_items(redis: Redis, store_url: str) -> None:
    async with running(store_url) as judged:
        found = await simulated(judged, 2, 150)
    for (share, name), figures in found.items():
        for each in figures:
            assert each.lower <= each.value <= each.upper, name
            if share > SHARES[0]:  # two of twenty intervals of 95% are allowed to miss, but not by their whole width
                assert each.lower - (each.upper - each.lower) <= each.truth <= each.upper + (each.upper - each.lower), (
                    name
                )
    for way in ("queue", "at random only"):
        width = {share: found[share, f"corrected mean ({way})"][0] for share in SHARES}
        assert width[0.9].upper - width[0.9].lower < (width[0.05].upper - width[0.05].lower) / 4
