"""The fields that a judge's `extra` and `reasoning_effort` add to the body of a call."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from service.contracts.judges import Parameters


def with_extra_fields(body: bytes, parameters: Parameters, effort_path: Sequence[str]) -> bytes:
    """Returns a JSON body with the fields that the parameters add.

    A field that the body has is never replaced, under no other name that means the same to a server: Gemini takes
    `generation_config` for `generationConfig`, and OpenAI two names for the limit of output tokens.

    `effort_path` leads to the field for the reasoning effort, object by object; it is empty if there is none.
    """
    if not parameters.extra and parameters.reasoning_effort is None:
        return body
    fields: dict[str, Any] = msgspec.json.decode(body)
    if parameters.reasoning_effort is not None and effort_path:
        effort: Any = parameters.reasoning_effort
        for name in reversed(effort_path):
            effort = {name: effort}
        _add(fields, effort)
    _add(fields, parameters.extra)
    return msgspec.json.encode(fields)


def _add(fields: dict[str, Any], more: Mapping[str, Any]) -> None:
    names = {_meaning(name): name for name in fields}
    for extra_name, value in more.items():
        name = names.get(_meaning(extra_name))
        known = fields.get(name) if name is not None else None
        if name is None:
            fields[extra_name] = value
        elif isinstance(known, dict) and isinstance(value, dict):
            _add(known, value)


def _meaning(name: str) -> str:
    plain = name.replace("_", "").lower()
    return "maxtokens" if plain == "maxcompletiontokens" else plain
