"""The models that providers list, and the dates on which they will be shut down."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

_DATED = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})")  # after the name of a snapshot: claude-sonnet-4-5-20250929


class ListedModel(msgspec.Struct, frozen=True, array_like=True):
    """A model under the provider's own name. `retires_at` is None if the list has no date for it."""

    name: str
    retires_at: datetime | None = None


class ModelList(msgspec.Struct, frozen=True, array_like=True):
    """A provider's list as it was last read, and the last attempt: times in milliseconds since the epoch.

    `read_ms` is 0 and `models` is empty until the list was read once. `error` tells why the last attempt failed.
    """

    tried_ms: int
    read_ms: int = 0
    models: list[ListedModel] = []
    error: str | None = None


class SeenModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a configured provider lists, that judged in the last 30 days, or that is a default.

    `is_listed` is null if the provider's list was never read, and false if it lacks the model: names that stand for
    dated snapshots may work without being listed. `retires_at` is the announced time of its shutdown, null if the
    provider's list has none.
    """

    model: str
    is_default: bool
    is_used: bool
    is_listed: bool | None
    retires_at: datetime | None


class SeenProvider(msgspec.Struct, frozen=True, kw_only=True):
    """A configured provider: when its list of models was read, null if never, and why the last attempt failed."""

    provider: str
    kind: str
    models_read_at: datetime | None
    error: str | None


class SeenModels(msgspec.Struct, frozen=True, kw_only=True):
    """The models by name, and the providers whose lists they come from."""

    models: list[SeenModel]
    providers: list[SeenProvider]


def retirement_of(model: str, lists: Mapping[str, ModelList], served: Mapping[str, str]) -> datetime | None:
    """Returns the time at which `provider/name` will be shut down, None if its provider's list has none.

    A name that is not listed is looked up as the model that answered last under it (`served`), else as its newest
    dated snapshot.
    """
    provider, _, name = model.partition("/")
    found = lists.get(provider)
    if found is None:
        return None
    listed = {each.name: each.retires_at for each in found.models}
    for known in (name, served.get(model)):
        if known is not None and known in listed:
            return listed[known]
    snapshots = sorted(each for each in listed if each.startswith(name) and _DATED.fullmatch(each[len(name) :]))
    return listed[snapshots[-1]] if snapshots else None


def seen_models(
    lists: Mapping[str, ModelList], served: Mapping[str, str], *, defaults: Sequence[str], used: Sequence[str]
) -> list[SeenModel]:
    """Returns all models that are listed, used or a default, by name."""
    listed = {f"{provider}/{each.name}" for provider, found in lists.items() for each in found.models}
    return [
        SeenModel(
            model=model,
            is_default=model in defaults,
            is_used=model in used,
            is_listed=model in listed if _was_read(model, lists) else None,
            retires_at=retirement_of(model, lists, served),
        )
        for model in sorted(listed | set(defaults) | set(used))
    ]


def _was_read(model: str, lists: Mapping[str, ModelList]) -> bool:
    found = lists.get(model.partition("/")[0])
    return found is not None and found.read_ms > 0
