"""The name of a judge version for people, from the JSON of its reference."""

from collections.abc import Mapping
from typing import Any

_MOST_OF_A_DIGEST = 19  # characters, which tell one from another


def judge_reference(judge: Mapping[str, Any]) -> str:
    """Returns `name@version`, or the digest of a judge without a name: a query finds the judge by it."""
    return str(judge["digest"]) if judge["name"] is None else f"{judge['name']}@{judge['version']}"


def judge_name(judge: Mapping[str, Any]) -> str:
    """Returns `name@version`, or the beginning of the digest of a judge without a name."""
    return judge_reference(judge) if judge["name"] is not None else str(judge["digest"])[:_MOST_OF_A_DIGEST]
