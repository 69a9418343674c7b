"""A small run of `tests/benchmarks/inclusion_over_http.py`: labels from the queue, and the figures of all items."""

import pytest
from redis.asyncio import Redis

from tests.benchmarks.inclusion_over_http import SHARES, running, simulated


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_labels_from_the_queue_tell_of_all_items(redis: Redis, store_url: str) -> None:
    async with running(store_url) as judged:
        found = await simulated(judged, 2, 150)
    for (share, name), figures in found.items():
        for each in figures:
            assert each.lower <= each.value <= each.upper, name
            if share > SHARES[0]:  # two of twenty intervals of 95% are allowed to miss, but not by their whole width
                assert each.lower - (each.upper - each.lower) <= each.truth <= each.upper + (each.upper - each.lower), (
                    name
                )
    for way in ("queue", "at random only"):
        width = {share: found[share, f"corrected mean ({way})"][0] for share in SHARES}
        assert width[0.9].upper - width[0.9].lower < (width[0.05].upper - width[0.05].lower) / 4
