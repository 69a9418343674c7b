"""Real verdicts on pairs, replayed in both orders: the service's figures are those computed from the raw files."""

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.conftest import Judged, Row, Serve
from tests.stubs.model_server import ModelServer

ALIASES = [{"label": "A", "aliases": ["Output (a)"]}, {"label": "B", "aliases": ["Output (b)"]}]
SHOWN_FIRST = re.compile(r"Output A>>>\n<(\S+) (first|second)>")


def rows(data: Path, name: str) -> Iterator[Row]:
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def replaying(texts: dict[tuple[str, bool], str]) -> ModelServer:
    """Answers with the recorded text for the item that the prompt shows, in the order that it shows it in."""

    def reply(body: Row) -> str:
        found = SHOWN_FIRST.search(body["messages"][1]["content"])
        assert found is not None
        return texts[found[1], found[2] == "second"]

    return ModelServer("openai", reply, record=False)


async def judged_pairs(serve: Serve, texts: dict[tuple[str, bool], str]) -> dict[str, Row]:
    """The judgment of each item, asked in both orders and never again."""
    ids = sorted({item_id for item_id, _ in texts})
    judge = {
        "criterion": "preference",
        "method": "pairwise",
        "instructions": "Which is better?",
        "choices": ALIASES,
        "reasks": 0,
    }
    items = [{"id": each, "outputs": [f"<{each} first>", f"<{each} second>"]} for each in ids]
    async with replaying(texts) as model:
        judged: Judged = await serve(openai=model)
        job = await judged.judge(items, judge=judge, models=["openai/replayed"], wait=60)
        assert model.calls == 2 * len(ids)
    assert job["counts"]["failed"] == 0
    return {each["item_id"]: each for each in job["judgments"]}


def label_in(judgment: Row, order: str) -> str | None:
    label: str | None = next(vote["label"] for vote in judgment["votes"] if vote["order"] == order)
    return label


@pytest.mark.timeout(120)
async def test_judgebench_figures_follow(serve: Serve, data: Path) -> None:
    expected = json.loads((data / "expected.json").read_text())["judgebench"]
    gold = {each["item_id"]: each["gold_label"][0] for each in rows(data, "judgebench_items")}
    texts = {(each["item_id"], each["swapped"]): each["raw_text"] for each in rows(data, "judgebench_judgments")}
    judgments = await judged_pairs(serve, texts)
    assert len(judgments) == 350
    assert all(each["outcome"] == "scored" for each in judgments.values())

    for order, figure in (("AB", "accuracy_original_order"), ("BA", "accuracy_swapped_order")):
        right = sum(label_in(judgment, order) == gold[item] for item, judgment in judgments.items())
        assert right / 350 == pytest.approx(expected[figure], abs=1e-6)
    consistent = [each["consistent"] for each in judgments.values()]
    assert sum(consistent) / 350 == pytest.approx(expected["order_consistency"], abs=1e-6)
    assert all(each["label"] == "tie" for each in judgments.values() if not each["consistent"])
    sums = {
        item: sum({gold[item]: 1, "tie": 0}.get(label_in(judgment, order) or "", -1) for order in ("AB", "BA"))
        for item, judgment in judgments.items()
    }
    overall = expected["by_category"]["overall"]
    assert sum(each > 0 for each in sums.values()) == overall["correct"]
    assert sum(each < 0 for each in sums.values()) == overall["incorrect"]
    assert sum(each == 0 for each in sums.values()) == overall["tie"]


@pytest.mark.timeout(120)
async def test_llmbar_figures_follow_where_every_text_is_sure(serve: Serve, data: Path) -> None:
    expected = json.loads((data / "expected.json").read_text())["llmbar"]
    gold = {each["item_id"]: "AB"[each["gold_winner"] - 1] for each in rows(data, "llmbar_items")}
    conditions: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows(data, "llmbar_judgments"):
        subset = row["item_id"].partition(":")[0]
        conditions[f"{subset}|{row['judge_model']}|{row['prompt_variant']}"].append(row)
    sure = {
        name: each
        for name, each in conditions.items()
        if name in expected and all(row["reference_status"] == "r" for row in each)
    }
    # One job for all conditions: an item's id carries its condition.
    texts = {
        (f"{number}|{row['item_id']}", row["swapped"]): row["raw_text"]
        for number, each in enumerate(sure.values())
        for row in each
    }
    judgments = await judged_pairs(serve, texts)
    followed = 0
    for number, name in enumerate(sure):
        mine = {
            item.partition("|")[2]: judgment
            for item, judgment in judgments.items()
            if item.partition("|")[0] == str(number)
        }
        if any(judgment["outcome"] != "scored" for judgment in mine.values()):
            continue  # a sure text that the reader leaves unread: no figure follows
        followed += 1
        figures = expected[name]
        right = {
            order: {item for item, judgment in mine.items() if label_in(judgment, order) == gold[item]}
            for order in ("AB", "BA")
        }
        count = len(mine)
        assert len(right["AB"]) / count == pytest.approx(figures["accuracy_original_order"], abs=1e-6), name
        assert len(right["BA"]) / count == pytest.approx(figures["accuracy_swapped_order"], abs=1e-6), name
        assert len(right["AB"] & right["BA"]) / count == pytest.approx(figures["accuracy_both_orders"], abs=1e-6)
        consistent = sum(judgment["consistent"] for judgment in mine.values())
        assert consistent / count == pytest.approx(figures["order_consistency"], abs=1e-6), name
        ties = sum(judgment["label"] == "tie" for judgment in mine.values())
        assert ties == count - consistent, name
    print(f"llmbar: {followed} of {len(sure)} conditions of sure texts followed, of {len(conditions)} in all")
    assert followed >= 31
