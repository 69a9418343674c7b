"""A real Prometheus on the real service: every query of every panel has an answer, and a worthless judge is found."""

import contextlib
import json
import math
import re
from datetime import timedelta

import httpx
import msgspec
import pytest
from redis.asyncio import Redis

from service.contracts.items import Item
from service.contracts.judges import Judge, JudgeRef, ResolvedJudge
from service.store import keys
from tests.deploy.conftest import Scraping
from tests.deploy.test_dashboards import NAMES, panels_of
from tests.flows.conftest import FAST, Judged, Row, Serve
from tests.polling import until
from tests.store.labelled import judged as store_judgment
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

GOOD, WEAK = "openai/gpt-4.1-mini", "control/length"
WIT = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "models": [GOOD, WEAK]}
CONTRARY = {"criterion": "charm", "method": "rating", "instructions": "Is it charming?", "models": [GOOD]}
PAIR = {"criterion": "taste", "method": "pairwise", "instructions": "Which is better?", "models": ["control/overlap"]}
ITEMS = 72
PAST = 600  # labels, of which the cumulative sum needs so many
RECENT = 40  # with ITEMS as many scores as their shift needs

# What stands for a dashboard's variables: a judge of scores, one of a panel's models, and one of pairs.
CHOICES = [
    {"judge": "wit", "version": "1", "criterion": "wit", "model": GOOD, "statistic": "spearman", "window": "7d"},
    {
        "judge": "taste",
        "version": "1",
        "criterion": "taste",
        "model": "control/overlap",
        "statistic": "exact",
        "window": "7d",
    },
]
TIMES = {"__rate_interval": "40s", "__range": "5m", "__interval": "1s"}


def level(number: int) -> int:
    return number % 5 + 1


def text(number: int) -> str:
    return f"level {level(number)} " + "word " * (number * 7 % 60)


def items(prefix: str, start: int = 0, end: int = ITEMS) -> list[Row]:
    return [{"id": f"{prefix}/{number}", "output": text(number)} for number in range(start, end)]


