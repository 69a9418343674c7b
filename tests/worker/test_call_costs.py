"""The most that a call can cost, and its cost."""

from typing import Any

import msgspec
import pytest

from service.config.settings import PriceSettings, load_settings
from service.contracts.items import Item
from service.contracts.judges import Judge, Method, Parameters
from service.costs import Prices
from service.judging.questions import Message
from worker.call_costs import CallEstimates
from worker.providers.base import Completion, ModelRequest

MODEL = "openai/m"
OTHER = "openai/n"
PROMPT = "x" * 4000
OWN = 620  # tokens of the server: its frame around one message


def estimates() -> CallEstimates:
    settings = load_settings(None, {})
    prices = dict.fromkeys((MODEL, OTHER), PriceSettings(input=1.0, output=10.0))
    return CallEstimates(Prices(msgspec.structs.replace(settings, prices=prices)), lambda model, asked: 2 * asked)


def request(text: str = PROMPT, schema: dict[str, Any] | None = None) -> ModelRequest:
    return ModelRequest(
        model="m",
        messages=(Message("user", text),),
        schema=schema,
        parameters=Parameters(max_output_tokens=100),
        judge=Judge(criterion="wit", method=Method.RATING, instructions="Is it funny?"),
        item=Item(output="x"),
    )


def answer(tokens_in: int | None, tokens_out: int | None) -> Completion:
    return Completion(text="4", source="text", finish_reason="stop", input_tokens=tokens_in, output_tokens=tokens_out)


def nano(tokens_in: int, tokens_out: int) -> int:
    return tokens_in * 1_000 + tokens_out * 10_000


def test_the_most_is_a_token_for_each_byte_and_the_longest_answer() -> None:
    assert estimates().of(MODEL, request()).most() == pytest.approx(nano(4000 + OWN, 200), abs=1)
    assert estimates().of(MODEL, request("字" * 1000)).most() == pytest.approx(nano(3000 + OWN, 200), abs=1)
    with_schema = estimates().of(MODEL, request(schema={"type": "object"}))
    assert with_schema.most() == pytest.approx(nano(4000 + OWN + len('{"type":"object"}'), 200), abs=1)
    assert estimates().of("openai/unknown", request()).most() == 0


def test_answers_do_not_lower_the_most() -> None:
    estimate = estimates().of(MODEL, request())
    before = estimate.most()
    assert estimate.cost(answer(800, 50)) == nano(800, 50)
    assert estimate.most() == before


def test_a_server_that_counts_more_than_should_be_possible_raises_the_most_of_its_model() -> None:
    learning = estimates()
    estimate, other = learning.of(MODEL, request()), learning.of(OTHER, request())
    before = other.most()
    estimate.cost(answer(2 * (4000 + OWN), 400))
    assert estimate.most() == pytest.approx(1.25 * nano(2 * (4000 + OWN), 400), abs=nano(1, 1))
    estimate.cost(answer(10, 10))
    assert estimate.most() == pytest.approx(1.25 * nano(2 * (4000 + OWN), 400), abs=nano(1, 1))
    assert other.most() == before > 0


def test_without_a_count_of_tokens_the_cost_is_unknown() -> None:
    assert estimates().of(MODEL, request()).cost(answer(None, None)) is None
