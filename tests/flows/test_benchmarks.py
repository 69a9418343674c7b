"""Benchmarks from door to door: the leaderboard says of judges what they were made to be."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from service.store import keys
from tests.flows.conftest import Judged, Row, Serve
from tests.polling import until
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

NDJSON = {"Content-Type": "application/x-ndjson"}
WIT: Row = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "scale": {"min": 1, "max": 5}}
BETTER: Row = {"criterion": "better", "method": "pairwise", "instructions": "Which is better?"}
ITEMS = 60
PEOPLE = [[1 + n % 5, min(5, 1 + n % 5 + n % 2), 1 + n % 5] for n in range(ITEMS)]

Scores = Callable[[str, int], str | Reply]

_ITEM = re.compile(r"item number (\d+)")


def rows(humans: list[list[Any]], criterion: str = "wit") -> list[Row]:
    return [
        {"id": f"i{n}", "input": "Say something.", "output": f"item number {n}", "human": {criterion: values}}
        for n, values in enumerate(humans)
    ]


def pairs(humans: list[list[str]]) -> list[Row]:
    return [
        {"input": "Say.", "outputs": [f"item number {n}", "another"], "human": {"better": values}}
        for n, values in enumerate(humans)
    ]


def answering(scores: Scores) -> Callable[[Row], str | Reply]:
    """A model's answers by its name and the number of the item."""

    def reply(body: Row) -> str | Reply:
        found = _ITEM.search(body["messages"][1]["content"])
        assert found
        return scores(body["model"], int(found[1]))

    return reply


def score(number: float) -> str:
    return json.dumps({"explanation": "So.", "score": number})


async def upload(judged: Judged, items: list[Row], name: str = "people") -> None:
    content = b"\n".join(json.dumps(item).encode() for item in items)
    response = await judged.client.put(f"/v1/datasets/{name}", content=content, headers=NDJSON)
    assert response.status_code in (200, 201), response.text


async def begin(judged: Judged, **order: Any) -> Row:
    response = await judged.client.post("/v1/benchmarks", json={"dataset": "people", "controls": False, **order})
    assert response.status_code == 202, response.text
    begun: Row = response.json()
    assert response.headers["location"] == f"/v1/benchmarks/{begun['id']}"
    return begun


async def finished(judged: Judged, benchmark_id: str) -> Row:
    response = await judged.client.get(f"/v1/benchmarks/{benchmark_id}", params={"wait": 30}, timeout=60)
    assert response.status_code == 200, response.text
    benchmark: Row = response.json()
    assert benchmark["progress"]["done"] == benchmark["progress"]["total"]
    return benchmark


def by_model(benchmark: Row) -> dict[str, Row]:
    return {row["model"]: row for row in benchmark["leaderboard"]}


