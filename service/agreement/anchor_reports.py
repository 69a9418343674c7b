"""Whether a judge changed, or the judged texts did, from the anchors that it judges again and again.

The anchors' own scores tell a change of the judge, and the counters of all judgments a change of their scores.
"""

import contextlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import numpy as np
from redis.asyncio import Redis

from service.agreement.anchor_findings import AnchorFindings, ServedAnchors, Swap, ThenAndNow, anchor_sentences
from service.agreement.coding import Coding
from service.agreement.contributions import CodedLabel
from service.agreement.drift_reports import Drift, drift, values_agree
from service.agreement.series import Series, find_series
from service.agreement.series_names import split_series, token_of
from service.agreement.stored_items import known_item
from service.contracts.anchors import AnchorScore, AnchorSet
from service.contracts.items import content_digest, item_id
from service.contracts.judges import JudgeRef
from service.contracts.labels import Window
from service.contracts.refusals import Refused
from service.stats.anchors import (
    ANCHOR_ALARM,
    JudgeChange,
    Repeated,
    ShiftOfTraffic,
    anchor_share,
    anchor_verdict,
    first_judgments,
    judge_change,
    moves,
    paired_shift,
)
from service.stats.arrays import Booleans
from service.store import agreement_counters as tallies
from service.store import anchors, clock
from service.store.agreement_counters import Wanted
from service.store.anchors import TimedScore
from service.store.items import load_states

SURE_PSI = 2.0  # times its 99% critical value: of words, which have no mean; looked at as often as one likes

_WEEK_MS = 7 * 24 * 3_600_000


class AnchorReport(AnchorFindings, frozen=True, kw_only=True):
    """The anchors of a judge, and their findings about one model of the judge, or its panel."""

    anchors_of: str
    judge: JudgeRef
    model: str
    criterion: str
    window: Window


class AnchorRecord(NamedTuple):
    """A set of anchors with all that is known of them: contents and labels by item id, and scores in order of time."""

    found: AnchorSet
    contents: Mapping[str, str]
    scores: Sequence[TimedScore]
    labels: Mapping[str, Sequence[CodedLabel]]


class AnchoredSeries(NamedTuple):
    """The scores to look at: of a model of a judge version. `has_labels` if people's labels have the same values."""

    ref: JudgeRef
    model: str
    criterion: str
    coding: Coding
    has_labels: bool


async def read_anchor_record(redis: Redis, found: AnchorSet, criterion: str) -> AnchorRecord:
    """Returns all that is known of a set of anchors; labels are those on the criterion."""
    items = await anchors.load_anchor_items(redis, found.judge)
    contents = {item_id(each): content_digest(each) for each in items}
    states = await load_states(redis, [(name, criterion) for name in contents])
    labels = {
        name: [
            label
            for label in known_item(state, criterion).item.labels.values()
            if not label.is_off_scale and label.content in ("", content)
        ]
        for (name, content), state in zip(contents.items(), states, strict=True)
    }
    return AnchorRecord(found, contents, await anchors.read_anchor_scores(redis, found), labels)


async def anchors_of(redis: Redis, ref: JudgeRef) -> AnchorSet | None:
    """Returns the anchors of a judge version, or else of the judge's name; None if there are none."""
    if ref.name is None:
        return None
    pinned = await anchors.find_anchors(redis, token_of(ref))
    return pinned or await anchors.find_anchors(redis, ref.name)


async def traffic_drift(redis: Redis, series: AnchoredSeries, window: Window) -> Drift:
    """Returns how the scores of all items differ from the time before the window, whichever model was served."""
    now_ms, token = clock.now_ms(), token_of(series.ref)
    names = [
        name
        for criterion, name in await tallies.newest_series(redis)
        if criterion == series.criterion and split_series(name)[:2] == (token, series.model)
    ]
    wanted = [Wanted("seen", name, series.criterion) for name in names]
    reference = tallies.reference_of(window, now_ms)
    before = await tallies.read_windows(redis, wanted, reference) if reference else []
    current = await tallies.read_windows(redis, wanted, tallies.buckets_of(window, now_ms))
    return drift(series.coding, tallies.sum_fields(before), tallies.sum_fields(current), [], {})


