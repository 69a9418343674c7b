"""A benchmark of two prompts whose real answers are replayed: its correlations are those computed from the files.

Answers of gpt-3.5-turbo to each of 360 items, beside the mean of three people: five answers, and scipy's figures of the
careful readings that come with them; with JUDGED_TEST_FULL=1 all twenty, and the figures of `expected.json`.
"""

import json
import os
import re
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from scipy import stats

from tests.flows.conftest import Judged, Row, Serve
from tests.flows.test_benchmarks import begin, finished, upload
from tests.flows.test_real_texts import rows
from tests.stubs.model_server import ModelServer

CRITERION = "engagingness"
VARIANTS = ("geval", "rate_explain_auto_cot")
STATISTICS = ("pearson", "spearman", "kendall_tau_b")

FULL = bool(os.environ.get("JUDGED_TEST_FULL"))
SAMPLES = 20 if FULL else 5

_ITEM = re.compile(r"\[item (tc\d+)\]")
_VARIANT = re.compile(r"\[variant (\w+)\]")


def judge_of(variant: str) -> Row:
    return {
        "criterion": CRITERION,
        "method": "rating",
        "instructions": f"How engaging is the reply? [variant {variant}]",
        "scale": {"min": 1, "max": 3, "step": None},
        "samples": SAMPLES,
        "reasks": 0,  # each answer that there is, once
    }


def figures_of(pairs: list[tuple[float, float]]) -> Row:
    people, judge = zip(*pairs, strict=True)
    return {
        "n": len(pairs),
        "pearson": stats.pearsonr(people, judge).statistic,
        "spearman": stats.spearmanr(people, judge).statistic,
        "kendall_tau_b": stats.kendalltau(people, judge).statistic,
    }


@pytest.mark.timeout(180)
async def test_correlations_are_those_computed_from_the_files(serve: Serve, data: Path) -> None:
    texts: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    read: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)  # mean of people, mean of careful readings
    for row in rows(data, "topicalchat_judgments"):
        if row["criterion"] == CRITERION and row["prompt_variant"] in VARIANTS:
            texts[row["prompt_variant"], row["item_id"]] = row["raw_texts"][:SAMPLES]
            scores = [score for score in row["reference_scores"][:SAMPLES] if score is not None]
            if 2 * len(scores) >= SAMPLES:
                read[row["prompt_variant"]].append((row["human_score"], fmean(scores)))
    items = [
        {"id": row["item_id"], "input": f"[item {row['item_id']}]", "output": row["output"]}
        | {"human": {CRITERION: [row["human_scores"][CRITERION]]}}
        for row in rows(data, "topicalchat_items")
    ]

    def replay(body: dict[str, Any]) -> str:
        prompt = body["messages"][1]["content"]
        variant, item = _VARIANT.search(prompt), _ITEM.search(prompt)
        assert variant
        assert item
        left = texts[variant[1], item[1]]
        return left.pop() if left else "There is no answer."

    async with ModelServer("openai", replay, record=False) as model:
        judged: Judged = await serve(openai=model)
        await upload(judged, items)
        judges = [judge_of(variant) for variant in VARIANTS]
        begun = await begin(judged, judges=judges, models=["openai/gpt-3.5-turbo"], controls=True)
        for _ in range(4):
            benchmark = (
                await judged.client.get(f"/v1/benchmarks/{begun['id']}", params={"wait": 40}, timeout=60)
            ).json()
            if benchmark["leaderboard"]:
                break
    assert benchmark["progress"]["done"] == 360 * 2 * 3
    known = json.loads((data / "expected.json").read_text())["topicalchat"]
    refs = (await finished(judged, begun["id"]))["leaderboard"]
    found = {row["judge"]["digest"]: row for row in refs if not row["control"]}
    assert len(found) == len(VARIANTS)
    job = (await judged.client.get(f"/v1/jobs/{begun['job_id']}")).json()
    for place, variant in enumerate(VARIANTS):
        figures = (
            known[f"{CRITERION}|{variant}"]["dataset_level_reference_parse"] if FULL else figures_of(read[variant])
        )
        row = found[job["judge"][3 * place]["digest"]]
        told = {name: row["statistics"][name]["value"] for name in STATISTICS}
        print(f"\n{variant}: {row['items']} of {figures['n']} items, rank {row['rank']}, {told} for {figures}")
        assert abs(row["items"] - figures["n"]) <= 2
        assert told == pytest.approx({name: figures[name] for name in STATISTICS}, abs=0.01)
        for name in ("cohen_kappa", "cohen_kappa_quadratic"):
            assert row["statistics"][name]["reason"] == "fractional"
    assert all(row["rank"] > 1 for row in refs if row["control"])
