"""Costs: the price of a model, the cost of a call, and the estimated cost of many judgments.

A price is the one of `[prices]` in the configuration, else the list price that `genai-prices` knows.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from service import list_prices
from service.config.kinds import KINDS
from service.config.settings import PriceSettings, Settings
from service.contracts.items import Item
from service.contracts.judges import Judge, ResolvedJudge
from service.judging.methods import METHODS
from service.judging.questions import estimated_tokens
from service.list_prices import Listed

SAMPLE = 200  # items: their mean is that of all items to a few percent
ASSUMED_OUTPUT_TOKENS = 100  # an answer with its reason: two or three sentences
_TOKENS = 1_000_000  # prices are given for so many
_MINUTE_S = 60.0
_ANY_DELIMITER = "0" * 16

PriceOf = Callable[[int, int], Decimal]  # US dollars for a call, by its input tokens and its output tokens


class EstimatedCall(NamedTuple):
    """The tokens of a call that has not been made."""

    input_tokens: int
    output_tokens: int


class Prices:
    """The prices of models, written "provider/model", under one configuration.

    Call `learn` first where an event loop runs: to find a list price takes a process, or a third of a second.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._in_minute = lru_cache(maxsize=1024)(self._found_price)

    async def learn(self, models: Iterable[str]) -> None:
        """Learns the list prices of the models that have no other price."""
        listed = [self._listed(model) for model in dict.fromkeys(models)]
        await list_prices.learn([each for each in listed if each is not None])

    def cost_usd(self, model: str, input_tokens: int | None, output_tokens: int | None) -> float | None:
        """Returns the US dollars for one call; None if the price or the number of tokens is unknown.

        A list price is without the discounts of caches and batches.
        """
        price = self._price_of(model)
        if price is None or input_tokens is None or output_tokens is None:
            return None
        return float(price(input_tokens, output_tokens))

    def unknown(self, models: Sequence[str]) -> str | None:
        """Returns a message that names the models without a price, each once; None if all have one."""
        unpriced = list(dict.fromkeys(model for model in models if self._price_of(model) is None))
        return f"cost unknown: no price for {', '.join(unpriced)}" if unpriced else None

    def estimated_cost_usd(self, judges: Sequence[ResolvedJudge], sample: Sequence[Item], items: int) -> float | None:
        """Returns the US dollars for `items` items like those of the sample; None if a price is unknown.

        Cached votes are not deducted, and re-asks are not added.
        """
        calls: dict[str, list[EstimatedCall]] = {}
        total = 0.0
        for judge in judges:
            if judge.ref.digest not in calls:
                calls[judge.ref.digest] = list(estimated_calls(judge.definition, sample))
            for model in judge.models:
                costs = [self.cost_usd(model, *call) for call in calls[judge.ref.digest]]
                known = [cost for cost in costs if cost is not None]
                if len(known) < len(costs):
                    return None
                total += sum(known) * judge.definition.samples * items / len(sample)
        return total

    def _price_of(self, model: str) -> PriceOf | None:
        return self._in_minute(model, time.time() // _MINUTE_S)  # a list price changes with time

    def _found_price(self, model: str, minute: float) -> PriceOf | None:
        if own := self._settings.prices.get(model):
            return _own_price(own)
        if listed := self._listed(model):
            price = list_prices.list_price(listed)
            return None if price is None else price.cost
        settings = self._settings.provider_of(model)
        return _free if settings is not None and KINDS[settings.kind].is_built_in else None

    def _listed(self, model: str) -> Listed | None:
        """A model in the words of `genai-prices`; None if its price is not looked up there."""
        provider, _, name = model.partition("/")
        settings = self._settings.provider_of(model)
        if settings is None or model in self._settings.prices or KINDS[settings.kind].is_built_in:
            return None
        return Listed(KINDS[provider].price_id if provider in KINDS else provider, name)


def estimated_calls(judge: Judge, items: Sequence[Item]) -> Iterator[EstimatedCall]:
    """Yields the calls that one sample of one model takes, over all orders, if no answer has to be asked for again.

    Raises TemplateError if an item lacks a field that the judge's own prompt needs.
    """
    method = METHODS[judge.method]
    output_tokens = min(ASSUMED_OUTPUT_TOKENS, judge.parameters.max_output_tokens)
    for item in items:
        for order in method.orders(judge):
            question = method.question(judge, method.shown(item, order), _ANY_DELIMITER)
            yield EstimatedCall(estimated_tokens(question.messages), output_tokens)


def _free(input_tokens: int, output_tokens: int) -> Decimal:
    return Decimal(0)


def _own_price(price: PriceSettings) -> PriceOf:
    per_in, per_out = Decimal(str(price.input)), Decimal(str(price.output))
    return lambda tokens_in, tokens_out: (per_in * tokens_in + per_out * tokens_out) / _TOKENS
