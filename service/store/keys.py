"""The names of all keys in Redis. Every key of the service is named here, and Lua scripts get their keys as arguments.

`service/docs/redis-keys.md` has the fields, the writers and the lifetime of each. Keys that begin with `arq:` belong to
arq, which runs the queue; `QUEUE` is its list of jobs.

`installations.use_prefix` puts the prefix of an installation before all keys and channels of the process.
"""

from service.contracts.names import quoted

PREFIX = "judged:"

# arq's

ARQ = "arq:"
"""What all keys of arq begin with."""

ARQ_JOB = "arq:job:"
"""String: an arq job, the function and the ids (msgpack)."""

ARQ_LEASE = "arq:in-progress:"
"""String: a lease, the worker that runs the arq job."""

ARQ_TRIES = "arq:retry:"
"""Integer: how often arq began the arq job, in earlier versions."""

# Jobs and the queue

JOBS = PREFIX + "jobs"
"""Zset of job ids, all with score 0; they sort by id, which begins with the time of creation."""

OWNERS_LISTED = PREFIX + "owners_listed"
"""String: 2 once all jobs and benchmarks are in their owners' lists, which the task `sweep` saw to."""

OPEN_JOBS = PREFIX + "open_jobs"
"""Zset of the ids of jobs that have not ended, all with score 0."""

CALLBACKS = PREFIX + "callbacks"
"""Zset of the ids of ended jobs whose callback is neither delivered nor given up, all with score 0."""

PENDING = PREFIX + "pending"
"""Integer: the judgments of all jobs that are accepted and not finished."""

QUEUE = PREFIX + "queue"
"""Zset of arq job ids by their turn, or by the time from which they may run again."""

TURNS = PREFIX + "turns"
"""Hash: `now` (the turn taken last), `jobs:<owner>` (a key's jobs whose last chunk has not begun)."""

NO_KEY = PREFIX + "none"
"""Never written: stands for a key that a script has no need of, since a user of the store may be bound to a prefix."""

PROBE = PREFIX + "probe"
"""String: written to learn whether the store takes writes."""

WAKE = PREFIX + "wake"
"""Channel: a message for each new entry of the queue, so that workers need not poll."""

ENDED = PREFIX + "ended"
"""Channel: the id of each job that ends, so that clients who wait for one are answered at once."""


def owned(index: str, owner: str) -> str:
    """Zset as the index (JOBS, BENCHMARKS), of one API key's jobs."""
    return f"{index}:{owner}"


def job(job_id: str) -> str:
    """Hash: a job, its counts and its place in the queue."""
    return f"{PREFIX}job:{job_id}"


def job_items(job_id: str) -> str:
    """The prefix of `chunk_items`."""
    return f"{PREFIX}job:{job_id}:items:"


def job_results(job_id: str) -> str:
    """The prefix of `chunk_results`."""
    return f"{PREFIX}job:{job_id}:results:"


def chunk_items(job_id: str, chunk: int) -> str:
    """String: the items of a chunk (msgpack), perhaps packed."""
    return f"{job_items(job_id)}{chunk}"


def chunk_results(job_id: str, chunk: int) -> str:
    """Hash: position of a judgment in its job -> the judgment (JSON), perhaps packed."""
    return f"{job_results(job_id)}{chunk}"


def job_benchmark(job_id: str) -> str:
    """Hash: the part of a benchmark that its job does not have."""
    return f"{PREFIX}job:{job_id}:benchmark"


def job_events(job_id: str) -> str:
    """Channel: a message after each change of a job: started, progress, cancel or finished."""
    return f"{PREFIX}job:{job_id}:events"


def idempotency(caller: str, key_digest: str) -> str:
    """Hash: the request that was sent with an Idempotency-Key."""
    return f"{PREFIX}idempotency:{caller}:{key_digest}"


def spend(owner: str, day: str) -> str:
    """Integer: nano-dollars that an API key spent on a UTC day, with its judgments."""
    return f"{PREFIX}spend:{owner}:{day}"


def spend_leases(owner: str, day: str) -> str:
    """Hash: worker id -> '<held> <unstored> <spent>', nano-dollars of a key's budget of a UTC day."""
    return f"{PREFIX}spend:{owner}:{day}:leases"


def job_leases(job_id: str) -> str:
    """Hash: worker id -> the same of a job's budget."""
    return f"{PREFIX}job:{job_id}:leases"


def request_times(key_name: str) -> str:
    """List: times of the newest requests of a key with a limit, the newest first."""
    return f"{PREFIX}requests:{key_name}"


def cached_vote(digest: str) -> str:
    """String: a vote's place (`cache.stored_place`, `cache_place`), or `!<worker id>` while a worker asks for it."""
    return f"{PREFIX}cache:{digest}"


# The archive

ARCHIVE = PREFIX + "archive"
"""Hash: the state of the archive."""

