"""The gauges of anchors: whether a judge changed, or the judged texts did."""

import asyncio

from redis.asyncio import Redis

from service.agreement.anchor_findings import AnchorFindings
from service.agreement.anchor_reports import (
    AnchoredSeries,
    AnchorRecord,
    anchor_findings,
    read_anchor_record,
    traffic_drift,
)
from service.agreement.coding import Coding, scale_of
from service.contracts.anchors import AnchorSet
from service.contracts.labels import Window
from service.gauges.catalogue import ANCHOR_GAUGES, GaugeValues, gauge_values
from service.stats.anchors import AnchorVerdict
from service.store import anchors, judges

WINDOWS: tuple[Window, ...] = ("24h", "7d")  # in which a shift of the traffic raises an alert

_Figures = list[tuple[tuple[str, ...], GaugeValues]]


class AnchorReader:
    """Reads the anchors of all judges. Remembers the scores of a set until there is another one."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._known: dict[str, tuple[AnchorSet, int, AnchorRecord]] = {}

    async def figures(self, now_ms: int) -> _Figures:
        """Returns the label values and the gauges of each model of each judge with anchors that were judged."""
        sets = await anchors.every_anchor_set(self._redis)
        self._known = {each.judge: self._known[each.judge] for each in sets if each.judge in self._known}
        return [row for each in sets for row in await self._of_set(each, now_ms)]

    async def _of_set(self, found: AnchorSet, now_ms: int) -> _Figures:
        record = await self._record(found)
        if not record.scores:
            return []
        newest = record.scores[-1].score
        name = found.judge.partition("@")[0]
        judge = await judges.find_judge(self._redis, name, newest.version)
        scale = None if judge is None else scale_of(judge.definition)
        if judge is None or scale is None:
            return []
        figures: _Figures = []
        for model in newest.scores:
            series = AnchoredSeries(judge.ref, model, judge.criterion, Coding(scale), has_labels=False)
            findings = await self._findings(record, series, now_ms)
            labels = (name, str(newest.version), judge.criterion, model)
            figures.append((labels, gauge_values(ANCHOR_GAUGES, findings)))
        return figures

    async def _findings(self, record: AnchorRecord, series: AnchoredSeries, now_ms: int) -> AnchorFindings:
        """Returns the findings of the first window in which only the traffic shifted, else those of 7 days."""
        found = [
            await asyncio.to_thread(
                anchor_findings, record, series, window, await traffic_drift(self._redis, series, window), now_ms
            )
            for window in WINDOWS
        ]
        return next((each for each in found if each.verdict is AnchorVerdict.TRAFFIC_CHANGED), found[-1])

    async def _record(self, found: AnchorSet) -> AnchorRecord:
        """Returns the scores and contents of a set, without labels."""
        count = await anchors.count_anchor_scores(self._redis, found.judge)
        known = self._known.get(found.judge)
        if known is None or known[:2] != (found, count):
            known = found, count, await read_anchor_record(self._redis, found, "")
            self._known[found.judge] = known
        return known[2]
