"""The votes that a judgment takes, one for each model, sample and order of the outputs, and their questions."""

from functools import lru_cache

from service.contracts.items import Item
from service.contracts.judges import Judge, ResolvedJudge
from service.contracts.judgments import Ballot
from service.judging.methods import METHODS
from service.judging.questions import Question, delimiter_for


def ballots(judge: ResolvedJudge) -> tuple[Ballot, ...]:
    """Returns all votes of a judgment, in the order in which they are listed."""
    orders = METHODS[judge.definition.method].orders(judge.definition)
    return _ballots(tuple(judge.models), judge.definition.samples, orders)


def question_about(judge: Judge, item: Item, order: str | None, secret: bytes) -> Question:
    """Returns the question about an item in an order; `secret` is the installation's.

    Raises TemplateError if the item lacks a field that an own prompt needs.
    """
    method = METHODS[judge.method]
    shown = method.shown(item, order)
    return method.question(judge, shown, delimiter_for(shown, secret))


class Questions:
    """The questions about an item, each made once. `secret` is the installation's."""

    def __init__(self, judge: Judge, item: Item, secret: bytes) -> None:
        self._judge = judge
        self._item = item
        self._secret = secret
        self._made: dict[str | None, Question] = {}

    def about(self, order: str | None) -> Question:
        """Returns the question in an order. Raises TemplateError as `question_about` does."""
        question = self._made.get(order)
        if question is None:
            question = self._made[order] = question_about(self._judge, self._item, order, self._secret)
        return question


@lru_cache(maxsize=1024)
def _ballots(models: tuple[str, ...], samples: int, orders: tuple[str | None, ...]) -> tuple[Ballot, ...]:
    return tuple(Ballot(model, sample, order) for model in models for sample in range(samples) for order in orders)
