"""Statistics from sums of units: against numpy on the rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.stats.moments import Moments

ROWS = st.lists(st.tuples(st.integers(0, 10**5), st.integers(0, 10**5)), min_size=1, max_size=40)


def moments_of(rows: list[tuple[int, int]]) -> Moments:
    x, y = zip(*rows, strict=True)
    return Moments(
        len(rows),
        sum(x),
        sum(y),
        sum(each**2 for each in x),
        sum(each**2 for each in y),
        sum(one * other for one, other in rows),
        sum(abs(one - other) for one, other in rows),
    )


@given(ROWS)
def test_they_are_those_of_the_rows(rows: list[tuple[int, int]]) -> None:
    found = moments_of(rows).statistics(0.001)
    x, y = (np.array(side, dtype=float) * 0.001 for side in zip(*rows, strict=True))
    assert found["bias"] == pytest.approx(float((y - x).mean()), abs=1e-9)
    assert found["mae"] == pytest.approx(float(np.abs(y - x).mean()), abs=1e-9)
    assert found["rmse"] == pytest.approx(float(np.sqrt(((y - x) ** 2).mean())), abs=1e-9)
    varies = min(len(set(side)) for side in zip(*rows, strict=True)) > 1
    assert ("pearson" in found) == ("lin_ccc" in found) == varies
    if varies:
        assert found["pearson"] == pytest.approx(float(np.corrcoef(x, y)[0, 1]), abs=1e-6)
        apart = (x.mean() - y.mean()) ** 2
        ccc = 2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + apart)
        assert found["lin_ccc"] == pytest.approx(float(ccc), abs=1e-6)
