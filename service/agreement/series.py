"""Finds the series that a query is about: the scores of one model of a judge, on the judge's criterion."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from service.agreement.coding import Coding, scale_of
from service.agreement.criteria import decoded_scale, find_scale
from service.agreement.series_names import INLINE, PANEL, is_baseline, series_name, split_series, token_of
from service.agreement.served_series import ServedSeries, chosen_served, known_served
from service.contracts.criteria import CriterionScale
from service.contracts.judges import CONTROL, MODEL_OR_PANEL, JudgeRef
from service.contracts.names import did_you_mean
from service.contracts.refusals import Fault, impossible, invalid
from service.store import agreement_counters as tallies
from service.store import judges
from service.store.criteria import judge_scales

_MOST_NAMED = 20  # models in a message


class Series(NamedTuple):
    """All scores of one model of a judge version, or of its panel, and the scale that they are on.

    `labels` is the coding of the criterion's labels if their values are others than the judge's, None if not. `served`
    is the served model that gave the scores, empty if the answers name none, and `served_models` has all that are known
    of this judge and model, the one that answered last first.
    """

    judge: JudgeRef
    model: str
    criterion: str
    coding: Coding
    labels: Coding | None = None
    served: str = ""
    served_models: Sequence[ServedSeries] = ()

    @property
    def name(self) -> str:
        """The name of the series in the counters."""
        return series_name(token_of(self.judge), self.model, self.served)


class _Known(NamedTuple):
    """A judge; `models` are those that it asks if a job names no others, empty if they are not known."""

    judge: JudgeRef
    criterion: str
    scale: CriterionScale | None
    models: Sequence[str]


async def find_series(
    redis: Redis, default_models: Sequence[str], reference: str, model: str | None, served: str | None = None
) -> Series:
    """Returns a judge's series; without a model, the series of its only model, else that of its panel.

    `served` names the served model (`unknown` for answers that name none); by default, the one that answered last.

    `reference` is `name`, `name@version` or the digest of a judge that was sent inline. `default_models` are those of
    a judge that names none. Raises Refused (impossible) with the pointer /judge if there is no such judge, or if its
    method has no agreement, with the pointer /model if the judge has scores, but neither names the model nor has scores
    of it, and with the pointer /served if no such served model answered.
    """
    return await _series(redis, default_models, reference, model, ("/judge", "/model"), served)


async def find_other(redis: Redis, default_models: Sequence[str], other: str, than: Series) -> Series:
    """Returns the series of `judge:model` whose served model answered last, to compare with another one.

    Raises Refused (invalid or impossible) with the pointer /other if the two can't be compared.
    """
    reference, model = _parts(other)
    if "/" in reference:
        raise invalid(
            [Fault("/other", f"must be a judge and its model, such as {than.judge.name or 'wit'}:{reference}")]
        )
    if model is not None and not re.search(MODEL_OR_PANEL, model):
        raise invalid([Fault("/other", f"{model!r} is neither a model (provider/name) nor {PANEL!r}")])
    found = await _series(redis, default_models, reference, model, ("/other", "/other"))
    if found.criterion != than.criterion:
        detail = f"its criterion is {found.criterion!r}; that of the first judge is {than.criterion!r}"
        raise impossible([Fault("/other", detail)])
    if found.name == than.name:
        raise impossible([Fault("/other", "the same judge and model as the first")])
    return found


async def _series(
    redis: Redis,
    default_models: Sequence[str],
    reference: str,
    model: str | None,
    pointers: tuple[str, str],
    served: str | None = None,
) -> Series:
    """`pointers` are those of faults of the judge and of the model."""
    at, at_model = pointers
    known = await _known(redis, reference)
    if known is None:
        near = did_you_mean(reference.partition("@")[0], await judges.judge_names(redis))
        raise impossible([Fault(at, f"there is no judge {reference!r}{near}")])
    if known.scale is None:
        raise impossible([Fault(at, "no agreement is defined for the answers of its method")])
    if model is None:
        seen = await _models_of(redis, token_of(known.judge))
        model = _usual(known.models, default_models, list(dict.fromkeys(name for _, name in seen)))
    elif model not in {PANEL, *known.models, *default_models} and not model.startswith(CONTROL):
        await _check_model(redis, known, model, at_model)
    scale, labels = scales_of(known.scale, await find_scale(redis, known.criterion))
    by_served = await known_served(redis, known.criterion, token_of(known.judge), model)
    chosen = chosen_served(by_served, served)
    return Series(known.judge, model, known.criterion, scale, labels, chosen, by_served)


async def _check_model(redis: Redis, known: _Known, model: str, at: str) -> None:
    """Raises Refused (impossible) if the judge has scores of other models only, of whatever version of it.

    A judge without scores may have some of any model later, since a job can override its models.
    """
    name = known.judge.name
    judge = known.judge.digest if name is None else f"{name}@"
    words = [split_series(series) for _, series in await tallies.newest_series(redis)]
    seen = {each.model for each in words if each.token.startswith(judge) and not is_baseline(each.model)}
    if seen and model not in seen:
        names = list(dict.fromkeys([*known.models, *sorted(seen)]))
        near, shown = did_you_mean(model, names), ", ".join(names[:_MOST_NAMED])
        detail = f"the judge {name or judge} has no scores of the model {model!r} (known: {shown}){near}"
        raise impossible([Fault(at, detail)])


def scales_of(judge: CriterionScale, labels: CriterionScale | None) -> tuple[Coding, Coding | None]:
    """Returns the coding of a judge's scores and that of the labels: None if both have the same values.

    The same words may be in another order, or have other numbers: the labels' hold then for both.
    """
    if labels is None:
        return Coding(judge), None
    return (Coding(labels), None) if judge.has_values_of(labels) else (Coding(judge), Coding(labels))


async def _known(redis: Redis, reference: str) -> _Known | None:
    if reference.startswith(INLINE):
        seen = await _models_of(redis, reference)
        ref, criterion = JudgeRef(name=None, version=None, digest=reference), seen[0][0] if seen else ""
        return _Known(ref, criterion, await _inline_scale(redis, reference, criterion), ()) if seen else None
    stored = await judges.judge_by_reference(redis, reference)
    if stored is None:
        return None
    scale = scale_of(stored.definition)
    return _Known(stored.ref, stored.criterion, scale, stored.models)


async def _inline_scale(redis: Redis, digest: str, criterion: str) -> CriterionScale | None:
    """Returns the scale of a judge that was sent inline; jobs from before it was noted had that of the criterion."""
    noted = (await judge_scales(redis, [digest])).get(digest)
    return decoded_scale(noted) if noted else await find_scale(redis, criterion)


async def _models_of(redis: Redis, judge: str) -> list[tuple[str, str]]:
    """Returns (criterion, model) of all series of a judge, which is `name@version` or an inline judge's digest."""
    found = [(criterion, split_series(name)) for criterion, name in await tallies.newest_series(redis)]
    return [(criterion, words.model) for criterion, words in found if words.token == judge]


def _usual(own: Sequence[str], default_models: Sequence[str], seen: Sequence[str]) -> str:
    """The only model, else the panel; but if it has no scores and exactly one model has some, that one.

    `own` are those that the judge itself names. Without any, jobs may have asked several together: then the panel.
    """
    asked = own or ([PANEL] if PANEL in seen else default_models)
    usual = asked[0] if len(asked) == 1 else PANEL
    if usual in seen:
        return usual
    scored = [name for name in seen if not is_baseline(name)]
    models = [name for name in scored if not name.startswith(CONTROL)] or scored
    return models[0] if len(models) == 1 else usual


def _parts(other: str) -> tuple[str, str | None]:
    """Judge and model: a judge's name has no colon, but models have, and so have digests."""
    start = len(INLINE) if other.startswith(INLINE) else 0
    reference, _, model = other[start:].partition(":")
    return other[:start] + reference, model or None