async def anchor_report(redis: Redis, found: AnchorSet, series: AnchoredSeries, window: Window) -> AnchorReport:
    """Returns the findings of a set of anchors about one series."""
    record = await read_anchor_record(redis, found, series.criterion)
    traffic = await traffic_drift(redis, series, window)
    findings = anchor_findings(record, series, window, traffic, clock.now_ms())
    return AnchorReport(
        **{name: getattr(findings, name) for name in findings.__struct_fields__},
        anchors_of=found.judge,
        judge=series.ref,
        model=series.model,
        criterion=series.criterion,
        window=window,
    )


def anchor_findings(
    record: AnchorRecord, series: AnchoredSeries, window: Window, traffic: Drift, now_ms: int
) -> AnchorFindings:
    """Returns the findings of a set of anchors about one series; `traffic` is the drift of all scores in the window."""
    scores = _scores_of(record, series)
    repeated = _repeated(scores, series)
    change = judge_change(repeated)
    start = _start(scores, series.model, change, tallies.window_start_ms(window, now_ms))
    shift = paired_shift(repeated, start)
    moved = _shifted(traffic)
    verdict = anchor_verdict(change, shift, moved)
    is_after = np.arange(len(scores)) >= start
    is_first, _ = first_judgments(repeated)
    since_ms = scores[start].at_ms if start < len(scores) else now_ms
    findings = AnchorFindings(
        items=len(record.contents),
        judgments=len(scores),
        repeats=change.repeats,
        verdict=verdict,
        because=[],
        evidence=change.evidence,
        since=_time(since_ms),
        shift=shift,
        moved=_then_and_now(repeated, is_after, ~is_first, moves(repeated) != 0),
        labels=_agreement(repeated, is_after, scores, series, record.labels),
        traffic=traffic.score_shift,
        served_models=_served(scores, series.model),
        last_judged_at=_time(scores[-1].at_ms) if scores else None,
        problem=record.found.problem,
    )
    swap = Swap(_served_most(scores[:start], series.model), _served_most(scores[start:], series.model))
    because = list(anchor_sentences(findings, window, swap, has_drifted=moved.drifted))
    return msgspec.structs.replace(findings, because=because)


def _scores_of(record: AnchorRecord, series: AnchoredSeries) -> list[TimedScore]:
    """Returns the scores of the series for the present contents of the anchors, those off the scale left out."""
    return [
        each
        for each in record.scores
        if each.score.version == series.ref.version
        and record.contents.get(each.score.item_id) == each.score.content
        and _is_on_scale(series, each.score)
    ]


def _is_on_scale(series: AnchoredSeries, score: AnchorScore) -> bool:
    key = score.scores.get(series.model)
    return key is not None and (not series.coding.is_words or key in series.coding.scale.labels)


def _repeated(scores: Sequence[TimedScore], series: AnchoredSeries) -> Repeated:
    numbers: dict[str, int] = {}
    places = [numbers.setdefault(each.score.item_id, len(numbers)) for each in scores]
    value_of, span = _values(series.coding)
    return Repeated(
        anchors=np.array(places, dtype=np.int64),
        values=np.array([value_of(each.score.scores[series.model]) for each in scores], dtype=np.float64),
        weeks=np.array([each.at_ms / _WEEK_MS for each in scores], dtype=np.float64),
        span=span,
    )


def _values(coding: Coding) -> tuple[Callable[[str], float], float]:
    """Returns the value of a key, and the range of the values; 0 for words without numbers, which have codes."""
    if not coding.is_words:
        return float, coding.range
    numbers = dict(zip(coding.scale.labels, coding.scale.scores, strict=True))
    known = [number for number in numbers.values() if number is not None]
    if len(known) == len(numbers) and len(set(known)) > 1:
        return lambda key: float(numbers[key] or 0), max(known) - min(known)
    codes = {label: float(place) for place, label in enumerate(coding.scale.labels)}
    return codes.__getitem__, 0.0


