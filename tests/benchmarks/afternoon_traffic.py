"""The traffic of an afternoon: answers of two versions of a bot, people's labels of them, and two models' scores.

Everything is drawn beforehand, so that the truth of every figure is known: people's labels of all items, and the
scores of both models.
"""

import json
import re
from typing import Any, NamedTuple

import numpy as np

from tests.stubs.wire_formats import Reply

GROUPS = ("bot-v1", "bot-v2")
PEOPLE = ("ann", "bob")
BEFORE, AFTER = "judge-model-2026-03-01", "judge-model-2026-11-30"  # the served models

_TEXT = (
    "please open your account page then choose the button that says change and wait for our mail before you sign in "
    "again because old links end after one hour and support can only help with orders that were paid by card"
)
_NUMBER = re.compile(r"ticket (\d+)\b")

Row = dict[str, Any]


class Traffic(NamedTuple):
    """Items 2n and 2n + 1 are one case, answered by the first and the second group.

    `labels` has a row for each item and a column for each person; `scores` the scores of the served models.
    """

    lengths: np.ndarray
    labels: np.ndarray
    scores: dict[str, np.ndarray]

    def item(self, number: int) -> Row:
        random = np.random.default_rng([7, number])
        words = " ".join(random.choice(_TEXT.split(), size=int(self.lengths[number])))
        case = number // 2
        return {
            "id": f"t/{number}",
            "group": GROUPS[number % 2],
            "case": f"case-{case}",
            "input": f"Question {case}: how do I change the address of my order?",
            "output": f"{words} (ticket {number})",
        }

    def people_mean(self, items: np.ndarray) -> float:
        return float(self.labels[items].mean())

    def judge_mean(self, items: np.ndarray, served: str) -> float:
        return float(self.scores[served][items].mean())

    def people_difference(self, items: np.ndarray) -> float:
        """The true difference of the second group from the first over whole cases."""
        of = self.labels.mean(axis=1)
        return float(of[items[items % 2 == 1]].mean() - of[items[items % 2 == 0]].mean())

    def judge_difference(self, items: np.ndarray, served: str) -> float:
        of = self.scores[served]
        return float(of[items[items % 2 == 1]].mean() - of[items[items % 2 == 0]].mean())

    def counts(self, items: np.ndarray, served: str) -> list[list[int]]:
        """The table of all items and people: rows are people's values, columns the judge's."""
        table = np.zeros((5, 5), dtype=int)
        for person in range(len(PEOPLE)):
            np.add.at(table, (self.labels[items, person] - 1, self.scores[served][items] - 1), 1)
        return [[int(each) for each in row] for row in table]


def traffic(items: int, swap: str, seed: int) -> Traffic:
    """The second version is better by about a third of a point, and writes longer answers.

    The model before the swap is lenient and good. After it, `worse` answers by length more than by quality, `shifted`
    gives 0.8 points less, `same` only has another name.
    """
    random = np.random.default_rng(seed)
    case = np.repeat(random.normal(0, 0.7, items // 2), 2)
    second = np.arange(items) % 2
    quality = 3.1 + case + 0.35 * second + random.normal(0, 0.8, items)
    long = random.normal(0, 1, items) + 0.5 * second + 0.15 * (quality - 3.1)
    labels = np.stack([_level(quality + random.normal(0, 0.45, items)) for _ in PEOPLE], axis=1)
    good = quality + 0.2 + random.normal(0, 0.5, items)
    after = {
        "worse": 3.6 + 0.25 * (quality - 3.1) + 0.6 * long + random.normal(0, 0.7, items),
        "shifted": good - 0.8,
        "same": good,
    }[swap]
    return Traffic(
        lengths=np.clip(np.round(30 + 9 * long), 4, 70).astype(int),
        labels=labels,
        scores={BEFORE: _level(good), AFTER: _level(after)},
    )


def _level(quality: np.ndarray) -> np.ndarray:
    return np.clip(np.round(quality), 1, 5).astype(int)


class Model:
    """The stub's model: finds the item's number in the prompt, and answers with the served model's score."""

    def __init__(self, all_traffic: Traffic) -> None:
        self.served = BEFORE
        self._traffic = all_traffic

    def __call__(self, body: Row) -> Reply:
        found = _NUMBER.search(str(body["messages"]))
        assert found is not None, body
        score = int(self._traffic.scores[self.served][int(found[1])])
        text = json.dumps({"explanation": "The answer was read.", "score": score})
        message = {"role": "assistant", "content": text, "refusal": None}
        return Reply(
            body={
                "id": "chatcmpl-stub",
                "object": "chat.completion",
                "created": 1_700_000_000,
                "model": self.served,
                "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
                "usage": {"prompt_tokens": 200, "completion_tokens": 20, "total_tokens": 220},
            }
        )
