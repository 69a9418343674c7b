"""Prices of models, costs of calls, and estimates."""

from typing import Any

import pytest

from service.config.settings import PriceSettings, ProviderSettings, Settings
from service.contracts.items import Item
from service.contracts.judges import Judge, JudgeRef, Method, Parameters, ResolvedJudge
from service.costs import ASSUMED_OUTPUT_TOKENS, Prices, estimated_calls

PAIRWISE = Judge(criterion="wit", method=Method.PAIRWISE, instructions="?", samples=2)
PAIR = Item(outputs=["a", "b"])
SETTINGS = Settings(
    providers={name: ProviderSettings(kind="openai", base_url="http://a/v1") for name in ("openai", "vllm")},
    prices={"vllm/mine": PriceSettings(input=1, output=3), "openai/gpt-4.1": PriceSettings(input=10, output=0)},
)
PRICES = Prices(SETTINGS)


def resolved(*models: str, **fields: Any) -> ResolvedJudge:
    judge = Judge(**{field: getattr(PAIRWISE, field) for field in PAIRWISE.__struct_fields__} | fields)
    return ResolvedJudge(ref=JudgeRef(name=None, version=None, digest="d"), definition=judge, models=list(models))


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        ("vllm/mine", 7.0),  # 1 and 2 million tokens
        ("openai/gpt-4.1", 10.0),  # in place of the list price
        ("openai/gpt-4.1-mini", 0.4 + 2 * 1.6),  # the list price
        ("control/length", 0.0),
        ("openai/no-such-model", None),
        ("nobody/gpt-4.1", None),
    ],
)
def test_the_cost_of_a_call(model: str, cost: float | None) -> None:
    assert PRICES.cost_usd(model, 1_000_000, 2_000_000) == pytest.approx(cost)


@pytest.mark.parametrize("tokens", [(None, 1), (1, None)])
def test_without_a_number_of_tokens_the_cost_is_unknown(tokens: tuple[int | None, int | None]) -> None:
    assert PRICES.cost_usd("vllm/mine", *tokens) is None


def test_models_without_a_price_are_named_once() -> None:
    assert PRICES.unknown(["vllm/mine", "control/length"]) is None
    assert (
        PRICES.unknown(["vllm/a", "vllm/mine", "openai/b", "vllm/a"]) == "cost unknown: no price for vllm/a, openai/b"
    )


def test_an_estimate_counts_models_samples_orders_and_items() -> None:
    calls = list(estimated_calls(PAIRWISE, [PAIR]))
    assert [each.output_tokens for each in calls] == [ASSUMED_OUTPUT_TOKENS] * 2
    one = sum(each.input_tokens * 1 + each.output_tokens * 3 for each in calls) / 1_000_000
    estimate = PRICES.estimated_cost_usd([resolved("vllm/mine", "control/length")], [PAIR], 10)
    assert estimate == pytest.approx(one * 2 * 10)
    assert PRICES.estimated_cost_usd([resolved("vllm/mine", "vllm/other")], [PAIR], 10) is None


def test_an_answer_is_never_estimated_longer_than_it_may_be() -> None:
    short = resolved("vllm/mine", parameters=Parameters(max_output_tokens=7)).definition
    assert {each.output_tokens for each in estimated_calls(short, [PAIR])} == {7}
