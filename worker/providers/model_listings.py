"""Reads the lists of models that providers return, in whichever fields they have names and dates of shutdown."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from service.contracts.model_lists import ListedModel
from worker.providers.envelopes import object_of, objects_of

MOST_LISTED = 5000
_MOST_OF_A_NAME = 200  # characters


def listed_models(
    body: bytes, *, lists: Sequence[str], names: Sequence[str], dates: Sequence[str]
) -> list[ListedModel]:
    """Returns the models in a body: a list of objects, or an object that has it in one of the fields `lists`.

    `names` and `dates` are fields of an entry, of which the first that has a value counts. An entry without a name is
    left out, and a date that can't be read counts as none. Raises msgspec.DecodeError if there is no list.
    """
    read: Any = msgspec.json.decode(body)
    entries = read if isinstance(read, list) else next((read[each] for each in lists if each in object_of(read)), None)
    if not isinstance(entries, list):
        raise msgspec.ValidationError("no list of models")
    found: dict[str, ListedModel] = {}
    for entry in objects_of(entries)[:MOST_LISTED]:
        name = next((text for each in names if isinstance(text := entry.get(each), str) and text), "")
        if name and len(name) <= _MOST_OF_A_NAME:
            found[name] = ListedModel(name, next(filter(None, (moment_of(entry.get(each)) for each in dates)), None))
    return list(found.values())


def moment_of(value: Any) -> datetime | None:
    """Returns the time of a date or a date with a time, in UTC unless it names another zone; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