async def test_a_leaderboard_ranks_judges_by_what_they_are(serve: Serve) -> None:
    """`right` says what the first annotator says, `near` errs on a third of the items, `wrong` turns the scale."""

    def scores(model: str, n: int) -> str | Reply:
        said = {
            "right": PEOPLE[n][0],
            "near": PEOPLE[n][0] if n % 3 else 1 + (n // 3) % 5,
            "wrong": 6 - PEOPLE[n][0],
            "constant": 3,
        }
        return score(said[model])

    async with ModelServer("openai", answering(scores)) as model:
        judged: Judged = await serve(openai=model)
        await upload(judged, rows(PEOPLE))
        begun = await begin(
            judged, judges=[WIT], models=[f"openai/{name}" for name in ("wrong", "constant", "near", "right")]
        )
        assert (begun["leaderboard"], begun["progress"]["total"]) == ([], 4 * ITEMS)
        benchmark = await finished(judged, begun["id"])
        assert model.calls == 4 * ITEMS
    assert benchmark["status"] == "completed"
    board = benchmark["leaderboard"]
    assert [(row["model"], row["rank"]) for row in board] == [
        ("openai/right", 1),
        ("openai/near", 2),
        ("openai/wrong", 3),
        ("openai/constant", 4),
    ]
    right = board[0]
    assert (right["items"], right["pairs"], right["annotators"], right["sort"]) == (ITEMS, 3 * ITEMS, 3, "spearman")
    equal = sum(value == values[0] for values in PEOPLE for value in values)
    assert right["statistics"]["exact"]["value"] == pytest.approx(equal / (3 * ITEMS))
    assert board[2]["statistics"]["spearman"]["value"] == pytest.approx(-right["statistics"]["spearman"]["value"])
    assert board[3]["statistics"]["spearman"] == {
        "value": None,
        "lower": None,
        "upper": None,
        "reason": "judge_constant",
    }
    assert board[3]["flags"] == ["judge_constant", "degenerate", "not_better_than_chance"]
    ceiling = right["human_ceiling"]
    assert (ceiling["items"], ceiling["pairs"]) == (ITEMS, 6 * ITEMS)
    assert ceiling["statistics"]["exact"]["value"] == pytest.approx(
        sum(
            one == other
            for values in PEOPLE
            for i, one in enumerate(values)
            for j, other in enumerate(values)
            if i != j
        )
        / (6 * ITEMS)
    )
    assert (right["alt_test"]["epsilon"], right["alt_test"]["winning_rate"]) == (0.2, 1.0)
    assert board[2]["alt_test"]["winning_rate"] == 0.0
    assert right["coverage"] == {
        "judged": ITEMS,
        "scored": ITEMS,
        "unscored": 0,
        "failed": 0,
        "cancelled": 0,
        "by_reason": {},
    }
    assert (right["control"], right["position_consistency"], right["cost_usd_per_1000"]) == (False, None, None)
    assert 0 < right["latency_seconds"]["p50"] <= right["latency_seconds"]["p95"]


async def test_what_is_not_judged_is_in_the_coverage(serve: Serve) -> None:
    """Ten answers can't be read, ten calls fail: the forty others are measured as if they were all."""

    def scores(_: str, n: int) -> str | Reply:
        if n < 10:
            return "I would rather not say."
        return Reply(status=400, body={"error": {"message": "no"}}) if n < 20 else score(PEOPLE[n][0])

    async with ModelServer("openai", answering(scores)) as model:
        judged: Judged = await serve(openai=model)
        await upload(judged, rows([[values[0]] for values in PEOPLE]))
        benchmark = await finished(judged, (await begin(judged, judges=[WIT], models=["openai/m"]))["id"])
    assert benchmark["status"] == "completed_with_errors"
    [row] = benchmark["leaderboard"]
    assert row["coverage"] == {
        "judged": 60,
        "scored": 40,
        "unscored": 10,
        "failed": 10,
        "cancelled": 0,
        "by_reason": {"no_score": 10, "provider_error": 10},
    }
    assert (row["items"], row["pairs"], row["statistics"]["exact"]["value"]) == (40, 40, 1.0)
    assert row["human_ceiling"]["items"] == 0
    assert row["human_ceiling"]["statistics"]["exact"] == {
        "value": None,
        "lower": None,
        "upper": None,
        "reason": "no_pairs",
    }
    assert row["alt_test"]["winning_rate"] is None


async def test_pairs_have_a_position_consistency_and_are_ranked_by_exact(serve: Serve) -> None:
    """`first` prefers what is shown first on a quarter of the pairs: there the orders contradict, which makes a tie."""

    def prefers(body: Row) -> str:
        text = body["messages"][1]["content"]
        n = int(_ITEM.search(text)[1])  # type: ignore[index]
        own_is_first = text.index("item number") < text.index("another")
        wins_own = n % 2 == 0
        if body["model"] == "first" and n % 4 == 0:
            return json.dumps({"explanation": "So.", "label": "A"})
        return json.dumps({"explanation": "So.", "label": "A" if own_is_first is wins_own else "B"})

    async with ModelServer("openai", prefers) as model:
        judged: Judged = await serve(openai=model)
        await upload(judged, pairs([["A" if n % 2 == 0 else "B"] for n in range(ITEMS)]))
        begun = await begin(judged, judges=[BETTER], models=["openai/first", "openai/fair"])
        board = by_model(await finished(judged, begun["id"]))
    fair, first = board["openai/fair"], board["openai/first"]
    assert (fair["rank"], fair["sort"], fair["position_consistency"]) == (1, "exact", 1.0)
    assert (first["rank"], first["position_consistency"]) == (2, 0.75)
    assert fair["statistics"]["exact"]["value"] == 1.0
    assert first["statistics"]["exact"]["value"] == 0.75
    assert "pearson" not in fair["statistics"]


async def test_controls_stand_beside_every_judge(serve: Serve) -> None:
    """Longer is better here, by construction: the baseline of length is no worse than the judge that says so."""
    humans = [[2 + n % 4] for n in range(ITEMS)]
    padding = [0, 16, 86, 397]  # with the three words there: of 400 words 1, 2, 3 and 4 quarters on a logarithmic scale
    items = [each | {"output": each["output"] + " word" * padding[n % 4]} for n, each in enumerate(rows(humans))]
    async with ModelServer("openai", answering(lambda _, n: score(humans[n][0]))) as model:
        judged: Judged = await serve(openai=model)
        await upload(judged, items)
        begun = await begin(judged, judges=[WIT | {"samples": 3}], models=["openai/m"], controls=True)
        assert begun["progress"]["total"] == 3 * ITEMS
        benchmark = await finished(judged, begun["id"])
        assert model.calls == 3 * ITEMS
        job = (await judged.client.get(f"/v1/jobs/{begun['job_id']}/judgments", params={"limit": 3})).json()
    board = by_model(benchmark)
    assert {name: row["control"] for name, row in board.items()} == {
        "openai/m": False,
        "control/length": True,
        "control/overlap": True,
    }
    assert {name: row["rank"] for name, row in board.items()} == {
        "openai/m": 1,
        "control/length": 1,
        "control/overlap": 3,
    }
    assert board["control/length"]["cost_usd_per_1000"] == 0.0
    assert [len(each["votes"]) for each in job["judgments"]] == [3, 1, 1]


async def test_means_with_fractions_have_correlations_and_no_kappas(serve: Serve) -> None:
    thirds = [[(1 + n % 5) if n % 7 == 0 else round(1 + (n % 13) / 3, 10)] for n in range(ITEMS)]
    async with ModelServer("openai", answering(lambda _, n: score(round(thirds[n][0])))) as model:
        judged: Judged = await serve(openai=model)
        await upload(judged, rows(thirds))
        [row] = (await finished(judged, (await begin(judged, judges=[WIT], models=["openai/m"]))["id"]))["leaderboard"]
    assert row["statistics"]["pearson"]["value"] > 0.9
    assert row["statistics"]["spearman"]["lower"] > 0.8
    for name in ("cohen_kappa", "cohen_kappa_linear", "cohen_kappa_quadratic"):
        assert row["statistics"][name] == {"value": None, "lower": None, "upper": None, "reason": "fractional"}


async def test_a_cancelled_benchmark_has_the_rows_of_what_was_judged(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: Reply(text=score(4), delay=0.05)) as model:
        judged: Judged = await serve(
            openai=model, changes={"worker": {"max_calls": 4}}, provider={"max_concurrency": 4}
        )
        await upload(judged, rows([[1 + n % 5] for n in range(300)]))
        begun = await begin(judged, judges=[WIT], models=["openai/m"])
        await until(lambda: model.calls >= 8, "eight calls")
        response = await judged.client.delete(f"/v1/benchmarks/{begun['id']}")
        assert response.status_code == 200
        benchmark = await finished(judged, begun["id"])
    [row] = benchmark["leaderboard"]
    coverage = row["coverage"]
    assert benchmark["status"] == "cancelled"
    assert coverage["cancelled"] > 0
    assert coverage["scored"] == row["items"] >= 8
    assert coverage["cancelled"] + coverage["judged"] == 300


async def test_a_second_benchmark_is_served_from_the_cache(serve: Serve) -> None:
    async with ModelServer("openai", answering(lambda _, n: score(PEOPLE[n][0]))) as model:
        judged: Judged = await serve(openai=model)
        await upload(judged, rows(PEOPLE))
        boards = [
            await finished(judged, (await begin(judged, judges=[WIT], models=["openai/m"]))["id"]) for _ in range(2)
        ]
        assert model.calls == ITEMS
        await finished(judged, (await begin(judged, judges=[WIT], models=["openai/m"], cache=False))["id"])
        assert model.calls == 2 * ITEMS
    first, second = (board["leaderboard"][0] for board in boards)
    assert first["statistics"]["exact"] == second["statistics"]["exact"]
    assert second["latency_seconds"] == {"p50": None, "p95": None}


async def test_a_dataset_that_is_replaced_meanwhile_changes_nothing(serve: Serve) -> None:
    async with ModelServer("openai", answering(lambda _, n: score(PEOPLE[n][0]))) as model:
        judged: Judged = await serve(openai=model, workers=0)
        await upload(judged, rows(PEOPLE))
        begun = await begin(judged, judges=[WIT], models=["openai/m"])
        await upload(judged, rows([[5]]))
        assert (await judged.client.delete("/v1/datasets/people")).status_code == 204
        async with judged.worker():
            [row] = (await finished(judged, begun["id"]))["leaderboard"]
    assert row["pairs"] == 3 * ITEMS


async def test_a_finished_one_has_an_etag_and_other_forms(serve: Serve) -> None:
    judged: Judged = await serve()
    await upload(judged, rows(PEOPLE))
    begun = await begin(judged, judges=[WIT], models=["control/length", "control/overlap"])
    benchmark = await finished(judged, begun["id"])
    path = f"/v1/benchmarks/{begun['id']}"
    whole = await judged.client.get(path)
    assert whole.json() == benchmark
    again = await judged.client.get(path, headers={"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    table: httpx.Response = await judged.client.get(path, headers={"Accept": "text/csv"})
    assert table.headers["content-type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(table.text)))
    assert [line["model"] for line in lines] == [row["model"] for row in benchmark["leaderboard"]]
    assert float(lines[0]["exact"]) == benchmark["leaderboard"][0]["statistics"]["exact"]["value"]
    text = await judged.client.get(path, headers={"Accept": "text/markdown"})
    assert text.headers["content-type"].startswith("text/markdown")
    assert "control/length (baseline)" in text.text
    assert len({each.headers["etag"] for each in (whole, table, text)}) == 3
    assert whole.headers["vary"] == "Accept"


async def test_benchmarks_are_listed_newest_first(serve: Serve) -> None:
    judged: Judged = await serve()
    await upload(judged, rows(PEOPLE[:3]))
    ids = [(await begin(judged, judges=[WIT], models=["control/length"]))["id"] for _ in range(3)]
    for each in ids:
        await finished(judged, each)
    listed = (await judged.client.get("/v1/benchmarks", params={"limit": 2})).json()
    rest = (await judged.client.get("/v1/benchmarks", params={"cursor": listed["next_cursor"]})).json()
    assert [each["id"] for each in listed["benchmarks"] + rest["benchmarks"]] == ids[::-1]
    assert all("leaderboard" not in each for each in listed["benchmarks"])


async def test_a_benchmark_notes_nothing_of_its_items(serve: Serve, redis: Redis) -> None:
    """Neither their contents nor counters of agreement: they are no part of the stream that judges are trusted with."""
    judged: Judged = await serve()
    await upload(judged, rows(PEOPLE))
    await finished(judged, (await begin(judged, judges=[WIT], models=["control/length"]))["id"])
    kinds = ("item", "seen", "agreed")
    assert not [key for kind in kinds async for key in redis.scan_iter(f"{keys.PREFIX}{kind}:*")]
