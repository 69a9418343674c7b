from typing import Any

import msgspec
import pytest

from service.contracts.items import Item
from service.contracts.judges import Choice, Judge, Method, Scale
from tests.worker.providers.stubbed import JUDGE, Config, request
from worker.providers import build_provider
from worker.providers.base import ProviderError
from worker.providers.capabilities import Capabilities


async def verdict(model: str, item: Item, **judge: Any) -> dict[str, Any]:
    provider = build_provider("control", Config(kind="control", base_url=""), Capabilities())
    definition: Judge = msgspec.structs.replace(JUDGE, **judge)
    completion = await provider.complete(request(model=model, item=item, judge=definition))
    await provider.aclose()
    assert (completion.source, completion.finish_reason) == ("schema", "stop")
    assert (completion.input_tokens, completion.output_tokens) == (0, 0)
    content: dict[str, Any] = msgspec.json.decode(completion.text)
    assert next(iter(content)) == "explanation"
    assert f"control/{model}, not a language model" in content["explanation"]
    return content


def words(count: int) -> Item:
    return Item(output="word " * count)


# log(1 + n) / log(401): 19 words are half of it, since 1 + 19 is about the square root of 401.
@pytest.mark.parametrize(
    ("count", "scale", "score"),
    [
        (0, None, 1),
        (19, None, 3),
        (400, None, 5),
        (10_000, None, 5),
        (19, Scale(min=0, max=1, step=None), 0.5),
        (3, Scale(min=0, max=1, step=None), 0.23),  # log 4 / log 401
        (19, Scale(min=1, max=2, step=0.5), 1.5),
        (400, Scale(min=1, max=10, step=4), 9),  # 1, 5, 9
        (400, Scale(min=0, max=1, step=0.1), 1),
        (3, Scale(min=0, max=1, step=0.1), 0.2),
        (0, Scale(min=-2, max=2), -2),
    ],
)
async def test_length_is_the_number_of_words_on_a_logarithmic_scale(
    count: int, scale: Scale | None, score: float
) -> None:
    content = await verdict("length", words(count), scale=scale)
    assert content["score"] == score
    assert f"{count} words" in content["explanation"]


@pytest.mark.parametrize(
    ("item", "score"),
    [
        (Item(output="The cat sat.", reference="the CAT sat", context="x", input="x"), 5),
        (Item(output="a b c d", reference="a b"), 3),
        (Item(output="a b", context="a b", input="x"), 5),
        (Item(output="a b", input="c d"), 1),
        (Item(output="a a a b", input="a"), 3),
        (Item(output="Übung", input="übung"), 5),
        (Item(output="", input="a"), 1),
        (Item(output="a"), 1),
        (Item(output="a b", reference=""), 1),
    ],
)
async def test_overlap_is_the_share_of_words_found_elsewhere(item: Item, score: float) -> None:
    assert (await verdict("overlap", item))["score"] == score


@pytest.mark.parametrize(("count", "label"), [(18, "fail"), (20, "pass")])
async def test_half_is_a_pass(count: int, label: str) -> None:
    assert (await verdict("length", words(count), method=Method.PASS_FAIL))["label"] == label


@pytest.mark.parametrize(("count", "label"), [(0, "bad"), (19, "fair"), (400, "good")])
async def test_a_category_is_chosen_by_its_position(count: int, label: str) -> None:
    choices = [Choice(label=each) for each in ("bad", "fair", "good")]
    assert (await verdict("length", words(count), method=Method.CATEGORY, choices=choices))["label"] == label


@pytest.mark.parametrize(
    ("outputs", "label"),
    [(["a b c", "a"], "A"), (["a", "a b"], "B"), (["a b", "c d"], "tie"), (["a " * 500, "a " * 900], "B")],
)
async def test_the_longer_output_wins(outputs: list[str], label: str) -> None:
    item = Item(outputs=outputs, output="ignored")
    assert (await verdict("length", item, method=Method.PAIRWISE))["label"] == label


async def test_the_output_with_more_overlap_wins() -> None:
    item = Item(input="a b", outputs=["x y z", "a"])
    assert (await verdict("overlap", item, method=Method.PAIRWISE))["label"] == "B"


async def test_a_ranking_is_best_first_with_ties_together() -> None:
    item = Item(outputs=["a b", "a b c", "c d", ""])
    assert (await verdict("length", item, method=Method.RANKING))["ranking"] == ["B", ["A", "C"], "D"]


async def test_the_same_item_always_gets_the_same_answer() -> None:
    assert await verdict("length", words(7)) == await verdict("length", words(7))


async def test_another_model_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(ProviderError, match=r"control has no model 'wisdom' \(length, overlap\)") as caught:
        await verdict("wisdom", words(1))
    assert not caught.value.retryable
