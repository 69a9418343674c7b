"""The providers' lists of models are read once a day; a provider that fails does no harm."""

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest
from redis.asyncio import Redis

from service.contracts.model_lists import ListedModel, ModelList
from service.contracts.outcomes import Reason
from service.store.models import load_model_lists, save_model_list
from worker import model_lists
from worker.model_lists import ModelListReader
from worker.providers.base import ProviderError
from worker.providers.control import ControlProvider

DAY_MS = 24 * 3600 * 1000
SOON = ListedModel("old", datetime(2026, 12, 1, tzinfo=UTC))


class Lister:
    """Lists these models, or raises this error."""

    def __init__(self, *found: ListedModel, error: ProviderError | None = None, hangs: bool = False) -> None:
        self.found, self.error, self.hangs = list(found), error, hangs
        self.asked = 0

    async def list_models(self) -> list[ListedModel]:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return self.found


def failure() -> ProviderError:
    return ProviderError("answered 404", reason=Reason.PROVIDER_ERROR, retryable=False)


async def age(redis: Redis, name: str, by_ms: int) -> None:
    """Makes a stored list older."""
    found = (await load_model_lists(redis))[name]
    await save_model_list(
        redis,
        name,
        msgspec.structs.replace(found, tried_ms=found.tried_ms - by_ms, read_ms=max(found.read_ms - by_ms, 0)),
    )


async def test_each_list_is_read_once_a_day(redis: Redis) -> None:
    mine, other = Lister(SOON), Lister(ListedModel("new"))
    reader = ModelListReader(redis, {"mine": mine, "other": other, "control": ControlProvider()})
    for _ in range(3):
        await reader.read()
    assert (mine.asked, other.asked) == (1, 1)
    found = await load_model_lists(redis)
    assert set(found) == {"mine", "other"}
    assert found["mine"].models == [SOON]
    assert found["mine"].error is None
    await age(redis, "mine", DAY_MS)
    await reader.read()
    assert (mine.asked, other.asked) == (2, 1)


async def test_a_list_that_can_not_be_read_stays_as_it_was(redis: Redis) -> None:
    mine, other = Lister(SOON), Lister(ListedModel("new"))
    reader = ModelListReader(redis, {"mine": mine, "other": other})
    await reader.read()
    for name in ("mine", "other"):
        await age(redis, name, DAY_MS)
    mine.error = failure()
    await reader.read()
    found = await load_model_lists(redis)
    assert (found["mine"].models, found["mine"].error) == ([SOON], "answered 404")
    assert found["mine"].read_ms < found["mine"].tried_ms
    assert found["other"].error is None
    await reader.read()
    assert mine.asked == 2


async def test_a_provider_that_hangs_takes_no_more_than_its_time(redis: Redis) -> None:
    limit, model_lists._LIMIT_S = model_lists._LIMIT_S, 0.05
    try:
        await ModelListReader(redis, {"slow": Lister(hangs=True), "mine": Lister(SOON)}).read()
    finally:
        model_lists._LIMIT_S = limit
    found = await load_model_lists(redis)
    assert found["mine"].models == [SOON]
    assert found["slow"] == ModelList(found["slow"].tried_ms, 0, [], "no answer within 0.05 s")


async def test_a_server_that_loads_its_model_is_asked_again_without_a_word(
    redis: Redis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_lists, "_LOADING_S", 0.001)
    caplog.set_level("INFO")

    class Loading(Lister):
        async def list_models(self) -> list[ListedModel]:
            if self.asked == 2:
                self.error = None
            return await super().list_models()

    loading = ProviderError("answered 503", reason=Reason.PROVIDER_ERROR, retryable=True, status=503)
    await ModelListReader(redis, {"local": Loading(SOON, error=loading)}).read()
    found = (await load_model_lists(redis))["local"]
    assert (found.models, found.error, caplog.records) == ([SOON], None, [])
