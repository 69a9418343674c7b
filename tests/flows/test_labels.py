"""Labels and judgments in any order: what is counted of them, which is what a recount and plain statistics give."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from redis.asyncio import Redis

from service.cli.main import main
from service.stats.estimates import Tables, estimate
from service.store import keys
from service.store.connection import reply
from tests.flows.conftest import Judged, Row, Serve

LENGTH: Row = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "models": ["control/length"]}
PANEL: Row = {**LENGTH, "models": ["control/length", "control/overlap"]}
SCALE = [1, 2, 3, 4, 5]
WORDS = ["how", "do", "I", "reset", "my", "password", "in", "the", "settings", "of", "this", "app", "today"]


def item(n: int, **fields: Any) -> Row:
    """Of many lengths, with more or fewer of the input's words."""
    output = " ".join(WORDS[: n % 13] + ["word"] * (n * 37 % 400))
    return {"id": f"t/{n}", "input": " ".join(WORDS), "output": output, **fields}


def label(n: int, score: Any, annotator: str = "ann", **fields: Any) -> Row:
    return {"item_id": f"t/{n}", "criterion": "wit", "annotator": annotator, "score": score, **fields}


async def put(judged: Judged, definition: Row, name: str = "wit") -> None:
    response = await judged.client.put(f"/v1/judges/{name}", json=definition)
    assert response.status_code in (200, 201), response.text


async def labelled(judged: Judged, *labels: Row) -> Row:
    response = await judged.client.post("/v1/labels", json={"labels": labels})
    assert response.status_code == 200, response.text
    stored: Row = response.json()
    return stored


async def taken_back(judged: Judged, n: int, annotator: str = "ann") -> None:
    response = await judged.client.delete(f"/v1/labels/t%2F{n}/wit/{annotator}")
    assert response.status_code == 204, response.text


async def agreement(judged: Judged, judge: str = "wit", **query: Any) -> Row:
    """The report, whose counters are checked against a recount."""
    response = await judged.client.get("/v1/agreement", params={"judge": judge, **query})
    assert response.status_code == 200, response.text
    await is_sound(judged)
    report: Row = response.json()
    return report


async def is_sound(judged: Judged) -> None:
    rebuilt = await judged.client.post("/v1/agreement/rebuild")
    assert rebuilt.status_code == 200, rebuilt.text
    assert rebuilt.json()["differing"] == 0, rebuilt.text


async def scores(judged: Judged, items: list[Row], judge: Any = "wit", model: str | None = None, **order: Any) -> Row:
    """What the judge says of each item, by its id."""
    job = await judged.judge(items, judge=judge, **order)
    said = {}
    for judgment in job["judgments"]:
        votes = [judgment] if model is None else [vote for vote in judgment["votes"] if vote["model"] == model]
        said[judgment["item_id"]] = votes[0]["label"] if votes[0]["label"] is not None else votes[0]["score"]
    return said


async def agrees(judged: Judged, report: Row, pairs: Sequence[Sequence[Any]], values: Sequence[Any] = SCALE) -> None:
    """The report says of these pairs what `/v1/statistics` says of them."""
    response = await judged.client.post("/v1/statistics", json={"values": values, "pairs": pairs})
    assert response.status_code == 200, response.text
    plain = response.json()
    counts = [[sum(list(pair) == [h, j] for pair in pairs) for j in values] for h in values]
    assert report["table"] == {"values": list(values), "counts": counts}
    assert report["pairs"] == len(pairs)
    assert set(report["flags"]) ^ set(plain["flags"]) <= {
        "not_better_than_chance",
        "labels_off_scale",
    }  # which rests on an interval
    assert report["statistics"].keys() == plain["statistics"].keys()
    for name, each in plain["statistics"].items():
        mine = report["statistics"][name]
        assert mine["value"] == pytest.approx(each["value"], abs=1e-9), name
        assert mine["value"] is not None or mine["reason"] == each["reason"], name
        if len(pairs) >= 30 and mine["lower"] is not None:
            assert mine["lower"] <= mine["value"] <= mine["upper"], name


