"""The figures of a soak: what the service says of its work, beside a recount of what it stores."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from service.agreement.contributions import COUNTER_KINDS
from service.agreement.rebuilding import rebuild
from service.store import keys
from service.store.sweeping import sweep
from tests.campaign.checks import Totals, counted_outcomes
from tests.campaign.lane import Lane


class Figure(NamedTuple):
    """What one place says, and what a recount has; `source` says of what."""

    name: str
    shown: float
    recounted: float
    source: str


async def figures_of(lane: Lane, totals: Totals, accepted: int) -> list[Figure]:
    """Returns every figure that the work of a soak changes; `accepted` jobs were sent. The service must be idle."""
    redis, keep_s = lane.fleet.redis, lane.fleet.judged.settings.store.keep_s
    return [
        *_of_judgments(await lane.metrics(), await counted_outcomes(lane), totals),
        *await _of_jobs(lane, accepted),
        *await _of_labels(lane),
        *await _of_expiries(redis),
        Figure("records mended by a sweep", sum(await sweep(redis, keep_s=keep_s)), 0, "all jobs"),
    ]


def _of_judgments(metrics: dict[str, float], seen: Counter[str], totals: Totals) -> Iterator[Figure]:
    judgments, ended = "the judgments of all jobs", totals.outcomes.total()
    for outcome in sorted(totals.outcomes.keys() | seen.keys()):
        shown = _sum(metrics, "judged_judgments_total{", f'outcome="{outcome}"')
        yield Figure(f"judged_judgments_total {outcome}", shown, totals.outcomes[outcome], judgments)
        yield Figure(f"counter of agreement, seen {outcome}", seen[outcome], totals.outcomes[outcome], judgments)
    yield Figure("judged_score_total", _sum(metrics, "judged_score_total{"), totals.outcomes["scored"], judgments)
    for name, expected in totals.sums.items():
        yield Figure(name, metrics.get(name, 0), expected, judgments)
    waits = metrics.get("judged_queue_wait_seconds_count", 0)
    yield Figure("judged_queue_wait_seconds_count", waits, ended, judgments)
    yield Figure("judged_queue_items", metrics["judged_queue_items"], 0, "no open job")


async def _of_jobs(lane: Lane, accepted: int) -> list[Figure]:
    redis = lane.fleet.redis
    queued = [each for each in await redis.zrange(keys.QUEUE, 0, -1) if each.startswith(b"judge_chunk")]
    return [
        Figure("jobs in the list", await redis.zcard(keys.JOBS), accepted, "jobs that were accepted"),
        Figure("open jobs", await redis.zcard(keys.OPEN_JOBS), 0, "jobs that have not ended"),
        Figure("pending judgments", int(await redis.get(keys.PENDING) or 0), 0, "jobs that have not ended"),
        Figure("chunks in the queue", len(queued), 0, "jobs that have not ended"),
    ]


async def _of_labels(lane: Lane) -> list[Figure]:
    accepted = {"Accept": "application/x-ndjson"}
    stored = len((await lane.ask("GET", "/v1/labels", headers=accepted)).text.splitlines())
    report = await rebuild(lane.fleet.redis, repair=False)
    shown = _sum(await lane.metrics(), "judged_labels_total{")
    return [
        Figure("judged_labels_total", shown, stored, "the labels in the store"),
        Figure("labels that judged rebuild reads", report.labels, stored, "the labels in the store"),
        Figure(f"differing of {report.counters} counters of labels", report.differing, 0, "judged rebuild"),
    ]


async def _of_expiries(redis: Redis) -> list[Figure]:
    """The keys that have no expiry, of those kinds of which only some may have none."""
    found = Counter[str]()
    async for key in redis.scan_iter(count=500):
        name = key.decode()
        if await redis.ttl(key) == -1:
            found["job"] += name.startswith(keys.job(""))
            if name.startswith(keys.item("")):
                found["item"] += not await redis.hexists(key, "labelled")  # type: ignore[misc]
            elif any(name.startswith(keys.agreement_counters_of(kind).partition("*")[0]) for kind in COUNTER_KINDS):
                found["counter"] += keys.bucket_of(name) != "all"
    return [
        Figure("jobs that never expire", found["job"], 0, "no job"),
        Figure("items that never expire", found["item"], 0, "items without a label"),
        Figure("counters that never expire", found["counter"], 0, "hours and days"),
    ]


def _sum(metrics: dict[str, float], start: str, part: str = "") -> float:
    return sum(value for name, value in metrics.items() if name.startswith(start) and part in name)


def print_figures(figures: Sequence[Figure]) -> Iterator[str]:
    """Prints every figure beside its recount; yields those that differ."""
    print(f"\n{'figure':<62}{'shown':>12}{'recounted':>12}  recounted from")
    for each in figures:
        differs = each.shown != each.recounted
        mark = "   DIFFERS" if differs else ""
        print(f"{each.name:<62}{each.shown:>12g}{each.recounted:>12g}  {each.source}{mark}")
        if differs:
            yield f"{each.name} is {each.shown:g}, a recount of {each.source} has {each.recounted:g}"
