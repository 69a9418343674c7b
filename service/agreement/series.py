"""Whose scores a query is about: one judge, one of its models, on the judge's criterion."""

import re
from collections.abc import Sequence
from typing import Annotated, NamedTuple

from litestar.params import QueryParameter
from redis.asyncio import Redis

from service.agreement.coding import Coding, scale_of
from service.agreement.evidence import PANEL, series_of, token_of
from service.api.judges import definition_of
from service.config.settings import Settings
from service.contracts.criteria import CriterionScale
from service.contracts.judges import JudgeRef
from service.contracts.refusals import Fault, impossible, invalid
from service.jobs.resolving import ref_of
from service.store import agreement_counters as tallies
from service.store import criteria, judges

_DIGEST = "sha256:"
_MODEL = r"(?:panel|[A-Za-z0-9][A-Za-z0-9._-]{0,63}/\S{1,200})"

JudgeOfQuery = Annotated[
    str,
    QueryParameter(
        min_length=1, max_length=120, description="`name`, `name@3`, or the digest of a judge that jobs had inline."
    ),
]
ModelOfQuery = Annotated[
    str | None,
    QueryParameter(
        pattern=f"^{_MODEL}$",
        description="A model, or `panel` for what several said together; the judge's only one unless given.",
    ),
]
OtherOfQuery = Annotated[
    str | None,
    QueryParameter(
        min_length=1,
        max_length=400,
        description="Another judge in place of people: `name:model`, `name@3:model` or `sha256:…:model`.",
    ),
]


class Series(NamedTuple):
    """All that one model of a judge version says, or its panel, and the scale that it says it on."""

    judge: JudgeRef
    model: str
    criterion: str
    coding: Coding

    @property
    def name(self) -> str:
        return series_of(self.judge, self.model)


class _Known(NamedTuple):
    """A judge; `models` are those that it asks where a job names no others, empty where that is not known."""

    judge: JudgeRef
    criterion: str
    scale: CriterionScale | None
    models: Sequence[str]


async def find_series(redis: Redis, settings: Settings, reference: str, model: str | None) -> Series:
    """The series of a judge; without a model, that of its only model, else its panel's.

    Raises a 422 problem at /judge where there is no such judge, or one whose answers are orders.
    """
    return await _series(redis, settings, reference, model, "/judge")


async def find_other(redis: Redis, settings: Settings, other: str, than: Series) -> Series:
    """The series that `judge:model` names. Raises a 400 or 422 problem at /other where it can't be compared."""
    reference, model = _parts(other)
    if model is not None and not re.fullmatch(_MODEL, model):
        raise invalid([Fault("/other", f"{model!r} is neither a model nor `{PANEL}`")])
    found = await _series(redis, settings, reference, model, "/other")
    if found.criterion != than.criterion:
        said = f"is a judge of {found.criterion}, and the first one of {than.criterion}"
        raise impossible([Fault("/other", said)])
    if found.name == than.name:
        raise impossible([Fault("/other", "is the same judge and model")])
    return found


async def _series(redis: Redis, settings: Settings, reference: str, model: str | None, at: str) -> Series:
    known = await _known(redis, settings, reference)
    if known is None:
        raise impossible([Fault(at, f"there is no judge {reference}")])
    if known.scale is None:
        raise impossible([Fault(at, "no agreement is defined for the answers of its method")])
    if model is None:
        seen = await tallies.models_of(redis, token_of(known.judge))
        model = _usual(known.models, [name for _, name in seen])
    return Series(known.judge, model, known.criterion, Coding(known.scale))


async def _known(redis: Redis, settings: Settings, reference: str) -> _Known | None:
    if reference.startswith(_DIGEST):
        seen = await tallies.models_of(redis, reference)
        ref, criterion = JudgeRef(name=None, version=None, digest=reference), seen[0][0] if seen else ""
        return _Known(ref, criterion, await criteria.scale_of(redis, criterion), ()) if seen else None
    stored = await judges.by_reference(redis, reference)
    if stored is None:
        return None
    scale = scale_of(definition_of(stored))
    return _Known(ref_of(stored), stored.criterion, scale, stored.models or settings.default_models)


def _usual(models: Sequence[str], seen: Sequence[str]) -> str:
    """The only model, else the panel; but where neither was heard and one other was, that one."""
    usual = models[0] if len(models) == 1 else PANEL
    return seen[0] if usual not in seen and len(seen) == 1 else usual


def _parts(other: str) -> tuple[str, str | None]:
    """Judge and model: a name has no colon, but models have, and so have digests."""
    start = len(_DIGEST) if other.startswith(_DIGEST) else 0
    reference, _, model = other[start:].partition(":")
    return other[:start] + reference, model or None