class Model:
    """Says what the text says is its level; at times it is out of order, or rambles."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, body: Row) -> str | Reply:
        self.calls += 1
        if self.calls % 11 == 5:
            busy = {"error": {"message": "slow down", "type": "rate_limit"}}
            return Reply(status=429, headers={"retry-after": "0.05"}, body=busy)
        said = re.findall(r"level (\d)", body["messages"][-1]["content"])
        if not said:  # nonsense, and the question after it
            return "I would rather not say."
        return json.dumps({"explanation": "It says so.", "score": int(said[-1])})


async def labels(judged: Judged, prefix: str, criterion: str, scores: list[int], annotator: str = "ann") -> None:
    said = [
        {"item_id": f"{prefix}/{number}", "criterion": criterion, "annotator": annotator, "score": score}
        for number, score in enumerate(scores)
    ]
    response = await judged.client.post("/v1/labels", json={"labels": said})
    assert response.status_code == 200, response.text


async def earlier(redis: Redis, digest: str) -> None:
    """The scores of ten days ago, and of today: as people say, and never the best."""
    ref = JudgeRef(name="wit", version=1, digest=digest)
    judge = ResolvedJudge(ref=ref, definition=msgspec.convert(WIT, Judge), models=[GOOD, WEAK])
    for number in range(PAST + RECENT):
        item = Item(id=f"past/{number}", output=f"{text(number)} {number}")
        score = float(min(level(number), 3))
        ago = timedelta(days=10) if number < PAST else timedelta(hours=2)
        await store_judgment(redis, judge, item, [score, score], ago=ago, served={GOOD: "gpt-4.1-mini"})
    await redis.delete(keys.QUEUE)


async def contrary(redis: Redis, digest: str) -> None:
    """Scores of a judge that gives each text its level."""
    ref = JudgeRef(name="charm", version=1, digest=digest)
    judge = ResolvedJudge(ref=ref, definition=msgspec.convert(CONTRARY, Judge), models=[GOOD])
    for number in range(ITEMS):
        await store_judgment(redis, judge, Item(id=f"charm/{number}", output=text(number)), [float(level(number))])
    await redis.delete(keys.QUEUE)


async def answered(prometheus: httpx.AsyncClient, query: str) -> list[float]:
    """The values that a query gives now."""
    response = await prometheus.get("/api/v1/query", params={"query": query})
    assert response.status_code == 200, f"{query}\n{response.text}"
    data = response.json()["data"]
    found = [data["result"]] if data["resultType"] == "scalar" else [each["value"] for each in data["result"]]
    return [float(value) for _, value in found]


def filled(query: str, chosen: dict[str, str]) -> str:
    """With a value for each variable, `$name` or `${name}`."""
    for name, value in {**TIMES, **chosen}.items():
        query = re.sub(rf"\$(?:\{{{name}\}}|{name}\b)", value, query)
    assert not re.search(r"\$(?!1\b)", query), query  # $1 is a group of label_replace
    return query


async def unanswered(prometheus: httpx.AsyncClient) -> list[str]:
    """The queries of all panels that give no number for any of the judges; anchors take hours to have one."""
    found = []
    for name in NAMES:
        for panel in panels_of(name):
            for target in panel["targets"]:
                if "judged_anchor_" in target["expr"]:
                    continue
                queries = [filled(target["expr"], chosen) for chosen in CHOICES]
                values = [value for query in queries for value in await answered(prometheus, query)]
                if not any(map(math.isfinite, values)):
                    found.append(f"{name}: {panel['title']}: {queries[0]}")
    return found


async def judge_all(judged: Judged, start: int, end: int) -> None:
    await judged.judge(items("wit", start, end), judge="wit")
    pairs = [
        {"id": f"taste/{number}", "input": "one two three", "outputs": ["one two", "four " * (number + 1)]}
        for number in range(start, end)
    ]
    await judged.judge(pairs, judge="taste")
    await judged.judge([{"id": f"odd/{start}", "output": "nonsense"}], judge="wit", models=[GOOD])


async def test_every_query_of_every_panel_has_an_answer(serve: Serve, redis: Redis, scraping: Scraping) -> None:
    async with ModelServer("openai", Model()) as model:
        judged: Judged = await serve(
            workers=0, changes={"worker": {"refresh_seconds": 0.5}}, retrying=FAST, openai=model
        )
        for definition in (WIT, CONTRARY, PAIR):
            name = "taste" if definition is PAIR else definition["criterion"]
            made = await judged.client.put(f"/v1/judges/{name}", json=definition)
            assert made.status_code == 201, made.text
        digest = (await judged.client.get("/v1/judges/wit")).json()["digest"]
        await earlier(redis, digest)
        await contrary(redis, (await judged.client.get("/v1/judges/charm")).json()["digest"])
        await labels(judged, "past", "wit", [level(number) for number in range(PAST)])
        async with judged.worker():
            await judge_all(judged, 0, ITEMS // 2)
            await labels(judged, "wit", "wit", [level(number) for number in range(ITEMS)])
            prometheus: httpx.AsyncClient = await scraping(judged.client.base_url.netloc.decode())

            async def has_looked() -> bool:
                return bool(await answered(prometheus, 'judged_agreement_exact{judge="wit"}'))

            await until(has_looked, "the first gauges in Prometheus")
            await judge_all(judged, ITEMS // 2, ITEMS)
            await judged.judge(items("wit", 0, 9), judge="wit", cache=False)
            await labels(judged, "wit", "wit", [min(level(number) + 1, 5) for number in range(20)], annotator="bob")
            await labels(judged, "charm", "charm", [6 - level(number) for number in range(ITEMS)])

            left = ["all"]

            async def have_all() -> bool:
                left[:] = await unanswered(prometheus)
                return not left

            with contextlib.suppress(AssertionError):
                await until(have_all, "an answer to every query", 12)
            assert left == []
            await agrees_with_the_api(judged, prometheus)
            await finds_the_worthless(prometheus)


async def agrees_with_the_api(judged: Judged, prometheus: httpx.AsyncClient) -> None:
    """A dashboard shows what GET /v1/agreement answers."""
    answer = await judged.client.get("/v1/agreement", params={"judge": "wit", "model": GOOD, "window": "7d"})
    assert answer.status_code == 200, answer.text
    report = answer.json()
    where = f'{{judge="wit", version="1", criterion="wit", model="{GOOD}", window="7d"}}'
    assert await answered(prometheus, f"judged_agreement_pairs{where}") == [report["pairs"]]
    for name in ("exact", "spearman", "krippendorff_alpha_ordinal"):
        live = report["statistics"][name]
        for end, value in (("", live["value"]), ("_lower", live["lower"]), ("_upper", live["upper"])):
            assert await answered(prometheus, f"judged_agreement_{name}{end}{where}") == [pytest.approx(value)]


async def finds_the_worthless(prometheus: httpx.AsyncClient) -> None:
    """The judge that contradicts people is about to raise an alert, the one that agrees is not, nor is a baseline."""

    async def rules_ran() -> bool:
        return "charm" in await alarmed()

    async def alarmed() -> set[str]:
        response = await prometheus.get("/api/v1/alerts")
        alerts = response.json()["data"]["alerts"]
        assert not [each for each in alerts if "error expanding" in json.dumps(each["annotations"])]
        chance = [each for each in alerts if each["labels"]["alertname"] == "JudgeIndistinguishableFromChance"]
        return {each["labels"]["judge"] for each in chance}

    await until(rules_ran, "an alert on the judge that contradicts people")
    groups = (await prometheus.get("/api/v1/rules")).json()["data"]["groups"]
    assert {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}
    assert await alarmed() == {"charm"}
