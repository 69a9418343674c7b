"""Answers queries about anchors: the findings of a set, or of the anchors of a series if it has any."""

import contextlib
from collections.abc import Sequence

from redis.asyncio import Redis

from service.agreement.anchor_findings import AnchorFindings
from service.agreement.anchor_reports import AnchoredSeries, AnchorReport, anchor_report, anchors_of
from service.agreement.series import Series, find_series
from service.contracts.anchors import AnchorSet
from service.contracts.labels import Window
from service.contracts.refusals import Refused


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