def pairs_of(labels: Iterable[Row], said: Row) -> list[list[Any]]:
    return [
        [each["score"] if each.get("label") is None else each["label"], said[each["item_id"]]]
        for each in labels
        if each["item_id"] in said
    ]


async def test_every_label_counts_once_whenever_it_came_and_however_often_it_changed(serve: Serve) -> None:
    judged: Judged = await serve()
    first = [label(n, n % 5 + 1) for n in range(20)]
    await labelled(judged, *first)  # before there is any judge
    await put(judged, LENGTH)
    said = await scores(judged, [item(n) for n in range(40)])
    assert len(set(said.values())) > 2
    await agrees(judged, await agreement(judged), pairs_of(first, said))
    later = [label(n, (n * 3) % 5 + 1) for n in range(20, 50)]  # ten of which nobody judged
    counts = {"received": 50, "stored": 30, "unchanged": 20, "replaced": 0, "unmatched": 10, "unknown_criteria": []}
    assert await labelled(judged, *later, *first) == counts
    report = await agreement(judged)
    assert (report["items"], report["annotators"]) == (40, 1)
    await agrees(judged, report, pairs_of([*first, *later], said))
    replaced = [label(n, 5) for n in range(10)]
    await labelled(judged, *replaced)
    await labelled(judged, *replaced)
    await agrees(judged, await agreement(judged), pairs_of([*replaced, *first[10:], *later], said))
    for n in range(5):
        await taken_back(judged, n)
    await agrees(judged, await agreement(judged), pairs_of([*replaced[5:], *first[10:], *later], said))
    said |= await scores(judged, [item(n) for n in range(40, 50)])
    report = await agreement(judged)
    assert report["coverage"] == {"judged": 50, "scored": 50, "unscored": 0, "failed": 0, "by_reason": {}}
    await agrees(judged, report, pairs_of([*replaced[5:], *first[10:], *later], said))


async def test_each_of_several_annotators_makes_a_pair(serve: Serve) -> None:
    judged: Judged = await serve()
    await put(judged, LENGTH)
    said = await scores(judged, [item(n) for n in range(40)])
    labels = [label(n, (n * k) % 5 + 1, who) for n in range(40) for k, who in ((1, "ann"), (3, "bob/é"))]
    await labelled(judged, *labels)
    report = await agreement(judged)
    assert (report["pairs"], report["items"], report["annotators"]) == (80, 40, 2)
    await agrees(judged, report, pairs_of(labels, said))
    ceiling = report["human_ceiling"]
    assert (ceiling["pairs"], ceiling["items"]) == (80, 40)  # ordered pairs: two an item
    both = [[labels[2 * n + k]["score"], labels[2 * n + 1 - k]["score"]] for n in range(40) for k in (0, 1)]
    plain = (await judged.client.post("/v1/statistics", json={"values": SCALE, "pairs": both})).json()["statistics"]
    for name in ("exact", "within_one", "pearson", "spearman", "cohen_kappa_quadratic"):
        assert ceiling["statistics"][name]["value"] == pytest.approx(plain[name]["value"]), name
    for n in range(40):
        await taken_back(judged, n, "bob%2F%C3%A9")
    report = await agreement(judged)
    assert report["human_ceiling"]["statistics"]["exact"] == {
        "value": None,
        "lower": None,
        "upper": None,
        "reason": "no_pairs",
    }
    await agrees(judged, report, pairs_of(labels[::2], said))


async def test_random_and_targeted_labels_are_told_apart(serve: Serve) -> None:
    judged: Judged = await serve()
    await put(judged, LENGTH)
    said = await scores(judged, [item(n) for n in range(100)])  # too many for the labelled ones to count as random
    random = [label(n, n % 5 + 1) for n in range(20)]
    targeted = [label(n, 3, "bob", selection="targeted", probability=0.5) for n in range(10, 30)]
    await labelled(judged, *random, *targeted)
    for selection, labels in (("random", random), ("targeted", targeted), ("all", [*random, *targeted])):
        report = await agreement(judged, selection=selection)
        await agrees(judged, report, pairs_of(labels, said))
        assert report["items"] == (30 if selection == "all" else 20)
    assert (await agreement(judged))["statistics"] == (await agreement(judged, selection="random"))["statistics"]
    for window in ("24h", "7d", "30d", "all"):
        await agrees(judged, await agreement(judged, window=window), pairs_of(random, said))


