"""What a call costs, by the list prices of `genai-prices`."""

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache

from genai_prices import Usage, calc_price
from genai_prices.types import PriceCalculation

from service.config.settings import ProviderSettings
from service.store.clock import today

_VENDORS = {"openai": "openai", "anthropic": "anthropic", "gemini": "google"}


def cost_usd(
    model: str, settings: ProviderSettings, input_tokens: int | None, output_tokens: int | None
) -> float | None:
    """US dollars for one call of `provider/model`; None where the price or the tokens are unknown.

    A provider is known by its name (`openai`, `anthropic`, `gemini`, or the library's own name for it). Prices
    are without the discounts of caches and batches.
    """
    if settings.kind == "control":
        return 0.0
    if input_tokens is None or output_tokens is None:
        return None
    provider, _, name = model.partition("/")
    price = _price(_VENDORS.get(provider, provider), name, today())
    return None if price is None else float(price(input_tokens, output_tokens))


@lru_cache(maxsize=1024)
def _price(provider: str, name: str, day: str) -> Callable[[int, int], Decimal] | None:
    """The price of a call by its tokens in and out, None where it is unknown.

    Most prices are so much a token: then there is no need for the library at each call, which takes 0.1 ms.
    """
    try:
        price = _calculated(provider, name, 1, 1).model_price
    except LookupError:
        return None
    per_in, per_out = price.input_mtok, price.output_mtok
    if price.requests_kcount is None and isinstance(per_in, Decimal) and isinstance(per_out, Decimal):
        return lambda tokens_in, tokens_out: (per_in * tokens_in + per_out * tokens_out) / 1_000_000
    return lambda tokens_in, tokens_out: _calculated(provider, name, tokens_in, tokens_out).total_price


def _calculated(provider: str, name: str, tokens_in: int, tokens_out: int) -> PriceCalculation:
    usage = Usage(input_tokens=tokens_in, output_tokens=tokens_out)
    return calc_price(usage, model_ref=name, provider_id=provider)
