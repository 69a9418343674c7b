"""The most that a call can cost, for the budget, and its cost once it is answered. Amounts are nano-dollars.

A tokenizer makes at most one token of each byte of UTF-8, so the most is known before a model has answered anything.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from service.costs import Prices
from service.store.changes import NANO
from worker.providers.base import Completion, ModelRequest

OutputLimit = Callable[[str, int], int]  # "provider/model", the judge's limit -> the limit that is sent

_FRAME_TOKENS = 600  # of a server's own, around all messages: up to 530 for a tool, 150 for a system message
_MESSAGE_TOKENS = 20  # around each message: its role and its end
_SPARE = 1.25  # for a server that was seen to count more than that


class _Excess(NamedTuple):
    """How many times the most tokens that should be possible a server counts."""

    tokens_in: float = 1.0
    tokens_out: float = 1.0

    def raised(self, counted: tuple[int | None, int | None], most: tuple[int, int]) -> "_Excess":
        """Returns the excess after an answer with these counts."""
        return _Excess(
            *(
                known if count is None or count <= limit else max(known, _SPARE * count / max(limit, 1))
                for known, count, limit in zip(self, counted, most, strict=True)
            )
        )


class CallEstimates:
    """Estimates the costs of calls. Servers that count more tokens than the texts have bytes are remembered."""

    def __init__(self, prices: Prices, output_limit: OutputLimit) -> None:
        self.prices = prices
        self.output_limit = output_limit
        self.excess: dict[str, _Excess] = {}

    def of(self, model: str, request: ModelRequest) -> "CallEstimate":
        """Returns the estimate for one call of a "provider/model"."""
        return CallEstimate(self, model, _most_tokens(request), request.parameters.max_output_tokens)


class CallEstimate(NamedTuple):
    """The estimate for one call, whose prompt has `tokens_in` tokens at most."""

    known: CallEstimates
    model: str
    tokens_in: int
    max_output_tokens: int

    def most(self) -> int:
        """Returns the cost of a call whose answer is as long as it may be now; 0 if the model has no price.

        That grows if the model's answers are cut off, or if its server counts more than should be possible.
        """
        excess = self.known.excess.get(self.model, _Excess())
        most = zip(self._limits, excess, strict=True)
        cost = self.known.prices.cost_usd(self.model, *(math.ceil(tokens * times) for tokens, times in most))
        return 0 if cost is None else math.ceil(cost * NANO)

    def cost(self, completion: Completion) -> int | None:
        """Returns the cost of the answered call, None if the provider did not count its tokens."""
        counted = (completion.input_tokens, completion.output_tokens)
        excess = self.known.excess.get(self.model, _Excess())
        if (raised := excess.raised(counted, self._limits)) != excess:
            self.known.excess[self.model] = raised
        cost = self.known.prices.cost_usd(self.model, *counted)
        return None if cost is None else round(cost * NANO)

    @property
    def _limits(self) -> tuple[int, int]:
        return self.tokens_in, self.known.output_limit(self.model, self.max_output_tokens)


def _most_tokens(request: ModelRequest) -> int:
    schema = 0 if request.schema is None else len(msgspec.json.encode(request.schema))
    texts = sum(len(message.content.encode()) + _MESSAGE_TOKENS for message in request.messages)
    return texts + schema + _FRAME_TOKENS
