"""How far the labels on a criterion are from an interval of the wished width."""

from collections.abc import Sequence

import msgspec
from redis.asyncio import Redis

from service.agreement.coding import Coding
from service.agreement.criteria import find_scale
from service.agreement.estimates import declared_numbers
from service.agreement.queries import JudgeEstimate, SeriesQuery, judge_estimate
from service.agreement.trends import JudgedSeries, judged_series, leading_series
from service.contracts.judges import JudgeRef
from service.contracts.refusals import Refused
from service.stats.estimates import Mean
from service.stats.labels_needed import more_labels
from service.store.label_queue import count_waiting

_WISHED_SHARE = 0.05  # of the range of the labels


class LabelProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The mean over all judged items as it is known from the labels, and how many more would make it as sure as wished.

    `judge` and `model` are those that judged by the criterion last, null if none has; `labelled` and `unlabelled` count
    their items, and `waiting` those that nobody has labelled, of whatever judge. `mean` is corrected by the labels,
    with a 95% interval. `half_width` is the wished one, by default a twentieth of the labels' range, and `present` that
    of the interval. `more` is about the number of items to label until the wish is met, 0 once it is, and if no item
    is left. The figures are null for labels without numbers, and before there is an interval.
    """

    criterion: str
    waiting: int
    judge: JudgeRef | None
    model: str | None
    labelled: int
    unlabelled: int
    mean: Mean | None
    half_width: float | None
    present: float | None
    more: int | None


async def label_progress(
    redis: Redis, criterion: str, half_width: float | None, *, default_models: Sequence[str], keep_s: int
) -> LabelProgress:
    """Returns the progress of the labels on a criterion."""
    waiting = await count_waiting(redis, criterion)
    wished = await _wished(redis, criterion) if half_width is None else half_width
    found = await _estimate(redis, await _leading(redis, criterion), default_models, keep_s)
    present = None if found is None else _half(found.corrected_mean)
    more = None
    if found is not None and found.labels and present is not None and wished is not None:
        more = more_labels(found.labels, present, wished, found.unlabelled) if present > 0 else 0
    return LabelProgress(
        criterion=criterion,
        waiting=waiting,
        judge=None if found is None else found.judge,
        model=None if found is None else found.model,
        labelled=0 if found is None else found.labels,
        unlabelled=waiting if found is None else found.unlabelled,
        mean=None if found is None else found.corrected_mean,
        half_width=wished,
        present=present,
        more=more,
    )


async def _leading(redis: Redis, criterion: str) -> JudgedSeries | None:
    """Returns the series that judged by the criterion last; a model's goes before a baseline's."""
    found = [each for each in await judged_series(redis) if each.criterion == criterion]
    return next(iter(leading_series(found)), None)


async def _estimate(
    redis: Redis, series: JudgedSeries | None, default_models: Sequence[str], keep_s: int
) -> JudgeEstimate | None:
    """Returns None without a judge, and for values without a mean."""
    if series is None:
        return None
    try:
        query = SeriesQuery(series.token, series.model, "all", default_models, keep_s)
        return await judge_estimate(redis, query, None)
    except Refused:
        return None


async def _wished(redis: Redis, criterion: str) -> float | None:
    scale = await find_scale(redis, criterion)
    try:
        numbers = [] if scale is None else declared_numbers(Coding(scale))
    except ValueError:  # words without numbers
        return None
    return _WISHED_SHARE * (max(numbers) - min(numbers)) if len(numbers) > 1 else None


def _half(mean: Mean) -> float | None:
    return None if mean.lower is None or mean.upper is None else (mean.upper - mean.lower) / 2
