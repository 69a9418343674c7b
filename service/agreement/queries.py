"""Answers queries about a judge: its agreement with people or with another judge, and the estimate of its mean."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from service.agreement import reports
from service.agreement.counters import read_label_states
from service.agreement.evidence import PANEL, token_of
from service.agreement.reports import Agreement, Between
from service.agreement.series import Series, find_other, find_series, scales_of
from service.contracts.judges import JudgeRef
from service.contracts.labels import Selection, Window
from service.contracts.refusals import Fault, impossible
from service.stats.alphas import Alpha
from service.stats.estimates import Estimate
from service.stats.flags import Flag
from service.stats.labels_needed import more_labels
from service.store import agreement_counters as tallies
from service.store import clock
from service.store.agreement_counters import Wanted


class SeriesQuery(NamedTuple):
    """A query about one series in a window of time. `default_models` are those of a judge that names none."""

    judge: str
    model: str | None
    window: Window
    default_models: Sequence[str]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The other judge and model; the rows of the table are its scores."""

    judge: JudgeRef
    model: str


class JudgeAgreement(Agreement, frozen=True, kw_only=True):
    """The agreement of one model of a judge, or of its panel, with people.

    `panel_alpha` is the agreement of a panel's models with each other, null for a single model.
    """

    judge: JudgeRef
    model: str
    criterion: str
    window: Window
    selection: Selection
    panel_alpha: Alpha | None


class JudgesAgreement(Between, frozen=True, kw_only=True):
    """The agreement of one model of a judge, or of its panel, with another judge."""

    judge: JudgeRef
    model: str
    criterion: str
    window: Window
    other: Compared


class LabelsNeeded(msgspec.Struct, frozen=True, kw_only=True):
    """The approximate number of further items to label for a corrected mean of +- `half_width`."""

    half_width: float
    more: int


class JudgeEstimate(Estimate, frozen=True, kw_only=True):
    """The mean of one model of a judge, or of its panel, and the same mean corrected by labels.

    `labels_needed` is for the requested half-width, by default half of the present one; null without an interval.
    """

    judge: JudgeRef
    model: str
    criterion: str
    window: Window
    labels_needed: LabelsNeeded | None


async def judge_agreement(
    redis: Redis, query: SeriesQuery, other: str | None, selection: Selection
) -> JudgeAgreement | JudgesAgreement:
    """Returns the agreement of a judge with people, or with `other` (`judge:model`) if that is given.

    Raises Refused if there is no such judge, or if the two can't be compared.
    """
    mine = await find_series(redis, query.default_models, query.judge, query.model)
    if other is None:
        return await _with_people(redis, mine, query.window, selection)
    theirs = await find_other(redis, query.default_models, other, mine)
    return await _with_other(redis, mine, theirs, query.window)


async def judge_estimate(redis: Redis, query: SeriesQuery, half_width: float | None) -> JudgeEstimate:
    """Returns a judge's mean and the mean corrected by labels of items drawn at random.

    Raises Refused if there is no such judge, or if its values have no mean.
    """
    mine = await find_series(redis, query.default_models, query.judge, query.model)
    agreed, seen = await tallies.read_windows(
        redis,
        [Wanted(kind, mine.name, mine.criterion) for kind in ("agreed", "seen")],
        tallies.buckets_of(query.window, clock.now_ms()),
    )
    try:
        found = await asyncio.to_thread(reports.estimate_of, mine.coding, agreed, seen, mine.labels)
    except ValueError as error:
        raise impossible([Fault("/judge", str(error))]) from error
    needed = _labels_needed(found, half_width)
    return JudgeEstimate(**_fields(found), **_named(mine), window=query.window, labels_needed=needed)


async def _with_people(redis: Redis, mine: Series, window: Window, selection: Selection) -> JudgeAgreement:
    wanted = [
        Wanted("agreed", mine.name, mine.criterion),
        Wanted("seen", mine.name, mine.criterion),
        Wanted("ceiling", "", mine.criterion),
        Wanted("panel", token_of(mine.judge), mine.criterion),
    ]
    agreed, seen, ceiling, panel = await tallies.read_windows(redis, wanted, tallies.buckets_of(window, clock.now_ms()))
    [labels] = await tallies.read_windows(redis, [Wanted("labels", "", mine.criterion)], ["all"])
    report = await asyncio.to_thread(
        reports.agreement, mine.coding, agreed, seen, ceiling, selection, labels=mine.labels
    )
    if read_label_states(labels).off_scale:
        report = msgspec.structs.replace(report, flags=[*report.flags, Flag.LABELS_OFF_SCALE])
    alpha = reports.panel_alpha(mine.coding, panel) if mine.model == PANEL else None
    return JudgeAgreement(**_fields(report), **_named(mine), window=window, selection=selection, panel_alpha=alpha)


async def _with_other(redis: Redis, mine: Series, other: Series, window: Window) -> JudgesAgreement:
    first, second = sorted((mine.name, other.name), key=str.encode)
    wanted = Wanted("between", f"{first}|{second}", mine.criterion)
    [met] = await tallies.read_windows(redis, [wanted], tallies.buckets_of(window, clock.now_ms()))
    (_, theirs), is_first = scales_of(mine.coding.scale, other.coding.scale), first == other.name
    report = await asyncio.to_thread(reports.between, mine.coding, met, other_is_first=is_first, other=theirs)
    compared = Compared(judge=other.judge, model=other.model)
    return JudgesAgreement(**_fields(report), **_named(mine), window=window, other=compared)


def _labels_needed(found: Estimate, half_width: float | None) -> LabelsNeeded | None:
    lower, upper = found.corrected_mean.lower, found.corrected_mean.upper
    if lower is None or upper is None or lower == upper:
        return None
    present = (upper - lower) / 2
    target = present / 2 if half_width is None else half_width
    return LabelsNeeded(half_width=target, more=more_labels(found.labels, present, target))


def _named(series: Series) -> dict[str, Any]:
    return {"judge": series.judge, "model": series.model, "criterion": series.criterion}


def _fields(report: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(report, name) for name in report.__struct_fields__}