UNARCHIVED = PREFIX + "unarchived"
"""Zset of the ids of ended jobs that are not archived, by the time of their end."""

UNARCHIVED_LABELS = PREFIX + "unarchived_labels"
"""Zset of `<item's key>\\n<field of its state>` whose labels are not archived, by the change's time."""

ARCHIVE_LEASE = PREFIX + "archive_lease"
"""String: the process that writes the archive."""

# Workers

WORKERS = PREFIX + "workers"
"""Zset of worker ids by the time (seconds since the epoch) until which they count as alive."""

OUTAGE = PREFIX + "outage"
"""Hash: `seen` (seconds: when a worker last wrote to the store), `ended` (of the last outage)."""

CAPABILITIES = PREFIX + "capabilities"
"""Hash: model -> the request options that its server supports (JSON), as workers found out."""

SERVED_MODELS = PREFIX + "served_models"
"""Hash: model -> the model that answered last, as its provider names it."""

MODEL_LISTS = PREFIX + "model_lists"
"""Hash: provider -> its list of models, with the dates of their shutdown (msgpack of ModelList)."""

PROVIDER_LIMITS = PREFIX + "provider_limits"
"""Channel: a message when a provider begins to limit or to refuse calls, so that workers need not poll."""


def provider_limit(provider: str) -> str:
    """Hash: a provider's limit on calls (limit_provider.lua)."""
    return f"{PREFIX}provider_limit:{provider}"


def provider_stop(provider: str) -> str:
    """String: the reason and the words with which a provider refuses every call (msgpack)."""
    return f"{PREFIX}provider_stop:{provider}"


BREAKERS = PREFIX + "breakers"
"""Hash: "provider/model" -> its breaker (msgpack; see `breaker.lua`)."""


def call_slots(provider: str) -> str:
    """Hash: worker id -> its calls in flight to a provider: `<granted> <wanted> <expiry in seconds>`."""
    return f"{PREFIX}slots:{provider}"


def due(task: str, period: int) -> str:
    """String: exists once a process has started a periodic task in this period."""
    return f"{PREFIX}due:{task}:{period}"


# Metrics

COUNTERS = PREFIX + "counters"
"""Hash: series of a metric (its name and label values, joined by tabs) -> integer: see `counters.py`."""


def counts_added(sender: str) -> str:
    """Integer: the number of the newest counts of a sender that COUNTERS has, so that none is added twice."""
    return f"{PREFIX}counted:{sender}"


SAVED_GAUGES = PREFIX + "gauges"
"""String: all gauges of agreement and when they were computed (msgpack of Refreshed)."""

# Sessions, judges and datasets

SESSION = PREFIX + "session:"
"""Prefix of strings by the digest of a token: the digest of the API key that opened the session."""

SECRET = PREFIX + "secret"
"""String: the installation's secret, 32 random bytes."""

PACKED = PREFIX + "packed"
"""String: what is stored packed, a `packing.Packing`."""

JUDGES = PREFIX + "judges"
"""Zset of judge names, all with score 0."""

DATASETS = PREFIX + "datasets"
"""Zset of dataset names, all with score 0."""

BENCHMARKS = PREFIX + "benchmarks"
"""Zset of the job ids of benchmarks, all with score 0."""


def judge(name: str) -> str:
    """Hash: the versions of a named judge."""
    return f"{PREFIX}judge:{name}"


def dataset(name: str) -> str:
    """Hash: a dataset."""
    return f"{PREFIX}dataset:{name}"


def dataset_items(version: str, chunk: int) -> str:
    """String: some items of a version of a dataset, with people's values (msgpack)."""
    return f"{PREFIX}dataset_items:{version}:{chunk}"


# Items, labels and agreement

CRITERIA = PREFIX + "criteria"
"""Hash: criterion -> the scale of its labels (JSON of CriterionScale)."""

CRITERION_RECORDS = PREFIX + "criterion_records"
"""Hash: criterion -> where its scale comes from (JSON of CriterionRecord)."""

QUEUED_CRITERIA = PREFIX + "queued_criteria"
"""Set of the criteria whose label queue somebody has read."""

LABELLED_CRITERIA = PREFIX + "labelled_criteria"
"""Set of the criteria that have had a label."""

JUDGE_SCALES = PREFIX + "judge_scales"
"""Hash: judge, as counters name it (`name@version` or a digest) -> the scale of its scores (JSON of CriterionScale)."""

SERIES = PREFIX + "series"
"""Zset of `<quoted criterion>\\t<series>` by the time of its newest judgment that was answered, 0 without one."""

MET = PREFIX + "met"
"""Zset of `<quoted criterion>\\t<series>\\t<series>` by the time at which both last scored the same content."""

CHANGES = PREFIX + "changes"
"""Integer: increased by each change of a labelled item, by which `judged rebuild` sees a change."""


