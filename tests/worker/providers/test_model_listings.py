"""Lists of models as providers return them: names, dates of shutdown, and bodies that are no lists."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from service.contracts.model_lists import ListedModel
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Kind
from tests.worker.providers.stubbed import KEY, Config
from worker.providers.base import ProviderError
from worker.providers.capabilities import Capabilities
from worker.providers.model_listings import MOST_LISTED, listed_models, moment_of
from worker.providers.registry import build_provider
from worker.providers.remote import RemoteProvider

# As the vendors' own libraries read them: openai 3.57, anthropic 2.13, google-genai 3.6; and OpenRouter's reference.
OPENAI = {
    "object": "list",
    "data": [
        {"id": "gpt-4.1-mini", "object": "model", "created": 1, "owned_by": "system", "shutdown_date": "2027-01-14"},
        {"id": "gpt-6-luna", "object": "model", "created": 2, "owned_by": "system", "shutdown_date": None},
    ],
}
OPENROUTER = {
    "data": [
        {"id": "inception/mercury-2", "name": "Mercury 2", "created": 1, "expiration_date": "2026-11-08"},
        {"id": "openai/gpt-4", "name": "GPT-4", "created": 1, "expiration_date": None},
        {"id": "openai/gpt-5", "name": "GPT-5", "created": 1},
    ]
}
ANTHROPIC = {
    "data": [
        {
            "type": "model",
            "id": "claude-sonnet-4-5-20250929",
            "display_name": "Claude Sonnet 4.5",
            "created_at": "2025-09-29T00:00:00Z",
            "lifecycle": "deprecated",
            "deprecated_at": "2026-09-01T00:00:00Z",
            "retires_at": "2026-11-30T17:00:00Z",
        },
        {"type": "model", "id": "claude-sonnet-5-5", "lifecycle": "active", "retires_at": None},
    ],
    "has_more": False,
    "first_id": "claude-sonnet-4-5-20250929",
    "last_id": "claude-sonnet-5-5",
}
GEMINI = {
    "models": [
        {"name": "models/gemini-3.5-flash-lite", "baseModelId": "gemini-3.5-flash-lite", "version": "3.5"},
        {"name": "models/gemini-2.5-flash", "version": "001"},
    ]
}


def day(year: int, month: int, of_month: int, hour: int = 0) -> datetime:
    return datetime(year, month, of_month, hour, tzinfo=UTC)


async def listed(kind: Kind, models: Any) -> list[ListedModel]:
    async with ModelServer(kind) as server:
        server.models = models
        provider = build_provider("mine", Config(kind=kind, base_url=server.base_url), Capabilities())
        assert isinstance(provider, RemoteProvider)
        try:
            return await provider.list_models()
        finally:
            await provider.aclose()


@pytest.mark.parametrize(
    ("kind", "models", "expected"),
    [
        ("openai", OPENAI, {"gpt-4.1-mini": day(2027, 1, 14), "gpt-6-luna": None}),
        (
            "openai",
            OPENROUTER,
            {"inception/mercury-2": day(2026, 11, 8), "openai/gpt-4": None, "openai/gpt-5": None},
        ),
        (
            "anthropic",
            ANTHROPIC,
            {"claude-sonnet-4-5-20250929": day(2026, 11, 30, 17), "claude-sonnet-5-5": None},
        ),
        ("gemini", GEMINI, {"gemini-3.5-flash-lite": None, "gemini-2.5-flash": None}),
        ("openai", [{"id": "bare/list"}], {"bare/list": None}),
        ("openai", {"data": []}, {}),
    ],
)
async def test_the_list_of_each_kind_is_read(kind: Kind, models: Any, expected: dict[str, datetime | None]) -> None:
    assert {each.name: each.retires_at for each in await listed(kind, models)} == expected


@pytest.mark.parametrize("models", [None, {"error": {"message": "no"}}, "nothing", 7, {"data": "none"}])
async def test_an_answer_that_is_no_list_is_an_error(models: Any) -> None:
    with pytest.raises(ProviderError) as error:
        await listed("openai", models)
    assert KEY not in str(error.value)


async def test_a_provider_that_is_away_is_an_error() -> None:
    provider = build_provider("mine", Config(kind="openai", base_url="http://127.0.0.1:9/v1"), Capabilities())
    assert isinstance(provider, RemoteProvider)
    with pytest.raises(ProviderError):
        await provider.list_models()
    await provider.aclose()


def names(entries: Iterable[Any]) -> list[str]:
    body = msgspec.json.encode({"data": list(entries)})
    return [each.name for each in listed_models(body, lists=("data",), names=("id",), dates=("until",))]


def test_entries_without_a_name_are_left_out() -> None:
    assert names([{"id": ""}, {"id": 7}, {}, None, "text", {"id": "a"}, {"id": "a"}, {"id": "x" * 300}]) == ["a"]
    assert len(names({"id": str(n)} for n in range(MOST_LISTED + 10))) == MOST_LISTED


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2027-01-14", day(2027, 1, 14)),
        ("2027-01-14T10:00:00Z", day(2027, 1, 14, 10)),
        ("2027-01-14T10:00:00", day(2027, 1, 14, 10)),
        ("2027-01-14T10:00:00+02:00", datetime(2027, 1, 14, 10, tzinfo=timezone(timedelta(hours=2)))),
        ("soon", None),
        ("", None),
        (None, None),
        (1_800_000_000, None),
    ],
)
def test_dates(value: Any, expected: datetime | None) -> None:
    assert moment_of(value) == expected
