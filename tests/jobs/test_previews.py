"""A preview has each call that judging an item would take."""

import msgspec
import pytest
from redis.asyncio import Redis

from service.config.settings import Settings
from service.contracts.items import Item
from service.contracts.judges import Judge, Method
from service.contracts.refusals import Kind, Refused
from service.jobs import PreviewRequest, preview_judge, store_judge
from service.jobs.previews import MOST_SHOWN_CHARS
from tests.jobs.conftest import GOOD

BETTER = Judge(criterion="wit", method=Method.PAIRWISE, instructions="Which is funnier?", samples=2)


async def test_there_is_a_request_for_each_model_sample_and_order(redis: Redis, settings: Settings) -> None:
    await store_judge(redis, settings, "better", BETTER)
    item = Item(input="a joke, please", outputs=["knock", "who is there"])
    asked = PreviewRequest(item=item, models=["control/length", "control/overlap"])
    preview = await preview_judge(redis, settings, "better", asked)
    made = [(each.model, each.sample, each.order) for each in preview.requests]
    assert made == [
        (model, sample, order)
        for model in ("control/length", "control/overlap")
        for sample in (0, 1)
        for order in ("AB", "BA")
    ]
    assert all("knock" in each.messages[-1].content and each.estimated_tokens > 0 for each in preview.requests)


async def test_an_item_that_the_judge_cannot_judge_is_refused_at_its_field(redis: Redis, settings: Settings) -> None:
    with pytest.raises(Refused) as refused:
        await preview_judge(redis, settings, "helpfulness", PreviewRequest(item=Item(input="alone")))
    assert [fault.pointer for fault in refused.value.faults] == ["/item/output"]


async def test_an_unknown_judge_is_not_found_and_an_unknown_model_impossible(redis: Redis, settings: Settings) -> None:
    asked = PreviewRequest(item=GOOD)
    with pytest.raises(Refused, match="did you mean 'helpfulness'") as refused:
        await preview_judge(redis, settings, "helpfulnes", asked)
    assert refused.value.kind is Kind.NOT_FOUND
    elsewhere = msgspec.structs.replace(asked, models=["elsewhere/m"])
    with pytest.raises(Refused, match="no provider 'elsewhere' is configured"):
        await preview_judge(redis, settings, "helpfulness", elsewhere)


async def test_a_preview_shows_no_more_than_a_client_can_hold(redis: Redis, settings: Settings) -> None:
    await store_judge(redis, settings, "better", msgspec.structs.replace(BETTER, samples=50))
    asked = PreviewRequest(item=Item(outputs=["a" * 400_000, "b"]), models=["control/length"])
    with pytest.raises(Refused, match=f"more than {MOST_SHOWN_CHARS} characters") as refused:
        await preview_judge(redis, settings, "better", asked)
    assert refused.value.kind is Kind.TOO_LARGE
