"""The names of all keys in Redis, in one place."""

from service.agreement.counter_fields import quoted

PREFIX = "judged:"

JOBS = PREFIX + "jobs"  # zset of job ids, all of score 0: an id sorts by the time it was made
PENDING = PREFIX + "pending"  # string: judgments accepted and not finished
WORKERS = PREFIX + "workers"  # zset: worker id by the time its heartbeat expires, seconds since the epoch
COUNTERS = PREFIX + "counters"  # hash: series -> integer
CAPABILITIES = PREFIX + "capabilities"  # hash: model -> what its provider was learnt to take
JUDGES = PREFIX + "judges"  # zset of judge names, all of score 0
DATASETS = PREFIX + "datasets"  # zset of dataset names, all of score 0
BENCHMARKS = PREFIX + "benchmarks"  # zset of the ids of benchmarks' jobs, all of score 0
BATTLES = PREFIX + "arena:battles"  # zset of the arena's battle ids, all of score 0
ARENA_VOTES = PREFIX + "arena:votes"  # stream: every vote of the arena, as a row
WAKE = PREFIX + "wake"  # channel: something was enqueued
QUEUE = PREFIX + "queue"  # zset: arq's queue
CRITERIA = PREFIX + "criteria"  # hash: criterion -> the scale that all its judges share
SERIES = PREFIX + "series"  # zset: criterion and series, tab between, by when it was last judged
MET = PREFIX + "met"  # zset: criterion and two series that judged one content, tabs between, by when they last did
SECRET = PREFIX + "secret"  # string: the installation's secret, 32 bytes
CHANGES = PREFIX + "changes"  # string: how often the counters of labels were changed


def job(job_id: str) -> str:
    """Hash: the record, the counts and the times of a job."""
    return f"{PREFIX}job:{job_id}"


def chunk_items(job_id: str, chunk: int) -> str:
    """String: the items of a chunk."""
    return f"{PREFIX}job:{job_id}:items:{chunk}"


def chunk_results(job_id: str, chunk: int) -> str:
    """Hash: position of the judgment in its job -> the judgment."""
    return f"{PREFIX}job:{job_id}:results:{chunk}"


def job_benchmark(job_id: str) -> str:
    """Hash: what a benchmark was asked for, what people said of the items of each chunk, and the leaderboard."""
    return f"{PREFIX}job:{job_id}:benchmark"


def job_events(job_id: str) -> str:
    """Channel: a message after each change of a job."""
    return f"{PREFIX}job:{job_id}:events"


def idempotency(caller: str, key_digest: str) -> str:
    """String: fingerprint of the request and the job that it made."""
    return f"{PREFIX}idempotency:{caller}:{key_digest}"


def item(item_id: str) -> str:
    """Hash: the newest content that an item id stood for, and what people and judges said of it (rows.lua)."""
    return f"{PREFIX}item:{item_id}"


def spend(owner: str, day: str) -> str:
    """String: nano-dollars that an API key spent on a UTC day."""
    return f"{PREFIX}spend:{owner}:{day}"


def call_slots(provider: str) -> str:
    """Hash: worker id -> the calls that it may have in flight to a provider."""
    return f"{PREFIX}slots:{provider}"


def judge(name: str) -> str:
    """Hash: the versions of a named judge, their digests, the latest."""
    return f"{PREFIX}judge:{name}"


def cached_vote(digest: str) -> str:
    """String: where a vote is kept that was paid for, or which worker is asking for it just now."""
    return f"{PREFIX}cache:{digest}"


def dataset(name: str) -> str:
    """Hash: what a dataset is, and the version under which its items are kept."""
    return f"{PREFIX}dataset:{name}"


def dataset_items(version: str, chunk: int) -> str:
    """String: some items of a version of a dataset, with what people said of them."""
    return f"{PREFIX}dataset_items:{version}:{chunk}"


def battle(battle_id: str) -> str:
    """Hash: what a battle is, its course, and how many votes it has."""
    return f"{PREFIX}arena:battle:{battle_id}"


def battle_voters(battle_id: str) -> str:
    """Hash: who voted on a battle -> the winner and the request, tab between."""
    return f"{PREFIX}arena:battle:{battle_id}:voters"


def battle_drawing(battle_id: str, course: str) -> str:
    """String: there while somebody draws again for a battle in this course of it."""
    return f"{PREFIX}arena:battle:{battle_id}:drawing:{course}"


def arena_counters(criterion: str | None) -> str:
    """Hash: the votes on a criterion, or on all, counted (service/ratings/counted.py)."""
    return PREFIX + ("arena:counters" if criterion is None else f"arena:counters:{criterion}")


def arena_pace(voter: str) -> str:
    """List: when a voter voted last, milliseconds since the epoch, the newest first."""
    return f"{PREFIX}arena:pace:{voter}"


def tally(kind: str, bucket: str, series: str, criterion: str) -> str:
    """Hash: what was counted of a series in a bucket of time, field -> integer."""
    return f"{PREFIX}{kind}:{bucket}:{series}:{quoted(criterion)}"


def queue_half(selection: str, criterion: str) -> str:
    """Zset: items that wait for a label, the first to be labelled having the lowest score."""
    return f"{PREFIX}to_label:{selection}:{quoted(criterion)}"


def unchecked(criterion: str) -> str:
    """Set: items with labels from before any judge gave the criterion its scale."""
    return f"{PREFIX}unchecked:{quoted(criterion)}"
