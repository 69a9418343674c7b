"""Answers queries about a judge: its agreement with people or with another judge, and the estimate of its mean."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from service.agreement import reports
from service.agreement.anchor_findings import AnchorFindings
from service.agreement.anchor_reports import findings_about
from service.agreement.counter_fields import field
from service.agreement.counters import failed_outcomes, read_label_states
from service.agreement.estimates import estimate_of
from service.agreement.group_counters import ReadCounters, group_counters, window_counters
from service.agreement.reports import Agreement, Between, count_labelled_pairs
from service.agreement.retirements import retires_at
from service.agreement.series import Series, find_other, find_series, scales_of
from service.agreement.series_names import PANEL, panel_series, series_name, token_of
from service.agreement.served_series import ServedSeries, has_changed
from service.agreement.trust import LabelSupply
from service.contracts.judges import JudgeRef
from service.contracts.labels import ReportSelection, Window
from service.contracts.refusals import Fault, impossible
from service.stats.alphas import Alpha
from service.stats.estimates import Estimate
from service.stats.flags import Flag
from service.stats.labels_needed import more_labels
from service.store import agreement_counters as tallies
from service.store import clock
from service.store.agreement_counters import Wanted, sum_fields
from service.store.label_queue import count_waiting

_MOST_SERVED = 20  # models that are listed
_SCORED = field("outcome", "scored", "")
_KINDS = ("agreed", "seen")


class SeriesQuery(NamedTuple):
    """A query about one series in a window of time. `default_models` are those of a judge that names none.

    `keep_s` is the time in seconds for which judgments are kept. `served` is the served model, None for the one that
    answered last, and `group` the group of items that is meant, None for all.
    """

    judge: str
    model: str | None
    window: Window
    default_models: Sequence[str]
    keep_s: int
    served: str | None = None
    group: str | None = None


class ServedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that answered under the model's name, and when it first and last did.

    `scored` counts the judgments with a score in the report's window, and `pairs` the labels compared with them.
    `served_model` and `first_seen` are null for answers that name no served model.
    """

    served_model: str | None
    first_seen: datetime | None
    last_seen: datetime | None
    scored: int
    pairs: int


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The other judge and model, and its served model; the rows of the table are its scores."""

    judge: JudgeRef
    model: str
    served_model: str | None


class JudgeAgreement(Agreement, frozen=True, kw_only=True):
    """The agreement of one model of a judge, or of its panel, with people.

    `panel_alpha` is the agreement of a panel's models with each other, null for a single model. All figures are of one
    served model: `served_model`, null if the answers name none. `served_models` has all that answered under this
    model's name, the one that answered last first. `model_retires_at` is the announced time of the shutdown of the
    model, or of the first of a panel's models; null if none is known. `anchors` tells a change of the judge from a
    change of the judged texts, null for a judge without anchors.
    """

    judge: JudgeRef
    model: str
    served_model: str | None
    served_models: list[ServedModel]
    criterion: str
    window: Window
    group: str | None
    selection: ReportSelection
    panel_alpha: Alpha | None
    model_retires_at: datetime | None
    anchors: AnchorFindings | None


class JudgesAgreement(Between, frozen=True, kw_only=True):
    """The agreement of one model of a judge, or of its panel, with another judge; of one served model each."""

    judge: JudgeRef
    model: str
    served_model: str | None
    criterion: str
    window: Window
    group: str | None
    other: Compared


class LabelsNeeded(msgspec.Struct, frozen=True, kw_only=True):
    """The approximate number of further items to label for a corrected mean of +- `half_width`."""

    half_width: float
    more: int


class JudgeEstimate(Estimate, frozen=True, kw_only=True):
    """The mean of one model of a judge, or of its panel, and the same mean corrected by labels.

    `labels_needed` is for the requested half-width, by default half of the present one; null without an interval, and
    if every judged item is labelled. It is never more than the unlabelled items. `served_model` gave the scores; it is
    null if the answers name none.
    """

    judge: JudgeRef
    model: str
    served_model: str | None
    criterion: str
    window: Window
    group: str | None
    labels_needed: LabelsNeeded | None


async def judge_agreement(
    redis: Redis, query: SeriesQuery, other: str | None, selection: ReportSelection
) -> JudgeAgreement | JudgesAgreement:
    """Returns the agreement of a judge with people, or with `other` (`judge:model`) if that is given.

    Raises Refused if there is no such judge, or if the two can't be compared.
    """
    mine = await find_series(redis, query.default_models, query.judge, query.model, query.served)
    if other is None:
        return await _with_people(redis, await _reader(redis, mine, query), mine, query, selection)
    theirs = await find_other(redis, query.default_models, other, mine)
    return await _with_other(await _reader(redis, mine, query), mine, theirs, query)


async def _reader(redis: Redis, series: Series, query: SeriesQuery) -> ReadCounters:
    """Returns the function that reads the counters of the items that are meant."""
    if query.group is None:
        return window_counters(redis, query.window)
    return await group_counters(redis, series.criterion, query.group, query.window, keep_s=query.keep_s)


async def judge_estimate(redis: Redis, query: SeriesQuery, half_width: float | None) -> JudgeEstimate:
    """Returns a judge's mean and the mean corrected by labels of items drawn at random or by the label queue.

    Raises Refused if there is no such judge, or if its values have no mean.
    """
    mine = await find_series(redis, query.default_models, query.judge, query.model, query.served)
    read = await _reader(redis, mine, query)
    agreed, seen = await read([Wanted(kind, mine.name, mine.criterion) for kind in ("agreed", "seen")])
    try:
        found = await asyncio.to_thread(estimate_of, mine.coding, agreed, seen, mine.labels)
    except ValueError as error:
        raise impossible([Fault("/judge", str(error))]) from error
    needed = _labels_needed(found, half_width)
    return JudgeEstimate(**_fields(found), **_named(mine, query), labels_needed=needed)


async def _with_people(
    redis: Redis, read: ReadCounters, mine: Series, query: SeriesQuery, selection: ReportSelection
) -> JudgeAgreement:
    wanted = [
        Wanted("agreed", mine.name, mine.criterion),
        Wanted("seen", mine.name, mine.criterion),
        Wanted("ceiling", "", mine.criterion),
        Wanted("panel", panel_series(token_of(mine.judge), mine.served), mine.criterion),
        Wanted("seen", series_name(token_of(mine.judge), mine.model), mine.criterion),
    ]
    agreed, seen, ceiling, panel, unnamed = await read(wanted)
    [labels] = await tallies.read_windows(redis, [Wanted("labels", "", mine.criterion)], ["all"])
    states = read_label_states(labels)
    supply = LabelSupply(waiting=await count_waiting(redis, mine.criterion), earlier=states.earlier)
    if mine.served:
        seen = sum_fields((seen, failed_outcomes(unnamed)))
    report = await asyncio.to_thread(
        reports.agreement,
        mine.coding,
        agreed,
        seen,
        ceiling,
        selection,
        labels=mine.labels,
        model=mine.model,
        supply=supply,
    )
    if states.off_scale:
        report = msgspec.structs.replace(report, flags=[*report.flags, Flag.LABELS_OFF_SCALE])
    if has_changed(mine.served_models, mine.served, query.window):
        report = msgspec.structs.replace(report, flags=[*report.flags, Flag.SERVED_MODEL_CHANGED])
    served = await _served_models(read, mine, query.window, selection, report)
    alpha = reports.panel_alpha(mine.coding, panel) if mine.model == PANEL else None
    return JudgeAgreement(
        **_fields(report),
        **_named(mine, query),
        selection=selection,
        panel_alpha=alpha,
        served_models=served,
        model_retires_at=await retires_at(redis, mine),
        anchors=await findings_about(redis, mine, query.window),
    )


async def _with_other(read: ReadCounters, mine: Series, other: Series, query: SeriesQuery) -> JudgesAgreement:
    first, second = sorted((mine.name, other.name), key=str.encode)
    wanted = Wanted("between", f"{first}|{second}", mine.criterion)
    [met] = await read([wanted])
    (_, theirs), is_first = scales_of(mine.coding.scale, other.coding.scale), first == other.name
    report = await asyncio.to_thread(reports.between, mine.coding, met, other_is_first=is_first, other=theirs)
    if any(has_changed(each.served_models, each.served, query.window) for each in (mine, other)):
        report = msgspec.structs.replace(report, flags=[*report.flags, Flag.SERVED_MODEL_CHANGED])
    compared = Compared(judge=other.judge, model=other.model, served_model=other.served or None)
    return JudgesAgreement(**_fields(report), **_named(mine, query), other=compared)


async def _served_models(
    read: ReadCounters, series: Series, window: Window, selection: ReportSelection, report: Agreement
) -> list[ServedModel]:
    """Returns the served models of a judge and model, at most 20, the one that answered last first.

    `read` reads the counters of the items that are meant, and `report` is that of the series itself.
    """
    now_ms = clock.now_ms()
    start_ms, listed = tallies.window_start_ms(window, now_ms), series.served_models[:_MOST_SERVED]
    others = [each for each in listed if each.served != series.served and each.last_ms >= start_ms]
    token = token_of(series.judge)
    names = [series_name(token, series.model, each.served) for each in others]
    wanted = [Wanted(kind, name, series.criterion) for name in names for kind in _KINDS]
    counted = await read(wanted)
    numbers = {series.served: (report.coverage.scored, report.pairs)}
    for each, agreed, seen in zip(others, counted[::2], counted[1::2], strict=True):
        pairs = count_labelled_pairs(series.coding, agreed, seen, selection, series.labels)
        numbers[each.served] = seen.get(_SCORED, 0), pairs
    return [_shown(each, *numbers.get(each.served, (0, 0))) for each in listed]


def _shown(known: ServedSeries, scored: int, pairs: int) -> ServedModel:
    return ServedModel(
        served_model=known.served or None,
        first_seen=clock.at(known.first_ms),
        last_seen=clock.at(known.last_ms),
        scored=scored,
        pairs=pairs,
    )


def _labels_needed(found: Estimate, half_width: float | None) -> LabelsNeeded | None:
    """Returns None without an interval, and if no item is left to be labelled."""
    lower, upper = found.corrected_mean.lower, found.corrected_mean.upper
    if lower is None or upper is None or lower == upper or not found.unlabelled:
        return None
    present = (upper - lower) / 2
    target = present / 2 if half_width is None else half_width
    return LabelsNeeded(half_width=target, more=more_labels(found.labels, present, target, found.unlabelled))


def _named(series: Series, query: SeriesQuery) -> dict[str, Any]:
    return {
        "judge": series.judge,
        "model": series.model,
        "served_model": series.served or None,
        "criterion": series.criterion,
        "window": query.window,
        "group": query.group,
    }


def _fields(report: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(report, name) for name in report.__struct_fields__}
