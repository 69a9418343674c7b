"""Leaderboards of real judges and systems, computed elsewhere under rules stated beside them."""

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from service.arena.leaderboard import standings
from service.arena.vote_counts import WinCounts
from service.contracts.arena import ArenaVote, Winner
from service.stats.elo import elo_ratings
from tests.arena.votes import TIE, A, B, fitted, halves

DIGITS = 5.1e-7  # six are given


def read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def judges_votes(data: Path) -> Iterator[ArenaVote]:
    """A round is an item, an order and a prompt; of two judges the one that is right wins, if the other is wrong."""
    gold = {each["item_id"]: each["gold_winner"] for each in read(data / "llmbar_items.jsonl.gz")}
    rounds: dict[tuple[str, bool, str], dict[str, bool]] = defaultdict(dict)
    for each in read(data / "llmbar_judgments.jsonl.gz"):
        place = each["item_id"], each["swapped"], each["prompt_variant"]
        rounds[place][each["judge_model"]] = each["author_winner"] == gold[each["item_id"]]
    for _, right in sorted(rounds.items()):
        for first, second in combinations(sorted(right), 2):
            if right[first] is not right[second]:
                yield first, second, A if right[first] else B


def test_the_leaderboard_of_llmbars_judges_comes_out(data: Path) -> None:
    expected = json.loads((data / "expected.json").read_text())["leaderboard_of_judges_llmbar"]
    given_votes = list(judges_votes(data))
    counted = WinCounts.from_votes(given_votes)
    assert list(counted.models) == expected["wins_matrix"]["judges"]
    assert counted.wins.tolist() == expected["wins_matrix"]["wins"]
    strengths = dict(zip(counted.models, fitted(counted).strengths.tolist(), strict=True))
    assert strengths == pytest.approx(expected["bradley_terry_log_strength_mean_zero"], abs=DIGITS)
    rows = standings(counted, elo_ratings(given_votes))
    assert {row.model: row.rating for row in rows} == pytest.approx(
        expected["bradley_terry_elo_scale_mean_1000"], abs=DIGITS
    )
    assert [(row.model, row.rank) for row in rows] == [("GPT-4", 1), ("PaLM2", 2), ("LLaMA2", 3), ("ChatGPT", 3)]


def test_the_judges_elo_comes_out(data: Path) -> None:
    expected = json.loads((data / "expected.json").read_text())["leaderboard_of_judges_llmbar"]["sequential_elo"]
    given_votes = list(judges_votes(data))
    assert len(given_votes) == expected["games"]
    found = elo_ratings(given_votes, start=expected["start"], k=expected["K"])
    assert found == pytest.approx(expected["ratings"], abs=DIGITS)


def majority(labels: list[int]) -> Winner:
    """What more than half said: 1, 2, or 0 for neither. Where no half agrees, neither."""
    label, count = Counter(labels).most_common(1)[0]
    return {1: A, 2: B, 0: TIE}[label] if 2 * count > len(labels) else TIE


def systems_votes(data: Path, who: str = "humans") -> Iterator[ArenaVote]:
    """The humans' votes are those of their majority; the judge's answers that are none are left out."""
    said = {"1": A, "2": B, "Tie": TIE}
    for each in read(data / "pandalm_human_pairs.jsonl.gz"):
        winner = majority(each["human_labels"]) if who == "humans" else said.get(each["judge_label"])
        if winner is not None:
            yield *each["systems"], winner


@pytest.mark.parametrize("who", ["humans", "gpt35"])
def test_the_leaderboard_of_pandalms_systems_comes_out(data: Path, who: str) -> None:
    expected = json.loads((data / "expected.json").read_text())["leaderboard_of_systems_pandalm"][who]
    counted = WinCounts.from_votes(systems_votes(data, who))
    assert list(counted.models) == expected["systems"]
    assert halves(counted).tolist() == expected["wins_tie_half"]
    strengths = dict(zip(counted.models, fitted(counted).strengths.tolist(), strict=True))
    assert strengths == pytest.approx(expected["bradley_terry_log_strength_mean_zero"], abs=DIGITS)
