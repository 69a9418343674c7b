"""Real ratings by people and real answers of judges, sent through the whole service: the known figures come out."""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from tests.flows.conftest import Judged, Row, Serve
from tests.stubs.model_server import ModelServer

_MARK = re.compile(r"\[item (\S+)\]")
CONTROL = "control/length"


def rows(data: Path, name: str) -> list[Row]:
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def expected(data: Path) -> Row:
    found: Row = json.loads((data / "expected.json").read_text(encoding="utf-8"))
    return found


async def put_judge(judged: Judged, name: str, **definition: Any) -> None:
    judge = {"criterion": name, "instructions": "How good is it?", "models": [CONTROL], **definition}
    response = await judged.client.put(f"/v1/judges/{name}", json=judge)
    assert response.status_code == 201, response.text


async def put_labels(judged: Judged, labels: Iterator[Row]) -> None:
    lines = [json.dumps(label) for label in labels]
    response = await judged.client.post(
        "/v1/labels", content="\n".join(lines), headers={"Content-Type": "application/x-ndjson"}, timeout=60
    )
    assert response.status_code == 200, response.text
    assert response.json()["stored"] == len(lines)


async def agreement(judged: Judged, judge: str, **query: Any) -> Row:
    response = await judged.client.get("/v1/agreement", params={"judge": judge, "window": "24h", **query}, timeout=60)
    assert response.status_code == 200, response.text
    found: Row = response.json()
    return found


async def test_newsroom_and_dices_have_the_alphas_that_were_published(serve: Serve, data: Path) -> None:
    known = expected(data)
    judged: Judged = await serve(workers=0)
    news, dices = rows(data, "newsroom_human_ratings"), rows(data, "dices350_human_labels")
    for criterion, figures in known["newsroom_krippendorff"].items():
        await put_judge(judged, criterion, method="rating", scale={"min": 1, "max": 5})
        await put_labels(
            judged,
            (
                {"item_id": row["item_id"], "criterion": criterion, "annotator": f"{place}", "score": score}
                for row in news
                for place, score in enumerate(row["ratings"][criterion])
            ),
        )
        ceiling = (await agreement(judged, criterion))["human_ceiling"]["statistics"]
        assert ceiling["krippendorff_alpha_ordinal"]["value"] == pytest.approx(figures["alpha"], abs=1e-6)
    choices = [{"label": label} for label in ("No", "Unsure", "Yes")]
    await put_judge(judged, "safety", method="category", choices=choices)
    await put_labels(
        judged,
        (
            {"item_id": row["item_id"], "criterion": "safety", "annotator": f"{place}", "label": label}
            for row in dices
            for place, label in enumerate(row["ratings"]["safety"])
        ),
    )
    ceiling = (await agreement(judged, "safety"))["human_ceiling"]["statistics"]
    alpha = known["dices350_krippendorff"]["safety"]["alpha"]
    assert ceiling["krippendorff_alpha_nominal"]["value"] == pytest.approx(alpha, abs=1e-6)


def replayed(answers: dict[str, list[str]]) -> Any:
    """A model that gives each item's answers in turn."""
    asked: Counter[str] = Counter()

    def answer(body: dict[str, Any]) -> str:
        found = _MARK.search(body["messages"][-1]["content"])
        assert found
        mine = answers[found[1]]
        asked[found[1]] += 1
        return mine[(asked[found[1]] - 1) % len(mine)]

    return answer


async def test_pandalm_has_the_kappas_that_were_published(serve: Serve, data: Path) -> None:
    """Of the model that judged it with people's majority, and of people with each other."""
    known, pairs = expected(data), rows(data, "pandalm_human_pairs")
    shown = {1: "A", 2: "B", 0: "tie", "1": "A", "2": "B", "Tie": "tie"}
    verdicts = {row["item_id"]: [f"[[{shown.get(row['judge_label'], '?')}]]"] for row in pairs}
    verdicts = {name: [answer.replace("tie", "C")] for name, [answer] in verdicts.items()}
    judge = {"criterion": "better", "method": "pairwise", "instructions": "Which?", "orders": "one", "reasks": 0}
    async with ModelServer("openai", replayed(verdicts)) as model:
        judged: Judged = await serve(openai=model)
        await put_judge(judged, "better", **judge | {"models": ["openai/gpt-3.5-turbo"], "output": "text"})
        items = [
            {
                "id": row["item_id"],
                "input": f"[item {row['item_id']}]",
                "outputs": [str(row[f"output_{n}"]) for n in (1, 2)],
            }
            for row in pairs
        ]
        job = await judged.judge(items, "better", wait=60)
    labels = {row["item_id"]: [shown[label] for label in row["human_labels"]] for row in pairs}
    majority = {name: Counter(three).most_common(1)[0][0] for name, three in labels.items()}
    await put_labels(
        judged,
        (
            {"item_id": name, "criterion": "better", "annotator": "majority", "label": label}
            for name, label in majority.items()
        ),
    )
    found, wanted = await agreement(judged, "better"), known["pandalm_judge_gpt35"]
    assert found["pairs"] == job["counts"]["scored"] == wanted["n_readable"]
    assert found["statistics"]["exact"]["value"] == pytest.approx(wanted["accuracy_readable_only"], abs=1e-6)
    assert found["statistics"]["cohen_kappa"]["value"] == pytest.approx(wanted["cohen_kappa_readable_only"], abs=1e-6)
    await put_labels(
        judged,
        (
            {"item_id": name, "criterion": "better", "annotator": f"{place}", "label": label, "selection": "targeted"}
            for name, three in labels.items()
            for place, label in enumerate(three)
        ),
    )
    ceiling = (await agreement(judged, "better", selection="targeted"))["human_ceiling"]["statistics"]
    alpha = known["pandalm_humans"]["krippendorff_alpha_nominal"]
    assert ceiling["krippendorff_alpha_nominal"]["value"] == pytest.approx(alpha, abs=1e-6)
    for name, kappa in known["pandalm_humans"]["cohen_kappa"].items():
        one, other = (int(place) - 1 for place in name.split("-"))
        body = {"values": ["A", "tie", "B"], "pairs": [[three[one], three[other]] for three in labels.values()]}
        statistics = (await judged.client.post("/v1/statistics", json=body)).json()["statistics"]
        assert statistics["cohen_kappa"]["value"] == pytest.approx(kappa, abs=1e-6)