async def test_versions_and_models_are_told_apart_and_compared(serve: Serve) -> None:
    judged: Judged = await serve()
    await put(judged, LENGTH)
    await put(judged, {**LENGTH, "models": ["control/overlap"]})
    some = [item(n) for n in range(40)]
    labels = [label(n, n % 5 + 1) for n in range(40)]
    await labelled(judged, *labels)
    length = await scores(judged, some, "wit@1")
    overlap = await scores(judged, some, "wit@2")
    await agrees(judged, await agreement(judged, "wit@1"), pairs_of(labels, length))
    report = await agreement(judged)  # the latest
    assert (report["judge"]["name"], report["judge"]["version"], report["model"]) == ("wit", 2, "control/overlap")
    await agrees(judged, report, pairs_of(labels, overlap))
    between = await agreement(judged, "wit", other="wit@1:control/length")
    assert between["other"]["judge"]["version"] == 1
    assert between["other"]["model"] == "control/length"
    await agrees(judged, between, [[length[f"t/{n}"], overlap[f"t/{n}"]] for n in range(40)])
    mirrored = await agreement(judged, "wit@1", other="wit:control/overlap")
    await agrees(judged, mirrored, [[overlap[f"t/{n}"], length[f"t/{n}"]] for n in range(40)])
    assert mirrored["statistics"]["bias"]["value"] == pytest.approx(-between["statistics"]["bias"]["value"])
    assert (await agreement(judged, "wit", other="wit@1"))["other"]["model"] == "control/length"


async def test_a_panel_counts_as_one_and_each_of_its_models_for_itself(serve: Serve) -> None:
    judged: Judged = await serve()
    await put(judged, {**PANEL, "panel": "mean"}, "panel")
    some = [item(n) for n in range(30)]
    labels = [label(n, n % 5 + 1) for n in range(30)]
    await labelled(judged, *labels)
    job = await judged.judge(some, judge="panel")
    means = [judgment["score"] for judgment in job["judgments"]]
    votes = [{vote["model"]: vote["score"] for vote in judgment["votes"]} for judgment in job["judgments"]]
    for model in PANEL["models"]:
        pairs = [[each["score"], vote[model]] for each, vote in zip(labels, votes, strict=True)]
        await agrees(judged, await agreement(judged, "panel", model=model), pairs)
    report = await agreement(judged, "panel")
    assert report["model"] == "panel"
    columns = report["table"]["columns"]  # halves are none of the scale's values
    assert set(columns) >= set(means)
    counts = report["table"]["counts"]
    for each, mean in zip(labels, means, strict=True):
        counts[SCALE.index(each["score"])][columns.index(mean)] -= 1
    assert not any(map(any, counts))
    bias = sum(mean - each["score"] for each, mean in zip(labels, means, strict=True)) / 30
    assert report["statistics"]["bias"]["value"] == pytest.approx(bias)
    between = await agreement(judged, "panel", model="control/length", other="panel:control/overlap")
    await agrees(judged, between, [[vote["control/overlap"], vote["control/length"]] for vote in votes])
    pairs = [[vote[model] for model in PANEL["models"]] for vote in votes]
    two = await judged.client.post("/v1/statistics", json={"values": SCALE, "pairs": pairs})
    alpha = two.json()["statistics"]["krippendorff_alpha_ordinal"]["value"]
    bounds = {end: report["panel_alpha"].pop(end) for end in ("lower", "upper")}
    assert bounds["lower"] < alpha < bounds["upper"]
    assert report["panel_alpha"] == {"value": pytest.approx(alpha), "ratings": 60, "reason": None}


