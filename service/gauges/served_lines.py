"""The series that gauges show: of each judge and model, those of the served model that answered last.

One row of a gauge is never of two served models together. The older ones are the reference of a drift, since a change
of the served model is the change that people want to see.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from service.agreement.series_names import INLINE, split_series

KnownSeries = Sequence[tuple[str, str]]  # criterion and series, the one that answered last first
_MOST_OLDER = 3  # served models that are read beside the newest


class SeriesLabels(NamedTuple):
    """The names of a series in gauges. All inline judges of a criterion and model are one series."""

    judge: str
    version: str
    criterion: str
    model: str

    @classmethod
    def of(cls, criterion: str, series: str) -> "SeriesLabels":
        """Returns the labels of a series, from its name in counters."""
        token, model, _ = split_series(series)
        if token.startswith(INLINE):
            return cls("inline", "", criterion, model)
        name, _, version = token.rpartition("@")
        return cls(name, version, criterion, model)

    @property
    def key(self) -> str:
        """The seed of the resampling: for a named judge the same as in the answers of the API."""
        token = f"{self.judge}@{self.version}" if self.version else self.judge
        return f"{token} {self.model} {self.criterion}"


class ServedLines:
    """The series of each row of the gauges, by the served model that gave their scores.

    `newest` has the series of the served model that answered last for each row, the most recently judged first.
    """

    def __init__(self, known: KnownSeries) -> None:
        self._by_served: defaultdict[SeriesLabels, dict[str, list[str]]] = defaultdict(dict)
        for criterion, series in known:
            by_served = self._by_served[SeriesLabels.of(criterion, series)]
            by_served.setdefault(split_series(series).served, []).append(series)
        newest = {
            (labels.criterion, series)
            for labels, by_served in self._by_served.items()
            for series in next(iter(by_served.values()))
        }
        self.newest = [each for each in known if each in newest]
        self._newest = newest

    def is_newest(self, criterion: str, series: str) -> bool:
        """Whether the series is of the served model that answered last for its judge and model."""
        return (criterion, series) in self._newest

    def older(self, labels: SeriesLabels) -> list[list[str]]:
        """Returns the series of at most three older served models, each by itself, the one that answered last first."""
        return list(self._by_served[labels].values())[1 : 1 + _MOST_OLDER]
