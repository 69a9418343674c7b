"""The base of the methods whose answer is a label."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from service.contracts.items import Item
from service.contracts.judges import Choice, Example, Judge
from service.contracts.judgments import Vote
from service.contracts.parsing import ParseRequest
from service.judging.combining import CombinedVerdict, combine_labels
from service.judging.methods.base import JudgingMethod, PlacedProblem
from service.judging.questions import answer_schema, is_text_asked
from service.judging.reading import Reading, Source, read_label

MOST_OF_NAMES = 50_000  # characters of all labels and aliases: the pattern that finds them takes half a second to build


class LabelMethod(JudgingMethod):
    """See `JudgingMethod`. A method with `usual` labels has these alone; judges may describe them and add aliases."""

    answer_field = "verdict"
    usual: ClassVar[Sequence[Choice]] = ()
    reads_pairs: ClassVar[bool] = False

    def choices(self, judge: Judge) -> Sequence[Choice]:
        """Returns the labels to choose from."""
        return with_own_words(self.usual, judge.choices)

    def definition_problems(self, judge: Judge) -> list[PlacedProblem]:
        wrong = [("/scale", f"{judge.method} has no scale")] if judge.scale is not None else []
        return wrong + foreign_labels(self.usual, judge.choices) + name_problems(judge.choices)

    def levels(self, judge: Judge) -> str:
        lines = [
            f"{choice.label}: {choice.description}" if choice.description else choice.label
            for choice in self.choices(judge)
        ]
        return "\n".join(["Verdicts:", *lines])

    def form(self, judge: Judge, item: Item) -> str:
        labels = [choice.label for choice in self.choices(judge)]
        if is_text_asked(judge):
            return f"First explain in a few sentences. Then end with one line: Verdict: <one of: {', '.join(labels)}>"
        return (
            'Answer with one JSON object and nothing else. Its first field, "explanation", says in a few sentences '
            f'why; its second, "verdict", is one of: {", ".join(labels)}.'
        )

    def schema(self, judge: Judge, item: Item) -> dict[str, Any]:
        labels = [choice.label for choice in self.choices(judge)]
        return answer_schema(verdict={"type": "string", "enum": labels})

    def example_verdict(self, judge: Judge, example: Example) -> str | None:
        return example.label

    def read(self, judge: Judge, item: Item, text: str, *, finish_reason: str | None, source: Source) -> Reading:
        return read_label(
            text,
            self.choices(judge),
            criterion=judge.criterion,
            answer_key=judge.answer_key,
            finish_reason=finish_reason,
            source=source,
            pairwise=self.reads_pairs,
        )

    def parse_problems(self, asked: ParseRequest) -> list[PlacedProblem]:
        return super().parse_problems(asked) + long_names(asked.choices)

    def parse(self, asked: ParseRequest, text: str, finish_reason: str | None) -> Reading:
        return read_label(
            text,
            asked.choices or self.usual,
            criterion=asked.criterion,
            answer_key=asked.answer_key,
            finish_reason=finish_reason,
            pairwise=self.reads_pairs,
        )

    def combine(self, judge: Judge, votes: Sequence[Vote]) -> CombinedVerdict:
        return combine_labels(votes)


def with_own_words(usual: Sequence[Choice], own: Sequence[Choice]) -> list[Choice]:
    """Returns the usual choices with a judge's descriptions and aliases. Their scores are fixed."""
    words = {choice.label: choice for choice in own}
    return [
        Choice(
            label=each.label,
            score=each.score,
            description=words[each.label].description if each.label in words else None,
            aliases=[*each.aliases, *(words[each.label].aliases if each.label in words else [])],
        )
        for each in usual
    ]


def foreign_labels(usual: Sequence[Choice], own: Sequence[Choice]) -> list[PlacedProblem]:
    """Returns a problem for each label that the method does not have."""
    labels = [choice.label for choice in usual]
    return [
        (f"/choices/{index}/label", f"must be one of {', '.join(labels)}")
        for index, choice in enumerate(own)
        if choice.label not in labels
    ]


def name_problems(choices: Sequence[Choice]) -> list[PlacedProblem]:
    """Returns the problems of the labels and aliases of a judge, by pointers into its definition."""
    return long_names(choices) or repeated_names(choices)


def long_names(choices: Sequence[Choice]) -> list[PlacedProblem]:
    """Returns a problem if the labels and aliases are too long together."""
    total = sum(len(name) for each in choices for name in (each.label, *each.aliases))
    if total <= MOST_OF_NAMES:
        return []
    return [("/choices", f"the labels and aliases have {total} characters together; at most {MOST_OF_NAMES}")]


def repeated_names(choices: Sequence[Choice]) -> list[PlacedProblem]:
    """Returns a problem for each label or alias that an earlier choice, or the same one, has too."""
    names = [
        (f"/choices/{index}/{place}", name)
        for index, choice in enumerate(choices)
        for place, name in [
            ("label", choice.label),
            *((f"aliases/{at}", alias) for at, alias in enumerate(choice.aliases)),
        ]
    ]
    seen: Counter[str] = Counter()
    wrong = []
    for pointer, name in names:
        seen[name] += 1
        if seen[name] > 1:
            wrong.append((pointer, f"{name} is listed twice"))
    return wrong
