"""When a model will be shut down, by the lists of the providers."""

from datetime import UTC, datetime

import pytest

from service.contracts.model_lists import ListedModel, ModelList, retirement_of, seen_models

SOON, LATER = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)
LISTS = {
    "anthropic": ModelList(
        1,
        1,
        [
            ListedModel("claude-sonnet-4-5-20250929", SOON),
            ListedModel("claude-opus-4-20250514", SOON),
            ListedModel("claude-opus-4-20260101", LATER),
            ListedModel("claude-sonnet-5-5"),
        ],
    ),
    "openai": ModelList(1, 1, [ListedModel("gpt-4o"), ListedModel("gpt-4o-2024-08-06", SOON)]),
    "mine": ModelList(1, error="answered 404"),
}


@pytest.mark.parametrize(
    ("model", "served", "expected"),
    [
        ("anthropic/claude-sonnet-5-5", {}, None),
        ("anthropic/claude-sonnet-4-5-20250929", {}, SOON),
        ("anthropic/claude-sonnet-4-5", {}, SOON),  # its dated snapshot
        ("anthropic/claude-opus-4", {}, LATER),  # the newest of them
        ("anthropic/claude-opus-4", {"anthropic/claude-opus-4": "claude-opus-4-20250514"}, SOON),
        ("anthropic/claude-sonnet-4", {}, None),  # no snapshot of it: 4-5 is another model
        ("openai/gpt-4o", {"openai/gpt-4o": "gpt-4o-2024-08-06"}, None),  # the name itself goes on
        ("openai/gpt-9", {}, None),
        ("mine/model", {}, None),
        ("other/model", {}, None),
    ],
)
def test_a_name_is_looked_up_as_itself_as_what_answered_and_as_its_snapshot(
    model: str, served: dict[str, str], expected: datetime | None
) -> None:
    assert retirement_of(model, LISTS, served) == expected


def test_models_that_are_listed_used_or_a_default_are_seen() -> None:
    found = seen_models(LISTS, {}, defaults=["openai/gpt-9"], used=["mine/model", "openai/gpt-4o"])
    by_name = {each.model: each for each in found}
    assert list(by_name) == sorted(by_name)
    assert len(by_name) == 4 + 2 + 2
    assert (by_name["openai/gpt-9"].is_default, by_name["openai/gpt-9"].is_listed) == (True, False)
    assert (by_name["mine/model"].is_used, by_name["mine/model"].is_listed) == (True, None)
    assert (by_name["openai/gpt-4o"].is_used, by_name["openai/gpt-4o"].is_listed) == (True, True)
    assert by_name["anthropic/claude-sonnet-4-5-20250929"].retires_at == SOON
