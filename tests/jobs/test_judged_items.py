"""Items of the newest jobs, drawn for people to look at."""

from redis.asyncio import Redis

from service.config.settings import Settings
from service.contracts.items import Item
from service.jobs import EVERYTHING, View, draw_judged_item
from service.judges import built_in
from tests.jobs.conftest import GOOD, submitted


async def test_an_item_is_drawn_without_what_leads_to_its_judgments(redis: Redis, settings: Settings) -> None:
    helpfulness, preference = built_in()["helpfulness"], built_in()["preference"]
    assert await draw_judged_item(redis, EVERYTHING, helpfulness) is None
    await submitted(redis, settings, items=3)
    assert await draw_judged_item(redis, EVERYTHING, helpfulness) == Item(input=GOOD.input, output=GOOD.output)
    assert await draw_judged_item(redis, EVERYTHING, preference) is None  # no item has two outputs
    assert await draw_judged_item(redis, View("another key"), helpfulness) is None


async def test_no_item_of_a_battle_is_drawn(redis: Redis, settings: Settings) -> None:
    await submitted(redis, settings, purpose="battle")
    assert await draw_judged_item(redis, EVERYTHING, built_in()["helpfulness"]) is None