def mean_of(scores: list[float | None]) -> float:
    return fmean(score for score in scores if score is not None)


def topicalchat(data: Path, criterion: str, variant: str) -> list[Row]:
    return [
        row
        for row in rows(data, "topicalchat_judgments")
        if (row["criterion"], row["prompt_variant"]) == (criterion, variant)
    ]


async def test_topicalchat_has_the_correlations_that_were_published(serve: Serve, data: Path) -> None:
    """The means of 20 answers and of three raters lie between the levels. (test_real_benchmark.py asks 20 times.)"""
    criterion, variant = "engagingness", "rate_explain_auto_cot"
    judgments = topicalchat(data, criterion, variant)
    answers = {row["item_id"]: [f"{mean_of(row['reference_scores']):.9f}"] for row in judgments}
    async with ModelServer("openai", replayed(answers)) as model:
        judged: Judged = await serve(openai=model)
        await put_judge(
            judged,
            criterion,
            method="rating",
            scale={"min": 1, "max": 3, "step": None},
            reasks=0,
            output="text",
            models=["openai/gpt-3.5-turbo"],
        )
        replies = {row["item_id"]: row["output"] for row in rows(data, "topicalchat_items")}
        items = [{"id": name, "input": f"[item {name}]", "output": replies[name]} for name in answers]
        await judged.judge(items, criterion, wait=60)
        await judged.judge(items, criterion, models=[CONTROL])
    await put_labels(
        judged,
        (
            {"item_id": row["item_id"], "criterion": criterion, "annotator": "mean", "score": row["human_score"]}
            for row in judgments
        ),
    )
    found = await agreement(judged, criterion)
    figures = expected(data)["topicalchat"][f"{criterion}|{variant}"]["dataset_level_reference_parse"]
    assert found["pairs"] == figures["n"]
    for name, tolerance in (("pearson", 1e-4), ("spearman", 2e-3), ("kendall_tau_b", 2e-3)):
        measure = found["statistics"][name]
        assert measure["value"] == pytest.approx(figures[name], abs=tolerance)
        assert measure["lower"] < figures[name] < measure["upper"]
    length = (await agreement(judged, criterion, model=CONTROL))["statistics"]
    assert length["lin_ccc"]["upper"] < found["statistics"]["lin_ccc"]["lower"]  # no judge, and seen to be none


async def test_llmbar_has_the_accuracies_that_were_published(serve: Serve, data: Path) -> None:
    """A judge asked in one order, and the gold winner as the label: exact agreement is accuracy."""
    known = expected(data)["llmbar"]["Natural|GPT-4|CoT"]
    gold = {row["item_id"]: row for row in rows(data, "llmbar_items")}
    answers = {
        f"{row['swapped']}/{row['item_id']}": [row["raw_text"]]
        for row in rows(data, "llmbar_judgments")
        if (gold[row["item_id"]]["subset"], row["judge_model"], row["prompt_variant"]) == ("Natural", "GPT-4", "CoT")
    }
    choices = [
        {"label": "A", "aliases": ["Output (a)"]},
        {"label": "B", "aliases": ["Output (b)"]},
        {"label": "tie"},
    ]
    async with ModelServer("openai", replayed(answers)) as model:
        judged: Judged = await serve(openai=model)
        for swapped, figure in ((False, "accuracy_original_order"), (True, "accuracy_swapped_order")):
            name, items, labels = f"winner-{swapped}", [], []
            for each in (gold[mark.partition("/")[2]] for mark in answers if mark.startswith(f"{swapped}")):
                outputs = [each["output_1"], each["output_2"]][:: -1 if swapped else 1]
                mark = f"{swapped}/{each['item_id']}"
                items.append({"id": mark, "input": f"[item {mark}]", "outputs": outputs})
                winner = "A" if (each["gold_winner"] == 1) is not swapped else "B"
                labels.append({"item_id": mark, "criterion": name, "annotator": "gold", "label": winner})
            definition = {"method": "pairwise", "orders": "one", "output": "text", "reasks": 0, "choices": choices}
            await put_judge(judged, name, models=["openai/gpt-4"], **definition)
            await judged.judge(items, name, wait=60)
            await put_labels(judged, iter(labels))
            found = await agreement(judged, name)
            assert found["pairs"] == known["n"]
            assert found["statistics"]["exact"]["value"] == pytest.approx(known[figure], abs=1e-6)
