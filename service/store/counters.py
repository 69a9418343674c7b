"""The metrics that only grow: integers in one hash in Redis, to which every process adds.

A series is a field: the metric's name and its label values, joined by tabs. A histogram has one field per bucket (not
cumulative) and one for the sum. Seconds are kept in microseconds and dollars in nano-dollars, since integers add up
exactly.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.store import keys
from service.store.connection import Script, reply

MAX_SERIES = 20_000  # in all; new series past it are counted as `other`
OTHER = "other"
SEPARATOR = "\t"
_OPEN_LABELS = frozenset({"judge", "version", "model", "score", "criterion"})  # their number is not bounded

_count = Script("counting", "count")

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


@dataclass(frozen=True, eq=False)  # equal only to itself, which is compared and hashed fastest
class Metric:
    """A metric. Its stored integers are divided by `unit`; `buckets` are upper bounds in the metric's own unit."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    unit: int = 1
    buckets: tuple[float, ...] = ()


class Increment(NamedTuple):
    """`series` grows by `by`, or `other` in its place if there are too many series."""

    series: str
    by: int
    other: str


JUDGMENTS = Metric("judgments_total", "Judgments finished", ("judge", "version", "model", "outcome", "reason"))
SCORES = Metric("score_total", "Scores given", ("judge", "version", "model", "score"))
TOKENS = Metric("tokens_total", "Tokens read (input) and written (output) by models", ("model", "direction"))
COST = Metric("cost_usd_total", "US dollars spent on models with a known price", ("model",), unit=10**9)
PARSED = Metric("parsed_total", "Answers read, by the notation they were read from", ("model", "parsed_from"))
FLAGGED = Metric("flagged_total", "Judgments of items that were flagged", ("judge", "version", "flag"))
QUEUE_WAIT = Metric(
    "queue_wait_seconds", "From a job's intake to the start of a judgment", unit=10**6, buckets=_SECONDS
)
JUDGMENT_SECONDS = Metric("judgment_seconds", "From the start of a judgment to its end", unit=10**6, buckets=_SECONDS)
PROVIDER_SECONDS = Metric(
    "provider_request_seconds",
    "One call to a provider",
    ("provider", "model", "status"),
    unit=10**6,
    buckets=_SECONDS,
)
PROVIDER_RETRIES = Metric("provider_retries_total", "Calls tried again", ("provider", "model"))
PROVIDER_LIMITED = Metric(
    "provider_limited_seconds_total", "Time that calls waited for a provider's limit", ("provider",), unit=10**6
)
SERVED_MODEL_CHANGES = Metric(
    "served_model_changes_total", "Changes of the model that answers under a name", ("model",)
)
ARENA_VOTES_TOTAL = Metric("arena_votes_total", "Votes in the arena", ("outcome",))
ANCHOR_JUDGMENTS = Metric(
    "anchor_judgments_total", "Judgments of anchors finished", ("judge", "version", "model", "outcome", "reason")
)
KEY_REQUESTS = Metric(
    "key_requests_total", "Requests by API key; an empty key is none or an unknown one", ("key", "status")
)
LABELS = Metric("labels_total", "Labels stored or changed", ("criterion",))
ARCHIVED_JUDGMENTS = Metric("archived_judgments_total", "Judgments that the archive has, and that may leave the store")
ARCHIVED_JOBS = Metric("archived_jobs_total", "Jobs that the archive has, and that may leave the store")
ARCHIVE_FAILURES = Metric("archive_failures_total", "Runs of the archive that failed")
SERIES_DROPPED = Metric("metrics_series_dropped_total", "Counts that went to `other` because of the series cap")

METRICS = (
    JUDGMENTS,
    SCORES,
    TOKENS,
    COST,
    PARSED,
    FLAGGED,
    QUEUE_WAIT,
    JUDGMENT_SECONDS,
    PROVIDER_SECONDS,
    PROVIDER_RETRIES,
    PROVIDER_LIMITED,
    SERVED_MODEL_CHANGES,
    ARENA_VOTES_TOTAL,
    ANCHOR_JUDGMENTS,
    KEY_REQUESTS,
    LABELS,
    ARCHIVED_JUDGMENTS,
    ARCHIVED_JOBS,
    ARCHIVE_FAILURES,
    SERIES_DROPPED,
)


@lru_cache(maxsize=8192)
def _one(metric: Metric, values: tuple[str, ...], suffix: str = "") -> Increment:
    """Returns the increment by 1 of a series."""
    capped = (OTHER if label in _OPEN_LABELS else value for label, value in zip(metric.labels, values, strict=True))
    return Increment(
        SEPARATOR.join((metric.name, *values, *([suffix] if suffix else ()))),
        1,
        SEPARATOR.join((metric.name, *capped, *([suffix] if suffix else ()))),
    )


@lru_cache(maxsize=4096)
def _observed(metric: Metric, values: tuple[str, ...]) -> tuple[tuple[Increment, ...], Increment]:
    """Returns the increment by 1 of each bucket of a histogram, and that of its sum."""
    buckets = tuple([_one(metric, values, str(bucket)) for bucket in range(len(metric.buckets) + 1)])
    return buckets, _one(metric, values, "sum")


def increment(metric: Metric, *values: str, by: float = 1) -> Increment:
    """Returns the increment of a counter by `by`, in the metric's own unit."""
    one = _one(metric, values)
    amount = round(by * metric.unit)
    return one if amount == 1 else Increment(one.series, amount, one.other)


def observe(metric: Metric, *values: str, value: float) -> list[Increment]:
    """Returns the increments for one observation of a histogram: its bucket and its sum."""
    buckets, total = _observed(metric, values)
    return [
        buckets[bisect_left(metric.buckets, value)],
        Increment(total.series, round(value * metric.unit), total.other),
    ]


async def add_counts(redis: Redis, increments: Iterable[Increment]) -> None:
    """Adds counts that belong to no judgment, such as those of calls to a provider."""
    await _count(redis, [keys.COUNTERS], [MAX_SERIES, msgspec.msgpack.encode(list(increments))])


async def called_models(redis: Redis) -> set[str]:
    """Returns each model, "provider/model", that a provider was called for."""
    names = (field.decode().split(SEPARATOR) for field in await reply(redis.hkeys(keys.COUNTERS)))
    return {rest[1] for name, *rest in names if name == PROVIDER_SECONDS.name and rest[1] != OTHER}
