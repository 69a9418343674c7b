"""The differences between the state after a round and a recount: there must be none."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from service.agreement.rebuilding import rebuild
from service.store import keys
from service.store.agreement_counters import all_counters
from service.store.jobs import JUDGE_CHUNK
from service.store.sweeping import Swept, sweep
from tests.campaign.lane import Lane
from tests.flows.conftest import Row
from tests.polling import until


class Totals:
    """Sums over all jobs of a lane, made from their judgments."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.sums: Counter[str] = Counter()

    def add(self, judgments: list[Row]) -> None:
        self.outcomes.update(each["outcome"] for each in judgments)
        self.sums["judged_judgment_seconds_count"] += len(judgments)
        for judgment in judgments:
            usage = judgment["usage"]
            self.sums['judged_tokens_total{direction="input",model="openai/m"}'] += usage["input_tokens"]
            self.sums['judged_tokens_total{direction="output",model="openai/m"}'] += usage["output_tokens"]

    def differing(self, metrics: Mapping[str, float], seen: Mapping[str, int]) -> Iterator[str]:
        """Compares with `/metrics`, and with the outcomes that the counters of agreement have."""
        for name, expected in self.sums.items():
            if metrics.get(name, 0) != expected:
                yield f"{name} is {metrics.get(name, 0):g}, a recount has {expected}"
        shown: Counter[str] = Counter()
        for name, value in metrics.items():
            if name.startswith("judged_judgments_total{"):
                shown[name.partition('outcome="')[2].partition('"')[0]] += round(value)
        if +shown != +self.outcomes:
            yield f"judged_judgments_total has {dict(shown)}, a recount {dict(self.outcomes)}"
        if dict(seen) != dict(+self.outcomes):
            yield f"the counters of agreement have {dict(seen)}, a recount {dict(self.outcomes)}"
        scores = sum(round(value) for name, value in metrics.items() if name.startswith("judged_score_total{"))
        if scores != self.outcomes["scored"]:
            yield f"judged_score_total is {scores}, a recount has {self.outcomes['scored']}"


def job_differences(job: Row, judgments: list[Row], sent: list[Row], *, may_fail: bool) -> Iterator[str]:
    """Compares an ended job with its judgments, and these with the items that were sent."""
    name, counts = job["id"], job["counts"]
    if [each["item_id"] for each in judgments] != [each["id"] for each in sent]:
        yield f"{name}: {len(judgments)} judgments of other items than the {len(sent)} that were sent"
    if len({each["id"] for each in judgments}) != len(judgments):
        yield f"{name}: a judgment stands twice in the list"
    recounted = Counter(each["outcome"] for each in judgments)
    shown = {outcome: counts[outcome] for outcome in ("scored", "unscored", "failed", "cancelled") if counts[outcome]}
    if shown != recounted or counts["pending"] or counts["total"] != len(sent):
        yield f"{name}: the counts are {counts}, a recount of its judgments has {dict(recounted)}"
    if not may_fail and recounted.keys() - {"scored"}:
        words = [vote.get("error") for each in judgments for vote in each["votes"] if each["outcome"] != "scored"]
        yield f"{name}: {dict(recounted)} without a fault of the provider: {words[:3]}"
    if job["finished_at"] is None or job["status"] not in ("completed", "completed_with_errors"):
        yield f"{name} is {job['status']}, ended at {job['finished_at']}"
    for tokens in ("input_tokens", "output_tokens"):
        if job["usage"][tokens] != sum(each["usage"][tokens] for each in judgments):
            yield f"{name}: usage has {job['usage'][tokens]} {tokens}, its judgments have another sum"


async def store_differences(lane: Lane, totals: Totals) -> list[str]:
    """Compares the store's counters with the recount of all judgments so far."""
    redis = lane.fleet.redis
    found = list(totals.differing(await lane.metrics(), await counted_outcomes(lane)))
    if (pending := await redis.get(keys.PENDING)) != b"0":
        found.append(f"{keys.PENDING} is {pending!r}")
    if left := await _left_in_queue(lane):
        found.append(f"chunks of ended jobs stay in the queue: {left}")
    report = await rebuild(redis, repair=False)
    if report.differing:
        found.append(f"{report.differing} counters of labels differ from a recount: {report.examples[:3]}")
    if (swept := await sweep(redis, keep_s=lane.fleet.judged.settings.store.keep_s)) != Swept():
        found.append(f"a sweep mended {swept}")
    return found


async def counted_outcomes(lane: Lane) -> Counter[str]:
    """The outcomes by the counters of agreement, over all time."""
    seen: Counter[str] = Counter()
    for key, fields in (await all_counters(lane.fleet.redis, ["seen"])).items():
        for field, count in fields.items():
            kind, *words = field.split("\t")
            if kind == "outcome" and ":all:" in key:
                seen[words[0]] += count
    return +seen


async def _left_in_queue(lane: Lane) -> list[Any]:
    """The chunks in the queue, once there were none for a moment or for too long."""
    left: list[Any] = []

    async def is_empty() -> bool:
        left[:] = [
            each for each in await lane.fleet.redis.zrange(keys.QUEUE, 0, -1) if each.startswith(JUDGE_CHUNK.encode())
        ]
        return not left

    try:
        await until(is_empty, "an empty queue", 15)
    except AssertionError:
        return left
    return []