@pytest.mark.parametrize(
    ("definition", "values"),
    [
        ({"method": "pass_fail"}, ["fail", "pass"]),
        ({"method": "category", "choices": [{"label": "dull"}, {"label": "so so"}, {"label": "wit/ty"}]}, None),
        ({"method": "pairwise"}, ["A", "tie", "B"]),
    ],
)
async def test_labels_that_are_words_are_counted_too(serve: Serve, definition: Row, values: list[str] | None) -> None:
    judged: Judged = await serve()
    await put(judged, {**LENGTH, **definition})
    values = values or [each["label"] for each in definition["choices"]]
    some = [item(n, outputs=["word " * (n % 3), "word " * (n % 4)]) for n in range(30)]
    said = await scores(judged, some)
    labels = [label(n, None, label=values[n * 7 % len(values)]) for n in range(30)]
    await labelled(judged, *labels)
    await agrees(judged, await agreement(judged), pairs_of(labels, said), values)
    response = await judged.client.get("/v1/estimates", params={"judge": "wit"})
    assert response.status_code == (200 if definition["method"] == "pass_fail" else 422), response.text
    if response.status_code == 422:
        assert response.json()["errors"][0]["pointer"] == "/judge"


async def test_estimates_are_those_of_the_items_labelled_at_random(serve: Serve) -> None:
    judged: Judged = await serve()
    await put(judged, LENGTH)
    said = await scores(judged, [item(n) for n in range(200)])
    labels = [label(n, min(5, max(1, said[f"t/{n}"] - n % 2))) for n in range(80)]
    targeted = [label(n, 1, "bob", selection="targeted") for n in range(100, 130)]
    await labelled(judged, *labels, *targeted)
    response = await judged.client.get("/v1/estimates", params={"judge": "wit"})
    assert response.status_code == 200, response.text
    shown = response.json()
    name = {key: shown.pop(key) for key in ("judge", "model", "criterion", "window")}
    needed, half = shown.pop("labels_needed"), (shown["corrected_mean"]["upper"] - shown["corrected_mean"]["lower"]) / 2
    assert needed == {
        "half_width": pytest.approx(half / 2),
        "more": 66,
    }  # 1 / 146 - 1 / 200 is a quarter of 1 / 80 - 1 / 200
    query = {"judge": "wit", "half_width": half / 3}
    assert (await judged.client.get("/v1/estimates", params=query)).json()["labels_needed"]["more"] == 92
    assert (name["judge"]["name"], name["model"], name["window"]) == ("wit", "control/length", "7d")
    counts = [[sum(pair == [h, j] for pair in pairs_of(labels, said)) for j in SCALE] for h in SCALE]
    rest = [sum(said[f"t/{n}"] == j for n in range(80, 200)) for j in SCALE]
    tables = Tables(np.array(counts, dtype=np.int64), np.array(rest, dtype=np.int64), SCALE, SCALE)
    expected = estimate(tables, SCALE, pass_fail=False)
    assert shown["method"] == "ppi++"
    assert (shown["labels"], shown["unlabelled"]) == (80, 120)
    for mean in ("judge_mean", "corrected_mean"):
        for end in ("value", "lower", "upper"):
            assert shown[mean][end] == pytest.approx(getattr(getattr(expected, mean), end)), (mean, end)
    assert shown["labels_worth"]["factor"] == pytest.approx(expected.labels_worth.factor)
    assert shown["corrected_mean"]["value"] < shown["judge_mean"]["value"]


async def test_a_judge_that_a_job_had_inline_is_known_by_its_digest(serve: Serve) -> None:
    judged: Judged = await serve()
    job = await judged.judge([item(n) for n in range(10)], judge=LENGTH)
    digest = job["judge"]["digest"]
    labels = [label(n, n % 5 + 1) for n in range(10)]
    await labelled(judged, *labels)
    report = await agreement(judged, digest)
    assert (report["judge"], report["model"]) == (job["judge"], "control/length")
    said = {each["item_id"]: each["score"] for each in job["judgments"]}
    await agrees(judged, report, pairs_of(labels, said))
    await put(judged, {**LENGTH, "models": ["control/overlap"]})
    await scores(judged, [item(n) for n in range(10)])
    between = await agreement(judged, "wit", other=f"{digest}:control/length")
    assert (between["pairs"], between["other"]["judge"]["digest"]) == (10, digest)
    assert (await agreement(judged, digest, other="wit:control/overlap"))["pairs"] == 10


