"""Method `ranking`: two to twenty outputs in order, best first.

Listwise: each question shows all outputs and asks for the whole order. Each model and sample is asked twice, in the
given order and in the reverse one, since models favour the first output; the mean of the ranks decides, and equal
means tie. So a ranking costs two calls a model and sample, one with `"orders": "one"`, for any number of outputs.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from service.contracts.criteria import CriterionScale
from service.contracts.items import Item
from service.contracts.judges import MOST_OUTPUTS, Example, Judge, Method
from service.contracts.judgments import Vote
from service.contracts.parsing import ParseRequest
from service.judging.combining import CombinedVerdict, combine_rankings
from service.judging.methods.base import JudgingMethod, PlacedProblem, TextMark, judging_method
from service.judging.questions import answer_schema, is_text_asked, letter
from service.judging.reading import Order, Reading, Source, read_ranking

FORWARD, BACKWARD = "forward", "backward"
FEWEST_RANKED = 2


@judging_method(Method.RANKING)
class RankingMethod(JudgingMethod):
    """See `JudgingMethod`. In a question the outputs are named A, B, C, ... in the order in which they are shown."""

    needs = ("outputs",)
    answer_field = "ranking"
    gives_rankings = True

    def definition_problems(self, judge: Judge) -> list[PlacedProblem]:
        wrong = [("/scale", "a ranking has no scale")] if judge.scale is not None else []
        return wrong + ([("/choices", "a ranking has no choices")] if judge.choices else [])

    def criterion_scale(self, judge: Judge) -> CriterionScale | None:
        return None

    def item_problems(self, judge: Judge, item: Item) -> list[PlacedProblem]:
        if item.outputs is not None and not FEWEST_RANKED <= len(item.outputs) <= MOST_OUTPUTS:
            return [("/outputs", f"a ranking takes {FEWEST_RANKED} to {MOST_OUTPUTS} outputs, not {len(item.outputs)}")]
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
        if is_text_asked(judge):
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

    def example_verdict(self, judge: Judge, example: Example) -> list[str | list[str]] | None:
        if example.ranking is None:
            return None
        return [
            letter(place) if isinstance(place, int) else [letter(index) for index in place] for place in example.ranking
        ]

    def verdict_in_words(self, verdict: Any) -> str:
        return " > ".join(place if isinstance(place, str) else " = ".join(place) for place in verdict)

    def read(self, judge: Judge, item: Item, text: str, *, finish_reason: str | None, source: Source) -> Reading:
        return read_ranking(
            text,
            len(item.outputs or ()),
            criterion=judge.criterion,
            answer_key=judge.answer_key,
            finish_reason=finish_reason,
            source=source,
        )

    def parse_problems(self, asked: ParseRequest) -> list[PlacedProblem]:
        wrong = super().parse_problems(asked)
        if not FEWEST_RANKED <= len(asked.choices) <= MOST_OUTPUTS:
            needed = f"a ranking needs one choice for each of its {FEWEST_RANKED} to {MOST_OUTPUTS} outputs"
            wrong.append(("/choices", needed))
        return wrong

    def parse(self, asked: ParseRequest, text: str, finish_reason: str | None) -> Reading:
        return read_ranking(
            text,
            len(asked.choices),
            criterion=asked.criterion,
            answer_key=asked.answer_key,
            finish_reason=finish_reason,
        )

    def combine(self, judge: Judge, votes: Sequence[Vote]) -> CombinedVerdict:
        return combine_rankings(votes)

    def marked_texts(self, item: Item) -> Sequence[str]:
        return item.outputs or [item.output or ""]

    def baseline(self, judge: Judge, marks: Sequence[TextMark]) -> dict[str, Any]:
        """Returns the letters of the outputs, the highest number first; equal ones share an inner list."""
        numbers = [mark.number for mark in marks]
        groups = [
            [letter(index) for index, number in enumerate(numbers) if number == level]
            for level in sorted(set(numbers), reverse=True)
        ]
        return {"ranking": [group[0] if len(group) == 1 else group for group in groups]}
