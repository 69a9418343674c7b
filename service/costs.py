"""Costs: the price of a model, the cost of a call, and the estimated cost of many judgments.

A price is the one of `[prices]` in the configuration, else the list price that `genai-prices` knows.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from service.config.kinds import KINDS
from service.config.settings import PriceSettings, Settings
from service.contracts.items import Item
from service.contracts.judges import Judge, ResolvedJudge
from service.judging.methods import METHODS
from service.judging.questions import estimated_tokens

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

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
    """The prices of models, written "provider/model", under one configuration."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._in_minute = lru_cache(maxsize=1024)(self._found_price)

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
        return self._in_minute(model, time.time() // _MINUTE_S)  # a list price may change with the day

    def _found_price(self, model: str, minute: float) -> PriceOf | None:
        provider, _, name = model.partition("/")
        if own := self._settings.prices.get(model):
            return _own_price(own)
        settings = self._settings.provider_of(model)
        if settings is None:
            return None
        if KINDS[settings.kind].is_built_in:
            return _free
        vendor = KINDS[provider].price_id if provider in KINDS else provider
        return _list_price(vendor, name, datetime.now(UTC).date().isoformat())


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


@lru_cache(maxsize=1024)
def _list_price(vendor: str, name: str, day: str) -> PriceOf | None:
    """The price of a model as the library has it on a day; None if it is unknown.

    Most prices are so much a token. Then the library is not called for each call, which takes 0.1 ms.
    """
    try:
        price = _calculated(vendor, name, 1, 1).model_price
    except LookupError:
        return None
    per_in, per_out = price.input_mtok, price.output_mtok
    if price.requests_kcount is None and isinstance(per_in, Decimal) and isinstance(per_out, Decimal):
        return lambda tokens_in, tokens_out: (per_in * tokens_in + per_out * tokens_out) / _TOKENS
    return lambda tokens_in, tokens_out: _calculated(vendor, name, tokens_in, tokens_out).total_price


def _calculated(vendor: str, name: str, tokens_in: int, tokens_out: int) -> "PriceCalculation":
    from genai_prices import Usage as PricedUsage
    from genai_prices import calc_price

    usage = PricedUsage(input_tokens=tokens_in, output_tokens=tokens_out)
    return calc_price(usage, model_ref=name, provider_id=vendor)
