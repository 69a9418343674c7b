"""What every method of judging has: its questions, how its answers are read, how its votes are combined."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

from service.contracts.items import Item
from service.contracts.judges import Judge
from service.contracts.judgments import Vote
from service.judging.combining import Verdict
from service.judging.questions import Message, Question, built_in_question
from service.judging.reading import Reading
from service.judging.templates import TemplateError, fill, template_problem

Source = Literal["schema", "tool", "text"]
Problem = tuple[str, str]  # a JSON pointer, and what is wrong there


class JudgingMethod(ABC):
    """One method. Stateless: a judge and an item go in, values come out."""

    needs: tuple[str, ...] = ("output",)  # the fields that the built-in prompt must have of an item

    @abstractmethod
    def definition_problems(self, judge: Judge) -> list[Problem]:
        """What of this method's own makes a definition unusable, by pointers into it."""

    @abstractmethod
    def levels(self, judge: Judge) -> str:
        """The scale or the choices in words."""

    @abstractmethod
    def form(self, judge: Judge, item: Item) -> str:
        """What to answer, in words."""

    @abstractmethod
    def schema(self, judge: Judge, item: Item) -> dict[str, Any]:
        """The JSON schema of an answer."""

    @abstractmethod
    def read(self, judge: Judge, item: Item, text: str, *, finish_reason: str | None, source: Source) -> Reading:
        """The verdict in an answer about the item as it was shown."""

    @abstractmethod
    def combine(self, judge: Judge, votes: Sequence[Vote]) -> Verdict:
        """What the votes amount to."""

    def orders(self, judge: Judge) -> tuple[str | None, ...]:
        """The orders in which the outputs are shown, one vote each; None where there is but one output."""
        return (None,)

    def shown(self, item: Item, order: str | None) -> Item:
        """The item as it is shown in an order."""
        return item

    def in_item_terms(self, reading: Reading, item: Item, order: str | None) -> Reading:
        """A reading of an answer about `shown`, in terms of the item as it was given."""
        return reading

    def problems(self, judge: Judge) -> list[Problem]:
        """What makes a definition unusable, by pointers into it."""
        wrong = [
            (f"/{field}", problem)
            for field in ("template", "system")
            if (source := getattr(judge, field)) is not None and (problem := template_problem(source))
        ]
        return wrong + self.definition_problems(judge)

    def item_problems(self, judge: Judge, item: Item) -> list[Problem]:
        """What keeps the judge from judging an item, by pointers into it."""
        missing = [
            (f"/{field}", f"the judge of {judge.criterion} needs this field")
            for field in self.needs
            if getattr(item, field) is None and judge.template is None
        ]
        return missing or self._unfilled(judge, item)

    def _unfilled(self, judge: Judge, item: Item) -> list[Problem]:
        if judge.template is None and judge.system is None:
            return []
        try:
            self.question(judge, item, delimiter="")
        except TemplateError as error:
            return [("", f"the judge's template can't be filled: {error}")]
        return []

    def question(self, judge: Judge, item: Item, delimiter: str) -> Question:
        """What to ask about an item as it is shown: by the judge's own prompt, if it has one.

        Raises TemplateError where the item lacks what an own prompt needs.
        """
        levels = self.levels(judge)
        asked = built_in_question(
            judge,
            item,
            levels=levels,
            answer=self.form(judge, item),
            schema=self.schema(judge, item),
            delimiter=delimiter,
        )
        if judge.template is None and judge.system is None:
            return asked
        return Question(messages=self._own_messages(judge, item, levels, asked.messages), schema=asked.schema)

    def _own_messages(
        self, judge: Judge, item: Item, levels: str, built_in: tuple[Message, ...]
    ) -> tuple[Message, ...]:
        """The judge's own prompt; what it leaves out is the built-in one's, save a system message beside a template."""
        variables = {
            "criterion": judge.criterion,
            "instructions": judge.instructions,
            "scale": levels,
            "choices": levels,
        }
        _, user = built_in
        if judge.template is not None:
            user = Message("user", fill(judge.template, item, **variables))
        if judge.system is None:
            return (user,)
        return (Message("system", fill(judge.system, item, **variables)), user)
