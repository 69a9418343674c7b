"""The interface of a method of judging: its scale, its questions, its answers and the combination of its votes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

import msgspec

from service.contracts.criteria import CriterionScale
from service.contracts.items import TEXT_FIELDS, Item
from service.contracts.judges import Example, Judge, Method, Scale
from service.contracts.judgments import Vote
from service.contracts.outcomes import Outcome
from service.contracts.parsing import ParseRequest
from service.judging import scales
from service.judging.combining import CombinedVerdict
from service.judging.passing import pass_problems
from service.judging.questions import (
    Frame,
    Message,
    Question,
    built_in_messages,
    example_in_words,
    is_own_prompt,
    is_text_asked,
    question_frame,
)
from service.judging.reading import Reading, Source
from service.judging.templates import TemplateError, fill, shows_item, template_problem

PlacedProblem = tuple[str, str]  # a JSON pointer, and the problem there

REMINDER = "Answer again, in the form that was asked for."


class TextMark(NamedTuple):
    """A baseline's mark for one text: the share of the highest possible mark (0 to 1), and the number to compare by."""

    share: float
    number: float


class JudgingMethod(ABC):
    """One method. Stateless: values are computed from a judge and an item.

    `needs` are the fields of an item that the built-in prompt must have. `answer_field` is the name of the verdict in
    an answer.
    """

    needs: ClassVar[tuple[str, ...]] = ("output",)
    answer_field: ClassVar[str] = "score"
    gives_rankings: ClassVar[bool] = False

    # The definition.

    @abstractmethod
    def definition_problems(self, judge: Judge) -> list[PlacedProblem]:
        """Returns the problems of a definition that only this method has, by pointers into it."""

    @abstractmethod
    def criterion_scale(self, judge: Judge) -> CriterionScale | None:
        """Returns the values of the answers; None if they are no values, and so have no agreement."""

    def logprobs_scale(self, judge: Judge) -> Scale | None:
        """Returns the scale over which token probabilities give an expected score; None if they can't."""
        return None

    def problems(self, judge: Judge) -> list[PlacedProblem]:
        """Returns the problems of a definition, by pointers into it."""
        wrong = prompt_problems(judge) + self.definition_problems(judge)
        if wrong:
            return wrong
        if judge.pass_if is not None:
            wrong += pass_problems(judge.pass_if, self.criterion_scale(judge))
        return wrong + self._example_problems(judge)

    def _example_problems(self, judge: Judge) -> list[PlacedProblem]:
        """The examples whose right answer is none that the judge can give, found by reading them as answers."""
        wrong = []
        for index, example in enumerate(judge.examples):
            item = Item(output=example.output, outputs=example.outputs)
            text = msgspec.json.encode({self.answer_field: self.example_verdict(judge, example)}).decode()
            reading = self.read(judge, item, text, finish_reason=None, source="schema")
            if reading.outcome is not Outcome.SCORED:
                problem = f"its {self.answer_field} is not an answer that the judge can give: {reading.reason}"
                wrong.append((f"/examples/{index}", problem))
        return wrong

    # The question.

    @abstractmethod
    def levels(self, judge: Judge) -> str:
        """Returns the scale or the choices in words."""

    @abstractmethod
    def form(self, judge: Judge, item: Item) -> str:
        """Returns the form of an answer in words, the same for items with as many outputs."""

    @abstractmethod
    def schema(self, judge: Judge, item: Item) -> dict[str, Any]:
        """Returns the JSON schema of an answer, the same for items with as many outputs."""

    def example_verdict(self, judge: Judge, example: Example) -> Any:
        """Returns the right answer of an example as it is in JSON; None if it has none."""
        return example.score

    def verdict_in_words(self, verdict: Any) -> str:
        """Returns a verdict in JSON as a text answer has it."""
        return str(verdict)

    def _examples(self, judge: Judge) -> list[str]:
        shown = []
        for number, example in enumerate(judge.examples, 1):
            explanation, verdict = example.explanation or "", self.example_verdict(judge, example)
            answer = msgspec.json.encode({"explanation": explanation, self.answer_field: verdict}).decode()
            if is_text_asked(judge):
                answer = f"{explanation}\n{self.answer_field.capitalize()}: {self.verdict_in_words(verdict)}".lstrip()
            shown.append(example_in_words(number, example, answer))
        return shown

    def orders(self, judge: Judge) -> tuple[str | None, ...]:
        """Returns the orders in which the outputs are shown, one vote for each; None if there is one output."""
        return (None,)

    def shown(self, item: Item, order: str | None) -> Item:
        """Returns the item as it is shown in an order."""
        return item

    def item_problems(self, judge: Judge, item: Item) -> list[PlacedProblem]:
        """Returns the problems that keep the judge from judging an item, by pointers into it."""
        missing = [
            (f"/{field}", f"the judge of {judge.criterion} needs this field")
            for field in self.needs
            if getattr(item, field) is None and judge.template is None
        ]
        return missing or self._unfilled(judge, item)

    def _unfilled(self, judge: Judge, item: Item) -> list[PlacedProblem]:
        """The fields that an own prompt lacks, of which the engine names one at a time."""
        problems: list[PlacedProblem] = []
        while is_own_prompt(judge) and (error := self._error_of_filling(judge, item)) is not None:
            problems.append((error.pointer, f"the judge's template can't be filled: {error}"))
            field = error.pointer[1:]
            if field not in TEXT_FIELDS or getattr(item, field) is not None:
                break
            item = msgspec.structs.replace(item, **{field: ""})
        return problems

    def _error_of_filling(self, judge: Judge, item: Item) -> TemplateError | None:
        try:
            for order in self.orders(judge):
                self.question(judge, self.shown(item, order), delimiter="")
        except TemplateError as error:
            return error
        return None

    def question(self, judge: Judge, item: Item, delimiter: str) -> Question:
        """Returns the question about an item as it is shown: the judge's own prompt, if it has one.

        Raises TemplateError if the item lacks a field that an own prompt needs.
        """
        frame = self._frame(judge, item)
        messages = built_in_messages(frame, item, delimiter)
        if is_own_prompt(judge):
            return Question(messages=self._own_messages(judge, item, frame.levels, messages), schema=frame.schema)
        return Question(messages=messages, schema=frame.schema)

    def _frame(self, judge: Judge, item: Item) -> Frame:
        """The frame of a question, made once for items with as many outputs and kept beside the judge."""
        frames: dict[int, Frame] = judge.__dict__.setdefault("frames", {})
        outputs = len(item.outputs or ())
        if outputs not in frames:
            frames[outputs] = question_frame(
                judge,
                levels=self.levels(judge),
                answer=self.form(judge, item),
                examples=self._examples(judge),
                schema=self.schema(judge, item),
            )
        return frames[outputs]

    def _own_messages(
        self, judge: Judge, item: Item, levels: str, built_in: tuple[Message, Message]
    ) -> tuple[Message, ...]:
        """The judge's own messages, with the built-in user message if it has only a system message of its own."""
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

    def reminder(self, judge: Judge, item: Item) -> str:
        """Returns the form of an answer as a re-ask repeats it; a template of the judge's own has its own form."""
        return self.form(judge, item) if judge.template is None else REMINDER

    # The answer.

    @abstractmethod
    def read(self, judge: Judge, item: Item, text: str, *, finish_reason: str | None, source: Source) -> Reading:
        """Returns the verdict in an answer about the item as it was shown."""

    def in_item_terms(self, reading: Reading, item: Item, order: str | None) -> Reading:
        """Returns a reading of an answer about `shown`, in terms of the item as it was given."""
        return reading

    def parse_problems(self, asked: ParseRequest) -> list[PlacedProblem]:
        """Returns the problems that keep texts from being read as answers, by pointers into the request."""
        return [(f"/scale{pointer}", detail) for pointer, detail in scales.problems(asked.scale or Scale())]

    @abstractmethod
    def parse(self, asked: ParseRequest, text: str, finish_reason: str | None) -> Reading:
        """Returns the verdict in a text, read as the answer of a judge as the request describes it."""

    # The verdict.

    @abstractmethod
    def combine(self, judge: Judge, votes: Sequence[Vote]) -> CombinedVerdict:
        """Returns the combined verdict of the votes."""

    def marked_texts(self, item: Item) -> Sequence[str]:
        """Returns the texts of an item that a baseline marks: its outputs as they are shown."""
        return [item.output or ""]

    @abstractmethod
    def baseline(self, judge: Judge, marks: Sequence[TextMark]) -> dict[str, Any]:
        """Returns the verdict of a baseline as fields of its answer, from its marks for `marked_texts`."""


def prompt_problems(judge: Judge) -> list[PlacedProblem]:
    """Returns the problems of a judge's own prompt, by pointers into the definition."""
    sources = {field: source for field in ("template", "system") if (source := getattr(judge, field)) is not None}
    wrong = [(f"/{field}", problem) for field, source in sources.items() if (problem := template_problem(source))]
    if wrong or judge.template is None:
        return wrong
    if not any(shows_item(source) for source in sources.values()):
        wrong.append(("/template", "must show the item: use at least one variable such as {{item.output}}"))
    if judge.examples:
        wrong.append(("/examples", "only the built-in prompt shows them: write them in the template"))
    return wrong


METHODS: dict[Method, JudgingMethod] = {}
M = TypeVar("M", bound=type[JudgingMethod])


def judging_method(method: Method) -> Callable[[M], M]:
    """Makes a class the implementation of a method; its module has the method's name."""

    def register(implementation: M) -> M:
        METHODS[method] = implementation()
        return implementation

    return register