async def test_the_model_is_the_only_one_that_was_heard_where_the_judge_asks_none_by_itself(serve: Serve) -> None:
    judged: Judged = await serve()
    await put(judged, PANEL)
    assert (await agreement(judged))["model"] == "panel"
    await judged.judge([item(0)], judge="wit", models=["control/overlap"])
    assert (await agreement(judged))["model"] == "control/overlap"
    await judged.judge([item(0)], judge="wit")
    assert (await agreement(judged))["model"] == "panel"


async def test_what_is_off_the_scale_of_the_judge_that_came_later_counts_nowhere(serve: Serve) -> None:
    judged: Judged = await serve()
    good = [label(n, 3) for n in range(4)]
    await labelled(judged, *good, label(4, 7), label(5, 2.5), label(6, None, label="fine"))
    await put(judged, LENGTH)
    said = await scores(judged, [item(n) for n in range(7)])
    await agrees(judged, await agreement(judged), pairs_of(good, said))
    seen = (await judged.client.get("/v1/items/t%2F4")).json()
    assert [(each["score"], each["counted"]) for each in seen["labels"]] == [(7, False)]
    assert "labels_off_scale" in (await agreement(judged))["flags"]
    assert len(seen["judgments"]) == 1
    await labelled(judged, label(4, 5))
    await agrees(judged, await agreement(judged), [*pairs_of(good, said), [5, said["t/4"]]])


async def test_labels_and_judgments_that_come_at_once_are_counted_once(serve: Serve) -> None:
    judged: Judged = await serve(workers=2)
    await put(judged, LENGTH)
    labels = [label(n, n % 5 + 1, who) for n in range(60) for who in ("ann", "bob")]
    judging = asyncio.gather(*(scores(judged, [item(n) for n in range(start, 60, 3)]) for start in range(3)))
    for again in range(3):
        lines = "\n".join(map(json.dumps, labels[again::2])).encode()
        headers = {"Content-Type": "application/x-ndjson"}
        assert (await judged.client.post("/v1/labels", content=lines, headers=headers)).status_code == 200
    parts = await judging
    said = {name: score for part in parts for name, score in part.items()}
    await agrees(judged, await agreement(judged), pairs_of(labels, said))


async def test_the_queue_has_what_was_judged_and_nobody_labelled(serve: Serve) -> None:
    judged: Judged = await serve()
    await put(judged, {**PANEL, "scale": {"min": 1, "max": 5}})
    await scores(judged, [item(n) for n in range(30)])
    assert {each["item_id"] for each in await queued(judged.client)} == {f"t/{n}" for n in range(30)}
    page = (await judged.client.get("/v1/labels/queue", params={"criterion": "wit", "limit": 10})).json()["items"]
    assert len(page) == len({each["item_id"] for each in page}) == 10
    assert {each["selection"] for each in page} == {"random", "targeted"}  # the panel's votes differ
    assert all(0 < each["probability"] <= 1 for each in page)
    await labelled(judged, label(3, 3), label(4, 3))
    await taken_back(judged, 4)
    assert {f"t/{n}" for n in range(30)} - {each["item_id"] for each in await queued(judged.client)} == {"t/3"}
    pages = await queued(judged.client, limit=7)
    assert {each["item_id"] for each in pages} == {f"t/{n}" for n in range(30)} - {"t/3"}


