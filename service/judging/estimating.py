"""How many tokens it takes to judge items, before anybody is asked."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from service.contracts.items import Item
from service.contracts.judges import Judge
from service.judging.methods import METHODS
from service.judging.questions import draw_delimiter, estimated_tokens

ASSUMED_OUTPUT_TOKENS = 100  # an answer with its reason: two or three sentences


class Call(NamedTuple):
    """One call's tokens, as far as they can be guessed."""

    input_tokens: int
    output_tokens: int


def calls_of(judge: Judge, items: Sequence[Item]) -> Iterator[Call]:
    """The calls that one sample of one model takes, over all orders, if nothing has to be asked again.

    Raises TemplateError where an item lacks what an own prompt needs.
    """
    method = METHODS[judge.method]
    output_tokens = min(ASSUMED_OUTPUT_TOKENS, judge.parameters.max_output_tokens)
    for item in items:
        for order in method.orders(judge):
            question = method.question(judge, method.shown(item, order), draw_delimiter())
            yield Call(estimated_tokens(question.messages), output_tokens)
