"""The scale of each series' scores, which may be another one than that of the criterion's labels."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from service.agreement.coding import Coding
from service.agreement.criteria import decoded_scale
from service.agreement.series import scales_of
from service.agreement.series_names import split_series
from service.store.criteria import judge_scales


class SeriesScale(NamedTuple):
    """The coding of a series' scores, and that of the labels: None if both have the same values."""

    coding: Coding
    labels: Coding | None

    @property
    def is_unlike(self) -> bool:
        """Whether the labels' values are others than the scores'."""
        return self.labels is not None


class SeriesScales:
    """The scales of series, by the codings of their criteria's labels and the noted scales of their judges."""

    def __init__(self, labels: Mapping[str, Coding], noted: Mapping[str, str]) -> None:
        self._labels = labels
        self._noted = noted
        self._known: dict[tuple[str, str], SeriesScale] = {}

    @classmethod
    async def read(cls, redis: Redis, labels: Mapping[str, Coding], known: Sequence[tuple[str, str]]) -> "SeriesScales":
        """Returns the scales of the series in `known`, pairs of a criterion and a series."""
        return cls(labels, await judge_scales(redis, [_judge(series) for _, series in known]))

    def of(self, criterion: str, series: str) -> SeriesScale:
        """Returns the scale of a series; without a noted one, that of the criterion's labels."""
        noted, labels = self._noted.get(_judge(series)), self._labels[criterion]
        if noted is None:
            return SeriesScale(labels, None)
        found = self._known.get((criterion, noted))
        if found is None:
            coding, others = scales_of(decoded_scale(noted), labels.scale)
            found = self._known[criterion, noted] = SeriesScale(coding, others)
        return found

    def of_labels(self, criterion: str) -> Coding:
        """Returns the coding of a criterion's labels."""
        return self._labels[criterion]

    def shared(self, criterion: str, members: Sequence[str]) -> tuple[SeriesScale, list[str]]:
        """Returns the labels' scale if a member has its values, else the first member's; and the members that have it.

        Judges that come with jobs are one series in gauges, and may have different scales.
        """
        scales = [self.of(criterion, series) for series in members]
        chosen = next((scale for scale in scales if not scale.is_unlike), scales[0])
        return chosen, [series for series, scale in zip(members, scales, strict=True) if scale == chosen]

    def older_of(self, scale: SeriesScale, criterion: str, older: Sequence[Sequence[str]]) -> list[list[str]]:
        """Returns the series that have this scale, of each older served model that has one."""
        alike = [[series for series in members if self.of(criterion, series) == scale] for members in older]
        return [members for members in alike if members]


def _judge(series: str) -> str:
    return split_series(series).token
