"""Method `pairwise`: which of two outputs is better, asked in both orders unless one will do."""

from collections.abc import Sequence

import msgspec

from service.contracts.items import Item
from service.contracts.judges import Choice, Judge
from service.contracts.judgments import Vote
from service.judging.combining import Verdict, combine_pairs
from service.judging.labelled import Category, foreign_labels, repeated_names, with_own_words
from service.judging.method import Problem, Source
from service.judging.reading import PAIRWISE_CHOICES, Label, Reading, read_label

AS_GIVEN, SWAPPED = "AB", "BA"
_SWAP = {"A": "B", "B": "A"}


class Pairwise(Category):
    """See `JudgingMethod`. In a question `A` is the output shown first; a vote's label is in the item's terms."""

    needs = ("outputs",)

    def choices(self, judge: Judge) -> Sequence[Choice]:
        return with_own_words(PAIRWISE_CHOICES, judge.choices)

    def definition_problems(self, judge: Judge) -> list[Problem]:
        wrong = [("/scale", "belongs to no pairwise")] if judge.scale is not None else []
        return wrong + foreign_labels(PAIRWISE_CHOICES, judge.choices) + repeated_names(judge.choices)

    def item_problems(self, judge: Judge, item: Item) -> list[Problem]:
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
        return msgspec.structs.replace(reading, value=Label(_SWAP.get(reading.label, reading.label)))

    def levels(self, judge: Judge) -> str:
        words = {"A": "Output A is better.", "B": "Output B is better.", "tie": "Neither is better."}
        lines = [f"{each.label}: {each.description or words[each.label]}" for each in self.choices(judge)]
        return "\n".join(["Compare output A with output B. Verdicts:", *lines])

    def read(self, judge: Judge, item: Item, text: str, *, finish_reason: str | None, source: Source) -> Reading:
        return read_label(
            text,
            self.choices(judge),
            criterion=judge.criterion,
            answer_key=judge.answer_key,
            finish_reason=finish_reason,
            source=source,
            pairwise=True,
        )

    def combine(self, judge: Judge, votes: Sequence[Vote]) -> Verdict:
        return combine_pairs(votes)
