"""The agreement of a judge over time, and the judges that have judged."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from redis.asyncio import Redis

from service.agreement.counter_fields import field
from service.agreement.reports import headline_statistics
from service.agreement.series import Series
from service.agreement.series_names import PANEL, is_baseline, split_series
from service.contracts.judges import CONTROL
from service.stats.intervals import Measure
from service.store import agreement_counters as tallies
from service.store import clock
from service.store.agreement_counters import Wanted

Bucket = Literal["hour", "day"]

_DAYS = 30
_HOURS = 48
_FEWEST_FIGURES = 2  # of a line: with fewer days, hours are shown
_SCORED = field("outcome", "scored", "")
_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


class JudgedSeries(msgspec.Struct, frozen=True):
    """A judge version and one of its models, or its panel, that has judged. `token` is a reference to the version."""

    token: str
    model: str
    criterion: str

    @property
    def judge(self) -> str:
        """The judge's name, or the digest of an inline judge."""
        return self.token.partition("@")[0]


class TrendPoint(msgspec.Struct, frozen=True):
    """An hour or a day: its judgments with a score, its labelled pairs, and the statistic of these pairs."""

    at: datetime
    scored: int
    pairs: int
    figure: Measure


class Trend(msgspec.Struct, frozen=True):
    """The statistic that decides on trust, over time, of the hours or days with at least one labelled pair."""

    statistic: str
    bucket: Bucket
    points: list[TrendPoint]


async def judged_series(redis: Redis) -> list[JudgedSeries]:
    """Returns all judges and models that have judged, the one that judged last first, without comparison scores."""
    found = [(criterion, split_series(name)) for criterion, name in await tallies.newest_series(redis)]
    shown = [JudgedSeries(words.token, words.model, of) for of, words in found if not is_baseline(words.model)]
    return list(dict.fromkeys(shown))


def leading_series(found: Sequence[JudgedSeries]) -> list[JudgedSeries]:
    """Returns the series that stand for each judge: of its version that judged last, the panel, else each model.

    Baselines are among them only if nothing else judged.
    """
    by_judge: dict[str, list[JudgedSeries]] = {}
    for each in found:
        known = by_judge.setdefault(each.judge, [])
        if not known or known[0].token == each.token:
            known.append(each)
    leading = []
    for series in by_judge.values():
        panels = [each for each in series if each.model == PANEL]
        models = [each for each in series if not each.model.startswith(CONTROL)]
        leading += panels or models or series
    return leading


async def agreement_trend(redis: Redis, series: Series) -> Trend:
    """Returns a judge's agreement with random labels over the last 30 days.

    If fewer than two of the days have labelled pairs, it is of the last 48 hours.
    """
    now_ms = clock.now_ms()
    daily = await _trend(redis, series, "day", tallies.days(now_ms, first=1 - _DAYS, last=0))
    if len(daily.points) >= _FEWEST_FIGURES:
        return daily
    hourly = await _trend(redis, series, "hour", tallies.hours(now_ms, first=1 - _HOURS, last=0))
    return hourly if hourly.points else daily


async def _trend(redis: Redis, series: Series, bucket: Bucket, buckets: Sequence[str]) -> Trend:
    agreed, seen = [
        await tallies.read_buckets(redis, Wanted(kind, series.name, series.criterion), buckets)
        for kind in ("agreed", "seen")
    ]
    return await asyncio.to_thread(_computed, series, bucket, buckets, agreed, seen)


def _computed(
    series: Series,
    bucket: Bucket,
    buckets: Sequence[str],
    agreed: Sequence[Mapping[str, int]],
    seen: Sequence[Mapping[str, int]],
) -> Trend:
    name = "cohen_kappa" if series.coding.is_words and series.labels is None else "spearman"
    points = []
    for place, pairs, judged in zip(buckets, agreed, seen, strict=True):
        count, found = headline_statistics(series.coding, pairs, [name], series.labels)
        if count and name in found:
            points.append(TrendPoint(_start(place, bucket), judged.get(_SCORED, 0), count, found[name]))
    return Trend(name, bucket, points)


def _start(place: str, bucket: Bucket) -> datetime:
    return datetime.fromtimestamp(0, UTC) + int(place[1:]) * _LENGTHS[bucket]