def item(item_id: str) -> str:
    """Hash: an item, its newest content, its labels and its scores."""
    return f"{PREFIX}item:{item_id}"


def item_state(criterion: str) -> str:
    """The name of the field of an item's hash with its labels and scores on a criterion."""
    return f"C\t{quoted(criterion)}"


def agreement_counters(kind: str, bucket: str, series: str, criterion: str) -> str:
    """Hash: field -> integer, the counters of one kind in one bucket of time.

    `bucket` is `all`, `d<day since the epoch>` or `h<hour since the epoch>`. `service/agreement/contributions.py`
    describes the fields.
    """
    return f"{PREFIX}{kind}:{bucket}:{series}:{quoted(criterion)}"


def agreement_counters_of(kind: str) -> str:
    """The pattern of all keys of `agreement_counters` with this kind."""
    return f"{PREFIX}{kind}:*"


def bucket_of(key: str) -> str:
    """Returns the bucket in a key of `agreement_counters`."""
    return key.removeprefix(PREFIX).split(":")[1]


def served_by(criterion: str, judge: str, model: str) -> str:
    """Zset: the served models that answered for a judge and model, by the time at which each first did."""
    return f"{PREFIX}served:{judge} {model}:{quoted(criterion)}"


def label_queue(selection: str, criterion: str, annotators: int = 0) -> str:
    """Zset of the judged items with so many annotators, by their place; `selection` is random or targeted."""
    return f"{PREFIX}to_label:{selection}:{quoted(criterion)}" + (f":{annotators}" if annotators else "")


def labelled_places(selection: str, criterion: str) -> str:
    """Zset of the judged items with labels, by their place in the random half of the label queue."""
    return f"{PREFIX}labelled_places:{selection}:{quoted(criterion)}"


def labelled_items(criterion: str) -> str:
    """Zset of the items that have labels on the criterion, all with score 0, so that they sort by id."""
    return f"{PREFIX}labelled:{quoted(criterion)}"


def groups(criterion: str) -> str:
    """Zset of the groups whose items were judged by the criterion, by the time of the newest judgment."""
    return f"{PREFIX}groups:{quoted(criterion)}"


def group(criterion: str, name: str) -> str:
    """Zset of the judged items of a group, by the time of their newest judgment."""
    return f"{PREFIX}group:{quoted(criterion)}:{quoted(name)}"


def unchecked(criterion: str) -> str:
    """Set of the items whose labels are to be checked against the criterion's new scale."""
    return f"{PREFIX}unchecked:{quoted(criterion)}"


# Anchors

ANCHORS = PREFIX + "anchors"
"""Zset of the judges that have anchors (`name` or `name@version`), all with score 0."""

ANCHOR_JOBS = PREFIX + "anchor_jobs"
"""Zset of the ids of the newest 10,000 jobs that judged anchors, all with score 0."""


def anchor_set(judge: str) -> str:
    """String: the owner and the times of a judge's anchors, and what keeps them from being judged (JSON)."""
    return f"{PREFIX}anchors:{judge}"


def anchor_items(judge: str) -> str:
    """Hash: item id -> the anchor with its texts (JSON of Item)."""
    return f"{PREFIX}anchors:{judge}:items"


def anchor_turns(judge: str) -> str:
    """Zset of the ids of the anchors by the time at which they were last submitted; below 1 before the first time."""
    return f"{PREFIX}anchors:{judge}:turns"


def anchor_scores(judge: str) -> str:
    """Zset of the scored judgments of anchors (JSON of AnchorScore) by the time at which they ended."""
    return f"{PREFIX}anchors:{judge}:scores"


# The arena

BATTLES = PREFIX + "arena:battles"
"""Zset of battle ids, all with score 0."""

ARENA_VOTES = PREFIX + "arena:votes"
"""Stream: every vote, in the field `row` (msgpack of VoteRow)."""


def battle(battle_id: str) -> str:
    """Hash: a battle."""
    return f"{PREFIX}arena:battle:{battle_id}"


def battle_voters(battle_id: str) -> str:
    """Hash: voter -> `<winner>\\t<request>`."""
    return f"{PREFIX}arena:battle:{battle_id}:voters"


def battle_drawing(battle_id: str, course: str) -> str:
    """String: exists while a process draws new models for this course of a battle."""
    return f"{PREFIX}arena:battle:{battle_id}:drawing:{course}"


def arena_counters(criterion: str | None) -> str:
    """Hash: the counted votes on a criterion, or on all of them: see `service/arena/vote_counts.py`."""
    return PREFIX + ("arena:counters" if criterion is None else f"arena:counters:{criterion}")


def arena_pace(voter: str) -> str:
    """List: the times of a voter's newest votes, the newest first."""
    return f"{PREFIX}arena:pace:{voter}"
