"""How many labels more are needed, against intervals of as many."""

import pytest

from service.stats.intervals import wilson
from service.stats.labels_needed import more_labels


@pytest.mark.parametrize(("wished", "more"), [(0.1, 0), (0.05, 300), (0.2, 0), (0.01, 9900), (0.099, 3)])
def test_an_interval_narrows_with_the_root_of_its_labels(wished: float, more: int) -> None:
    assert more_labels(100, 0.1, wished) == more


@pytest.mark.parametrize("share", [0.5, 0.8, 0.9])
def test_with_so_many_wilsons_interval_is_as_narrow_as_was_wished(share: float) -> None:
    lower, upper = wilson(200 * share, 200)
    labels = 200 + more_labels(200, (upper - lower) / 2, 0.02)
    lower, upper = wilson(labels * share, labels)
    assert (upper - lower) / 2 == pytest.approx(0.02, rel=0.03)


@pytest.mark.parametrize(("half_width", "wished"), [(0.1, 0), (0, 0.1), (0.1, -1)])
def test_widths_are_above_nothing(half_width: float, wished: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        more_labels(100, half_width, wished)
