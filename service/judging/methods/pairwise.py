"""Method `pairwise`: the better of two outputs, asked for in both orders unless the judge wants one."""

from collections.abc import Sequence
from typing import Any

import msgspec

from service.contracts.criteria import CriterionScale
from service.contracts.items import Item
from service.contracts.judges import Judge, Method
from service.contracts.judgments import Vote
from service.judging.combining import TIE, CombinedVerdict, combine_pairs
from service.judging.methods.base import PlacedProblem, TextMark, judging_method
from service.judging.methods.choices import LabelMethod
from service.judging.reading import PAIRWISE_CHOICES, ChosenLabel, Reading

AS_GIVEN, SWAPPED = "AB", "BA"
_SWAP = {"A": "B", "B": "A"}


@judging_method(Method.PAIRWISE)
class PairwiseMethod(LabelMethod):
    """See `JudgingMethod`. In a question `A` is the output shown first; a vote's label is in the item's terms."""

    needs = ("outputs",)
    usual = PAIRWISE_CHOICES
    reads_pairs = True

    def criterion_scale(self, judge: Judge) -> CriterionScale:
        return CriterionScale(kind="labels", labels=["A", TIE, "B"], scores=[None] * 3)

    def item_problems(self, judge: Judge, item: Item) -> list[PlacedProblem]:
        if item.outputs is not None and len(item.outputs) != 2:
            return [("/outputs", f"a pair has two outputs, not {len(item.outputs)}")]
        return super().item_problems(judge, item)

    def orders(self, judge: Judge) -> tuple[str | None, ...]:
        return (AS_GIVEN, SWAPPED) if judge.orders == "both" else (AS_GIVEN,)

    def shown(self, item: Item, order: str | None) -> Item:
        if order != SWAPPED or item.outputs is None:
            return item
        return msgspec.structs.replace(item, outputs=item.outputs[::-1])

    def in_item_terms(self, reading: Reading, item: Item, order: str | None) -> Reading:
        if order != SWAPPED or reading.label is None:
            return reading
        return msgspec.structs.replace(reading, value=ChosenLabel(_SWAP.get(reading.label, reading.label)))

    def levels(self, judge: Judge) -> str:
        words = {"A": "Output A is better.", "B": "Output B is better.", TIE: "Neither is better."}
        lines = [f"{each.label}: {each.description or words[each.label]}" for each in self.choices(judge)]
        return "\n".join(["Compare output A with output B. Verdicts:", *lines])

    def combine(self, judge: Judge, votes: Sequence[Vote]) -> CombinedVerdict:
        return combine_pairs(votes)

    def marked_texts(self, item: Item) -> Sequence[str]:
        return item.outputs or [item.output or ""]

    def baseline(self, judge: Judge, marks: Sequence[TextMark]) -> dict[str, Any]:
        [(_, a), (_, b)] = marks
        return {"label": TIE if a == b else "A" if a > b else "B"}
