"""Methods whose answer is a label: `pass_fail` and `category`."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from service.contracts.items import Item
from service.contracts.judges import Choice, Judge
from service.contracts.judgments import Vote
from service.judging.combining import Verdict, combine_labels
from service.judging.method import JudgingMethod, Problem, Source
from service.judging.questions import answer_schema
from service.judging.reading import PASS_FAIL_CHOICES, Reading, read_label

_FEWEST = 2


class Category(JudgingMethod):
    """See `JudgingMethod`. One of the judge's choices; what the choice scores, if anything, is the score."""

    def choices(self, judge: Judge) -> Sequence[Choice]:
        """The labels to choose from."""
        return judge.choices

    def definition_problems(self, judge: Judge) -> list[Problem]:
        wrong = [("/scale", f"belongs to no {judge.method}: give choices")] if judge.scale is not None else []
        if len(judge.choices) < _FEWEST:
            wrong.append(("/choices", f"a {judge.method} needs at least {_FEWEST} labels"))
        return wrong + repeated_names(judge.choices)

    def levels(self, judge: Judge) -> str:
        lines = [
            f"{choice.label}: {choice.description}" if choice.description else choice.label
            for choice in self.choices(judge)
        ]
        return "\n".join(["Verdicts:", *lines])

    def form(self, judge: Judge, item: Item) -> str:
        labels = [choice.label for choice in self.choices(judge)]
        if judge.output == "text":
            return f"First explain in a few sentences. Then end with one line: Verdict: <one of: {', '.join(labels)}>"
        return (
            'Answer with one JSON object and nothing else. Its first field, "explanation", says in a few sentences '
            f'why; its second, "verdict", is one of: {", ".join(labels)}.'
        )

    def schema(self, judge: Judge, item: Item) -> dict[str, Any]:
        labels = [choice.label for choice in self.choices(judge)]
        return answer_schema(verdict={"type": "string", "enum": labels})

    def read(self, judge: Judge, item: Item, text: str, *, finish_reason: str | None, source: Source) -> Reading:
        return read_label(
            text,
            self.choices(judge),
            criterion=judge.criterion,
            answer_key=judge.answer_key,
            finish_reason=finish_reason,
            source=source,
        )

    def combine(self, judge: Judge, votes: Sequence[Vote]) -> Verdict:
        return combine_labels(votes)


class PassFail(Category):
    """See `JudgingMethod`. Pass scores 1 and fail 0; a judge may describe them and name aliases, no more."""

    def choices(self, judge: Judge) -> Sequence[Choice]:
        return with_own_words(PASS_FAIL_CHOICES, judge.choices)

    def definition_problems(self, judge: Judge) -> list[Problem]:
        wrong = [("/scale", "belongs to no pass_fail")] if judge.scale is not None else []
        return wrong + foreign_labels(PASS_FAIL_CHOICES, judge.choices) + repeated_names(judge.choices)


def with_own_words(usual: Sequence[Choice], own: Sequence[Choice]) -> list[Choice]:
    """The usual choices with a judge's descriptions and aliases. What they score is fixed."""
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


def foreign_labels(usual: Sequence[Choice], own: Sequence[Choice]) -> list[Problem]:
    """Labels that the method does not have."""
    labels = [choice.label for choice in usual]
    return [
        (f"/choices/{index}/label", f"must be one of {', '.join(labels)}")
        for index, choice in enumerate(own)
        if choice.label not in labels
    ]


def repeated_names(choices: Sequence[Choice]) -> list[Problem]:
    """Labels and aliases that stand for more than one choice, or twice for one."""
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
            wrong.append((pointer, f"{name} is there twice"))
    return wrong