async def test_the_queue_brings_texts_and_waits_for_all_annotators(serve: Serve) -> None:
    judged: Judged = await serve()
    await put(judged, {**PANEL, "scale": {"min": 1, "max": 5}})
    items = [item(n) for n in range(6)]
    await scores(judged, items)
    query: Row = {"criterion": "wit", "include": "item", "annotator": "ann", "per_item": 2}
    page = (await judged.client.get("/v1/labels/queue", params=query)).json()["items"]
    assert {each["item_id"]: each["item"]["output"] for each in page} == {each["id"]: each["output"] for each in items}
    assert all(set(each["item"]) == {"input", "output", "outputs", "context", "reference", "metadata"} for each in page)
    await labelled(judged, label(3, 3))
    for annotator, per_item, there in (("ann", 2, False), ("bob", 2, True), ("bob", 1, False)):
        query = {"criterion": "wit", "annotator": annotator, "per_item": per_item}
        page = (await judged.client.get("/v1/labels/queue", params=query)).json()["items"]
        assert ("t/3" in {each["item_id"] for each in page}) is there


async def queued(api: httpx.AsyncClient, limit: int = 1000) -> list[Row]:
    found: list[Row] = []
    cursor: str | None = None
    while True:
        query: Row = {"criterion": "wit", "limit": limit} | ({"cursor": cursor} if cursor else {})
        response = await api.get("/v1/labels/queue", params=query)
        assert response.status_code == 200, response.text
        found += response.json()["items"]
        if (cursor := response.json()["next_cursor"]) is None:
            return found


async def test_counters_that_went_wrong_are_found_and_repaired(serve: Serve, redis: Redis) -> None:
    judged: Judged = await serve()
    await put(judged, LENGTH)
    said = await scores(judged, [item(n) for n in range(10)])
    labels = [label(n, n % 5 + 1) for n in range(10)]
    await labelled(judged, *labels)
    key = keys.agreement_counters("agreed", "all", "wit@1 control/length", "wit")
    await reply(redis.hincrby(key, "item\tr", 3))
    await redis.delete(keys.agreement_counters("ceiling", "all", "", "wit"))
    for repair, repaired in (("false", False), ("true", True)):
        response = await judged.client.post("/v1/agreement/rebuild", params={"repair": repair})
        found = response.json()
        assert (found["items"], found["labels"], found["repaired"]) == (10, 10, repaired), response.text
        assert found["differing"] == len(found["examples"]) == 2
        assert {"hash": key, "field": "item\tr", "stored": 13, "recounted": 10} in found["examples"]
    await is_sound(judged)
    report = await agreement(judged, window="all")
    assert report["items"] == 10
    await agrees(judged, report, pairs_of(labels, said))


async def test_the_commands_do_it_from_files(serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judged: Judged = await serve()
    await put(judged, LENGTH)
    said = await scores(judged, [item(n) for n in range(60)])
    lines = [f"t/{n},{min(5, max(1, said[f't/{n}'] - n % 2))},ann" for n in range(55)]
    file = tmp_path / "labels.csv"
    file.write_text("\n".join(["id,grade,who", *lines]))
    url = ["--url", str(judged.client.base_url)]
    names = ["--item-id", "id", "--score", "grade", "--annotator", "who", "--criterion", "wit"]
    assert await command("import", str(file), *names, *url) == 0
    assert await command("import", str(file), *names, "--json", *url) == 0
    assert capsys.readouterr().out.splitlines() == [
        "55 labels: 55 stored, 0 unchanged",
        '{"received": 55, "stored": 0, "unchanged": 55, "replaced": 0, "unmatched": 0, "unknown_criteria": []}',
    ]
    assert await command("agreement", "wit", *url) == 0
    shown = capsys.readouterr().out
    for part in ("wit@1 control/length on wit; last 7d", "55 pairs on 55 items by 1 annotator", "a baseline, no judge"):
        assert part in shown
    assert "your 55 labels act like" in shown
    assert await command("agreement", "wit", "--other", "wit:control/overlap", *url) == 0
    assert "nothing to compare" in capsys.readouterr().out
    assert await command("rebuild", *url) == 0
    assert "from 55 labels of 55 items: none differs" in capsys.readouterr().out
    file.write_text("\n".join(["id,grade,who", *lines, "t/1,9,ann"]))
    assert await command("import", str(file), *names, *url) == 2
    assert "line 57: score: 9 is not between 1 and 5" in capsys.readouterr().err


async def command(*arguments: str) -> int:
    """Runs one beside the service that it asks; its exit code."""
    return await asyncio.to_thread(main, arguments)
