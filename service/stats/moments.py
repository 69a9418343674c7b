"""Exact statistics from sums of integer units, for scores that a table rounds to a grid."""

import math
from typing import NamedTuple


class Moments(NamedTuple):
    """Sums over n pairs of a human's x and a judge's y, in integer units above the scale's minimum.

    `ad` is the sum of absolute differences.
    """

    n: int
    x: int
    y: int
    xx: int
    yy: int
    xy: int
    ad: int

    def statistics(self, unit: float) -> dict[str, float]:
        """Returns bias, mae and rmse, and pearson and lin_ccc if both sides vary; `unit` is one unit in points."""
        squares = self.xx - 2 * self.xy + self.yy
        found = {
            "bias": (self.y - self.x) / self.n * unit,
            "mae": self.ad / self.n * unit,
            "rmse": math.sqrt(max(squares, 0) / self.n) * unit,
        }
        # n^2 times the covariance and the variances, which are integers.
        together, people, judges = (
            self.n * self.xy - self.x * self.y,
            self.n * self.xx - self.x**2,
            self.n * self.yy - self.y**2,
        )
        if people > 0 and judges > 0:
            found["pearson"] = _within_unit(together / math.sqrt(people) / math.sqrt(judges))
            found["lin_ccc"] = _within_unit(2 * together / (people + judges + (self.x - self.y) ** 2))
        return found


def _within_unit(value: float) -> float:
    return min(max(value, -1.0), 1.0)
