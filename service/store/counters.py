"""The metrics that only grow: integers in one hash in Redis, to which every process adds.

A series is a field: the metric's name and its label values, joined by tabs. A histogram has one field per bucket (not
cumulative) and one for the sum. Seconds are kept in microseconds and dollars in nano-dollars, since integers add up
exactly.
"""

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.contracts.ids import new_id
from service.store import keys
from service.store.connection import Script, reply

MAX_SERIES = 20_000  # in all; new series past it are counted as `other`
OTHER = "other"
SEPARATOR = "\t"
_OPEN_LABELS = frozenset({"judge", "version", "model", "score", "criterion"})  # their number is not bounded

_SENT_AGAIN_S = 86400  # for so long the store knows what it has added

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
    "provider_limited_seconds_total",
    "Time that calls waited for a limit of a provider",
    ("provider",),
    unit=10**6,
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

METRICS = tuple(each for each in list(vars().values()) if isinstance(each, Metric))


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


class WaitingCounts:
    """Counts that belong to no judgment, such as those of calls to a provider, until the store has them.

    The store adds each once: a batch whose answer is lost is sent again as it was, under the same number.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._counts: Counter[tuple[str, str]] = Counter()
        self._sender = new_id("counts")
        self._number = 0
        self._sent: list[Increment] = []  # without an answer yet
        self._flushing = asyncio.Lock()

    @property
    def are_there(self) -> bool:
        """Whether any wait."""
        return bool(self._sent or self._counts)

    def add(self, increments: Iterable[Increment]) -> None:
        """Adds them to those that wait."""
        for each in increments:
            self._counts[each.series, each.other] += each.by

    async def flush(self) -> None:
        """Adds the counts to the store's. Raises StoreError if it can't; they are then kept for the next time."""
        async with self._flushing:
            await self._send()
            counts, self._counts = self._counts, Counter()
            self._sent = [Increment(series, by, other) for (series, other), by in counts.items()]
            self._number += 1
            await self._send()

    async def _send(self) -> None:
        if self._sent:
            packed = msgspec.msgpack.encode(self._sent)
            await _count(
                self._redis,
                [keys.COUNTERS, keys.counts_added(self._sender)],
                [MAX_SERIES, packed, self._number, _SENT_AGAIN_S],
            )
            self._sent = []


async def add_counts(redis: Redis, increments: Iterable[Increment]) -> None:
    """Adds counts that belong to no judgment. Raises StoreError if it can't; they are then lost."""
    waiting = WaitingCounts(redis)
    waiting.add(increments)
    await waiting.flush()


async def called_models(redis: Redis) -> set[str]:
    """Returns each model, "provider/model", that a provider was called for."""
    names = (field.decode().split(SEPARATOR) for field in await reply(redis.hkeys(keys.COUNTERS)))
    return {rest[1] for name, *rest in names if name == PROVIDER_SECONDS.name and rest[1] != OTHER}
