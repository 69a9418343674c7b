"""Which models are in use, and when those of a judge will be shut down."""

from datetime import UTC, datetime

from redis.asyncio import Redis

from service.agreement.retirements import USED_MS, retires_at, used_models
from service.agreement.series import Series
from service.agreement.series_names import PANEL, baseline_model, series_name
from service.contracts.judges import JudgeRef
from service.contracts.model_lists import ListedModel, ModelList
from service.store import clock, keys
from service.store.connection import reply
from service.store.models import save_model_list
from tests.agreement.items import FIVE

REF = JudgeRef(name="wit", version=1, digest="sha256:ab")
SOON, LATER = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)


async def judged(redis: Redis, *series: str, ago_ms: int = 0) -> None:
    """Notes that these series judged."""
    await reply(redis.zadd(keys.SERIES, {f"wit\t{each}": clock.now_ms() - ago_ms for each in series}))


def series_of(model: str, served: str = "") -> Series:
    return Series(REF, model, "wit", FIVE, served=served)


async def test_models_that_judged_in_the_last_30_days_are_in_use(redis: Redis) -> None:
    names = [series_name("wit@1", model) for model in ("a/one", PANEL, baseline_model("length"))]
    await judged(redis, *names, series_name("wit@2", "a/one", "one-2026-01-01"))
    await judged(redis, series_name("wit@1", "a/old"), ago_ms=USED_MS + 60_000)
    assert await used_models(redis) == ["a/one"]


async def test_a_series_has_the_date_of_its_model_and_a_panel_the_first_of_its_models(redis: Redis) -> None:
    await judged(redis, *(series_name("wit@1", model) for model in ("a/one", "a/two", PANEL)))
    await judged(redis, series_name("other@1", "a/three"))
    assert await retires_at(redis, series_of("a/one")) is None
    soon = ListedModel("three", SOON)
    await save_model_list(redis, "a", ModelList(1, 1, [ListedModel("one"), ListedModel("two-v7", LATER), soon]))
    assert await retires_at(redis, series_of("a/one")) is None
    assert await retires_at(redis, series_of("a/two")) is None
    assert await retires_at(redis, series_of("a/two", "two-v7")) == LATER
    assert await retires_at(redis, series_of("a/three")) == SOON
    assert await retires_at(redis, series_of(PANEL)) is None
    await judged(redis, series_name("wit@1", "a/two", "two-v7"))
    assert await retires_at(redis, series_of(PANEL)) == LATER
