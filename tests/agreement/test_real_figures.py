"""Published figures of real ratings come out of counters."""

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.agreement.coding import Coding
from service.agreement.reports import headline_statistics, human_ceiling
from tests.agreement.items import FIVE, WORDS, Item, counted, rows_of

LIKELY = ["No", "Unsure", "Yes"]


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as opened:
        return [json.loads(line) for line in opened]


@pytest.mark.parametrize("criterion", ["Informativeness", "Relevance", "Fluency", "Coherence"])
def test_newsroom_figures_come_out_of_counters(data: Path, criterion: str) -> None:
    ratings = [row["ratings"][criterion] for row in lines(data / "newsroom_human_ratings.jsonl.gz")]
    told = [Item({name: (int(v), "r") for name, v in zip("abc", row, strict=True)}, None) for row in ratings]
    published = json.loads((data / "expected.json").read_text())["newsroom_krippendorff"][criterion]["published"]
    found = human_ceiling(FIVE, counted(rows_of(FIVE, told), "ceiling", ""), "random")
    assert found.statistics["krippendorff_alpha_ordinal"].value == pytest.approx(published, abs=1e-6)


def test_dices_figure_comes_out_of_counters(data: Path) -> None:
    coding = Coding(msgspec.structs.replace(WORDS.scale, labels=LIKELY))
    rows = [row["ratings"]["safety"] for row in lines(data / "dices350_human_labels.jsonl.gz")]
    told = [
        Item({f"{place}": (value, "r") for place, value in enumerate(row) if value in LIKELY}, None) for row in rows
    ]
    found = human_ceiling(coding, counted(rows_of(coding, told), "ceiling", ""), "random")
    assert found.statistics["krippendorff_alpha_nominal"].value == pytest.approx(0.1609, abs=5e-5)


def test_pandalm_figures_come_out_of_counters(data: Path) -> None:
    expected = json.loads((data / "expected.json").read_text())
    words = {0: "tie", 1: "A", 2: "B"}
    rows = lines(data / "pandalm_human_pairs.jsonl.gz")
    for one, other in ((0, 1), (0, 2), (1, 2)):
        told = [Item({"d": (words[row["human_labels"][one]], "r")}, words[row["human_labels"][other]]) for row in rows]
        figure = expected["pandalm_humans"]["cohen_kappa"][f"{one + 1}-{other + 1}"]
        _, found = headline_statistics(WORDS, counted(rows_of(WORDS, told)), ["cohen_kappa"])
        assert found["cohen_kappa"].value == pytest.approx(figure, abs=1e-6)
    told = [Item({f"{place}": (words[v], "r") for place, v in enumerate(row["human_labels"])}, None) for row in rows]
    ceiling = human_ceiling(WORDS, counted(rows_of(WORDS, told), "ceiling", ""), "random")
    figure = expected["pandalm_humans"]["krippendorff_alpha_nominal"]
    assert ceiling.statistics["krippendorff_alpha_nominal"].value == pytest.approx(figure, abs=1e-6)