def _start(scores: Sequence[TimedScore], model: str, change: JudgeChange, window_ms: int) -> int:
    """Returns the place from which scores count as new.

    That is the start of a change, or else of the window, or in it of the served model that answered last: two of them
    are not mixed.
    """
    if change.start is not None and change.evidence is not None and change.evidence >= ANCHOR_ALARM:
        return change.start
    served = [each.score.served.get(model) for each in scores]
    newest = next((each for each in reversed(served) if each), None)
    return max(
        bisect_left(scores, window_ms, key=lambda each: each.at_ms), 0 if newest is None else served.index(newest)
    )


def _shifted(traffic: Drift) -> ShiftOfTraffic:
    if traffic.score_shift.reason == "no_numbers":
        ratio = traffic.psi.ratio
        return ShiftOfTraffic(None, drifted=ratio is not None and ratio >= SURE_PSI)
    return ShiftOfTraffic(traffic.score_shift.points, traffic.score_shift.drifted)


def _then_and_now(repeated: Repeated, is_after: Booleans, part: Booleans, hits: Booleans) -> ThenAndNow:
    return ThenAndNow(
        before=anchor_share(repeated, part & ~is_after, hits), now=anchor_share(repeated, part & is_after, hits)
    )


def _agreement(
    repeated: Repeated,
    is_after: Booleans,
    scores: Sequence[TimedScore],
    series: AnchoredSeries,
    labels: Mapping[str, Sequence[CodedLabel]],
) -> ThenAndNow:
    """Returns the share of the labelled anchors' scores that agree with most of their labels."""
    agreements = [
        _agrees(series, each.score, labels.get(each.score.item_id, ()) if series.has_labels else ()) for each in scores
    ]
    is_labelled = np.array([each is not None for each in agreements], dtype=bool)
    return _then_and_now(repeated, is_after, is_labelled, np.array([bool(each) for each in agreements], dtype=bool))


def _agrees(series: AnchoredSeries, score: AnchorScore, labels: Sequence[CodedLabel]) -> bool | None:
    """Returns whether a score agrees with at least half of the labels, None without labels."""
    each = [values_agree(series.coding, label.key, score.scores[series.model]) for label in labels]
    known = [agrees for agrees in each if agrees is not None]
    return 2 * sum(known) >= len(known) if known else None


def _served(scores: Sequence[TimedScore], model: str) -> list[ServedAnchors]:
    """Returns the served models by the time at which each was first seen."""
    times: dict[str, list[int]] = {}
    for each in scores:
        if served := each.score.served.get(model):
            times.setdefault(served, []).append(each.at_ms)
    return [
        ServedAnchors(served_model=served, judgments=len(at), first_seen=_time(at[0]), last_seen=_time(at[-1]))
        for served, at in times.items()
    ]


def _served_most(scores: Sequence[TimedScore], model: str) -> str:
    """Returns the served model of most of the scores, empty if none is named."""
    counts = Counter(served for each in scores if (served := each.score.served.get(model)))
    return counts.most_common(1)[0][0] if counts else ""


def _time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


async def report_of_anchors(
    redis: Redis, default_models: Sequence[str], found: AnchorSet, model: str | None, window: Window
) -> AnchorReport:
    """Returns the findings of a set of anchors about one model of its judge, by default its only model or its panel.

    Raises Refused (impossible) if the judge is gone.
    """
    series = await find_series(redis, default_models, found.judge, model)
    return await anchor_report(redis, found, anchored_series(series), window)


async def reports_of_anchors(
    redis: Redis, default_models: Sequence[str], sets: Sequence[AnchorSet], window: Window
) -> list[AnchorReport]:
    """Returns the findings of several sets, without those whose judge has answers without scores by now."""
    found = []
    for each in sets:
        with contextlib.suppress(Refused):
            found.append(await report_of_anchors(redis, default_models, each, None, window))
    return found


async def findings_about(redis: Redis, series: Series, window: Window) -> AnchorFindings | None:
    """Returns the findings of a series' anchors, None if it has none."""
    found = await anchors_of(redis, series.judge)
    if found is None:
        return None
    report = await anchor_report(redis, found, anchored_series(series), window)
    return AnchorFindings(**{name: getattr(report, name) for name in AnchorFindings.__struct_fields__})


def anchored_series(series: Series) -> AnchoredSeries:
    """Returns the part of a series that its anchors are about."""
    return AnchoredSeries(series.judge, series.model, series.criterion, series.coding, series.labels is None)
