"""Method `ranking`: two to twenty outputs in order, best first.

Listwise: each question shows all outputs and asks for the whole order. Asked twice a model and sample, as given
and the other way round, since models favour what stands first; the mean of the ranks decides, and equal means tie.
So a ranking costs two calls a model and sample, one with `"orders": "one"`, however many outputs there are.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from service.contracts.items import Item
from service.contracts.judges import Judge
from service.contracts.judgments import Vote
from service.judging.combining import Verdict, combine_rankings
from service.judging.method import JudgingMethod, Problem, Source
from service.judging.questions import answer_schema, letter
from service.judging.reading import Order, Reading, read_ranking

FORWARD, BACKWARD = "forward", "backward"
FEWEST, MOST = 2, 20


class Ranking(JudgingMethod):
    """See `JudgingMethod`. In a question the outputs are named A, B, C, ... as shown."""

    needs = ("outputs",)

    def definition_problems(self, judge: Judge) -> list[Problem]:
        wrong = [("/scale", "belongs to no ranking")] if judge.scale is not None else []
        return wrong + ([("/choices", "belong to no ranking")] if judge.choices else [])

    def item_problems(self, judge: Judge, item: Item) -> list[Problem]:
        if item.outputs is not None and not FEWEST <= len(item.outputs) <= MOST:
            return [("/outputs", f"a ranking takes {FEWEST} to {MOST} outputs, not {len(item.outputs)}")]
        return super().item_problems(judge, item)

    def orders(self, judge: Judge) -> tuple[str | None, ...]:
        return (FORWARD, BACKWARD) if judge.orders == "both" else (FORWARD,)

    def shown(self, item: Item, order: str | None) -> Item:
        if order != BACKWARD or item.outputs is None:
            return item
        return msgspec.structs.replace(item, outputs=item.outputs[::-1])

    def in_item_terms(self, reading: Reading, item: Item, order: str | None) -> Reading:
        if order != BACKWARD or reading.ranking is None or item.outputs is None:
            return reading
        last = len(item.outputs) - 1
        turned = tuple(tuple(sorted(last - index for index in group)) for group in reading.ranking)
        return msgspec.structs.replace(reading, value=Order(turned))

    def levels(self, judge: Judge) -> str:
        return "Put all outputs in order by this criterion, best first. Equally good ones may tie."

    def form(self, judge: Judge, item: Item) -> str:
        names = ", ".join(letter(index) for index in range(len(item.outputs or ())))
        if judge.output == "text":
            return (
                "First explain in a few sentences. Then end with one line with every output once, best first, "
                f"> between them and = between equals: Ranking: <order of {names}>"
            )
        return (
            'Answer with one JSON object and nothing else. Its first field, "explanation", says in a few sentences '
            f'why; its second, "ranking", is an array with each of {names} once, best first.'
        )

    def schema(self, judge: Judge, item: Item) -> dict[str, Any]:
        names = [letter(index) for index in range(len(item.outputs or ()))]
        return answer_schema(
            ranking={
                "type": "array",
                "items": {"type": "string", "enum": names},
                "minItems": len(names),
                "maxItems": len(names),
            }
        )

    def read(self, judge: Judge, item: Item, text: str, *, finish_reason: str | None, source: Source) -> Reading:
        return read_ranking(
            text,
            len(item.outputs or ()),
            criterion=judge.criterion,
            answer_key=judge.answer_key,
            finish_reason=finish_reason,
            source=source,
        )

    def combine(self, judge: Judge, votes: Sequence[Vote]) -> Verdict:
        return combine_rankings(votes)


def as_listed(ranking: tuple[tuple[int, ...], ...] | None) -> list[int | list[int]] | None:
    """Groups as the wire has them: those that tie in an inner list, one alone as itself."""
    if ranking is None:
        return None
    return [group[0] if len(group) == 1 else list(group) for group in ranking]
