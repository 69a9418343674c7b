"""The names of all keys in Redis. Every key of the service is named here, and Lua scripts get their keys as arguments.

Each docstring gives the key's type and content, its writer and its lifetime. "The keep time" is the setting
`store.keep_days`, counted from the end of a job. Times are in milliseconds since the epoch unless stated otherwise.
Keys that begin with `arq:` belong to arq, which runs the queue; `QUEUE` is its list of jobs.

`installations.use_prefix` puts the prefix of an installation before all keys and channels of the process.
"""

from service.contracts.quoting import quoted

PREFIX = "judged:"

# arq's

ARQ = "arq:"
"""What all keys of arq begin with."""

ARQ_JOB = "arq:job:"
"""String: an arq job, the function and the ids (msgpack). Written when a job is committed. Expires after 400 days."""

ARQ_LEASE = "arq:in-progress:"
"""String: a lease, the worker that runs the arq job. Expires after ten seconds, and is renewed."""

ARQ_TRIES = "arq:retry:"
"""Integer: how often arq began the arq job. Written and removed by arq."""

# Jobs and the queue

JOBS = PREFIX + "jobs"
"""Zset of job ids, all with score 0; they sort by id, which begins with the time of creation.
Written when a job is committed, which also removes old ids whose jobs have expired, as listings do. Never expires."""

OWNERS_LISTED = PREFIX + "owners_listed"
"""String: 2 once all jobs and benchmarks are in their owners' lists, which the task `sweep` saw to. Never expires."""

OPEN_JOBS = PREFIX + "open_jobs"
"""Zset of the ids of jobs that have not ended, all with score 0. The task `sweep` keeps it right. Never expires."""

CALLBACKS = PREFIX + "callbacks"
"""Zset of the ids of ended jobs whose callback is neither delivered nor given up, all with score 0. Never expires."""

PENDING = PREFIX + "pending"
"""Integer: the judgments of all jobs that are accepted and not finished. The task `sweep` adds them up."""

QUEUE = PREFIX + "queue"
"""Zset of arq job ids by their turn, or by the time from which they may run again.
Scores below 10^12 are turns, greater ones times. A job has a few chunks queued; each that begins lets the next in.
Written when a job is committed, when a chunk begins, and when a job ends if it has a callback. Never expires."""

TURNS = PREFIX + "turns"
"""Hash: `now` (the turn taken last), `jobs:<owner>` (a key's jobs whose last chunk has not begun). Never expires."""

NO_KEY = PREFIX + "none"
"""Never written: stands for a key that a script has no need of, since a user of the store may be bound to a prefix."""

PROBE = PREFIX + "probe"
"""String: 1. Written to learn whether the store takes writes. Expires after a minute."""

WAKE = PREFIX + "wake"
"""Channel: a message for each new entry of the queue, so that workers need not poll."""

ENDED = PREFIX + "ended"
"""Channel: the id of each job that ends, so that clients who wait for one are answered at once."""


def owned(index: str, owner: str) -> str:
    """Zset as the index (JOBS, BENCHMARKS), of one API key's jobs. Expires 400 days after the last of them."""
    return f"{index}:{owner}"


def job(job_id: str) -> str:
    """Hash: a job.

    Fields: `record` (JSON of JobRecord), `total` and `chunks` (integers), `lane` (the judgments of a full chunk and the
    models, joined by tabs), `line` (the owner), `queued` (chunks that were queued so far), `turn` (of the last of
    them), `left_line` (1 once the last chunk has begun), `started_at`, `finished_at`, `cancel`, the counts `scored`,
    `unscored`, `failed` and `cancelled`, the usage `input_tokens`, `output_tokens`, `cost_nano` (nano-dollars) and
    `unpriced` (judgments of unknown cost), `tries:<chunk>`, `tried:<chunk>` (msgpack of the calls for votes that were
    put off); `callback_key`, `callback_id`, `callback` (the arq job), `callback_attempts`, `…_status`, `…_error`.
    Written when the job is committed, when a worker claims a chunk, when a judgment is stored and when it is cancelled.
    Expires the keep time after its last judgment.
    """
    return f"{PREFIX}job:{job_id}"


def job_items(job_id: str) -> str:
    """The prefix of `chunk_items`."""
    return f"{PREFIX}job:{job_id}:items:"


def job_results(job_id: str) -> str:
    """The prefix of `chunk_results`."""
    return f"{PREFIX}job:{job_id}:results:"


def chunk_items(job_id: str, chunk: int) -> str:
    """String: the items of a chunk (msgpack), perhaps packed.
    Written while a request is read, with an expiry of one hour that the job's commit removes. Expires with the job."""
    return f"{job_items(job_id)}{chunk}"


def chunk_results(job_id: str, chunk: int) -> str:
    """Hash: position of a judgment in its job -> the judgment (JSON), perhaps packed.
    Each field is written once, when the judgment is finished. Expires with the job."""
    return f"{job_results(job_id)}{chunk}"


def job_benchmark(job_id: str) -> str:
    """Hash: the part of a benchmark that its job does not have.

    Fields: `order` (JSON of BenchmarkOrder), `human:<part>` (msgpack of people's values, until the leaderboard is
    made), `leaderboard` (JSON). Written while the request is read, and when the leaderboard is made. Expires with the
    job.
    """
    return f"{PREFIX}job:{job_id}:benchmark"


def job_events(job_id: str) -> str:
    """Channel: a message after each change of a job: started, progress, cancel or finished."""
    return f"{PREFIX}job:{job_id}:events"


def idempotency(caller: str, key_digest: str) -> str:
    """Hash: the request that was sent with an Idempotency-Key. Fields: `fingerprint` (of the request), `job` (its id).
    Written when the job is committed. Expires after `server.idempotency_keep_hours`."""
    return f"{PREFIX}idempotency:{caller}:{key_digest}"


def spend(owner: str, day: str) -> str:
    """Integer: nano-dollars that an API key spent on a UTC day, with its judgments. Expires two days after the last."""
    return f"{PREFIX}spend:{owner}:{day}"


def spend_leases(owner: str, day: str) -> str:
    """Hash: worker id -> '<held> <unstored> <spent>', nano-dollars of a key's budget of a UTC day.

    These are what the worker holds for calls, the part that calls have spent whose judgments nobody stores yet, and
    what the store knew as spent at that time.
    Written by workers before calls, and once a second while they hold some. Expires after two days.
    """
    return f"{PREFIX}spend:{owner}:{day}:leases"


def job_leases(job_id: str) -> str:
    """Hash: worker id -> the same of the job's budget. Written as `spend_leases` is. Expires after two days."""
    return f"{PREFIX}job:{job_id}:leases"


def request_times(key_name: str) -> str:
    """List: times of the newest requests of a key with a limit, the newest first.
    Written by the API. Expires after a minute."""
    return f"{PREFIX}requests:{key_name}"


def cached_vote(digest: str) -> str:
    """String: a vote's place (`cache.stored_place`, `cache_place`), or `!<worker id>` while a worker asks for the vote.

    The lease is written by a worker before it asks, renewed while it asks, and expires after 30 seconds; the place of
    the vote is written when the judgment is stored and expires after the keep time.
    """
    return f"{PREFIX}cache:{digest}"


# The archive

ARCHIVE = PREFIX + "archive"
"""Hash: `on`, `after_ms`, `adopted`, `plan` (msgpack of a FilePlan), `version`, `sequence`. Never expires."""
UNARCHIVED = PREFIX + "unarchived"
"""Zset of the ids of ended jobs that are not archived, by the time of their end. Never expires."""
UNARCHIVED_LABELS = PREFIX + "unarchived_labels"
"""Zset of `<item's key>\\n<field of its state>` whose labels are not archived, by the change's time. Never expires."""
ARCHIVE_LEASE = PREFIX + "archive_lease"
"""String: the process that writes the archive. Expires after 60 seconds, renewed."""

# Workers

WORKERS = PREFIX + "workers"
"""Zset of worker ids by the time (seconds since the epoch) until which they count as alive.
Written by each worker every few seconds. Never expires; old entries are removed by the next write."""

OUTAGE = PREFIX + "outage"
"""Hash: `seen` (seconds: when a worker last wrote to the store), `ended` (of the last outage). Never expires."""

CAPABILITIES = PREFIX + "capabilities"
"""Hash: model -> the request options that its server supports (JSON), as workers found out. Never expires."""

SERVED_MODELS = PREFIX + "served_models"
"""Hash: model -> the model that answered last, as its provider names it. Written by workers. Never expires."""

MODEL_LISTS = PREFIX + "model_lists"
"""Hash: provider -> its list of models, with the dates of their shutdown, and when it was read (msgpack of ModelList).
Written once a day by the periodic task `read_model_lists` of a worker. Never expires."""

PROVIDER_LIMITS = PREFIX + "provider_limits"
"""Channel: a message when a provider begins to limit or to refuse calls, so that workers need not poll."""


def provider_limit(provider: str) -> str:
    """Hash: a provider's limit on calls (limit_provider.lua).

    Fields: `until` (nobody may call before), `noted` (the last refusal), `rate` and `goal` (calls per million seconds),
    `double` (milliseconds in which the rate doubles), `streak` (refusals without a wait asked for), `seen`, `seen_rate`
    (answers before a refusal that seems a single one, their rate). Written by workers when there are too many calls.
    Expires 15 minutes after `until`."""
    return f"{PREFIX}provider_limit:{provider}"


def provider_stop(provider: str) -> str:
    """String: the reason and the words with which a provider refuses every call (msgpack).
    Written by workers when a key is bad or a quota is spent. Expires after a minute, when one call tries again."""
    return f"{PREFIX}provider_stop:{provider}"


BREAKERS = PREFIX + "breakers"
"""Hash: "provider/model" -> its breaker (msgpack; see `breaker.lua`). Written by workers. Never expires."""


def call_slots(provider: str) -> str:
    """Hash: worker id -> `<granted> <wanted> <expiry in seconds>`: the calls that it may have in flight to a provider.
    Written by workers. Never expires; entries of dead workers are removed by the next write."""
    return f"{PREFIX}slots:{provider}"


def due(task: str, period: int) -> str:
    """String: exists once a process has started a periodic task in this period. Expires after two periods."""
    return f"{PREFIX}due:{task}:{period}"


# Metrics

COUNTERS = PREFIX + "counters"
"""Hash: series of a metric (its name and label values, joined by tabs) -> integer: see `counters.py`.
Written when a judgment, a label or a battle's vote is stored, and by workers for their calls. Never expires."""


def counts_added(sender: str) -> str:
    """Integer: the number of the newest counts of a sender that COUNTERS has, so that none is added twice.
    Written with those counts. Expires a day after the newest."""
    return f"{PREFIX}counted:{sender}"


SAVED_GAUGES = PREFIX + "gauges"
"""String: all gauges of agreement and when they were computed (msgpack of Refreshed).
Written by the periodic task `gauges` of the API. Never expires."""

# Sessions, judges and datasets

SESSION = PREFIX + "session:"
"""Prefix of strings by the digest of a token: the digest of the API key that opened the session. For 12 hours."""

SECRET = PREFIX + "secret"
"""String: the installation's secret, 32 random bytes. Written by the first process that needs it. Never expires."""

PACKED = PREFIX + "packed"
"""String: what is stored packed, a `packing.Packing`. Written with a new installation's secret. Never expires."""

JUDGES = PREFIX + "judges"
"""Zset of judge names, all with score 0. Written when a judge is stored. Never expires."""

DATASETS = PREFIX + "datasets"
"""Zset of dataset names, all with score 0. Written when a dataset is stored or deleted. Never expires."""

BENCHMARKS = PREFIX + "benchmarks"
"""Zset of the job ids of benchmarks, all with score 0. Written as JOBS is. Never expires."""


def judge(name: str) -> str:
    """Hash: the versions of a named judge.

    Fields: `latest` (integer), `version:<n>` (JSON of Judge), `created:<n>` and `retired` (ISO 8601),
    `digest:<digest>` (the version with this digest). Written when a version is stored. Never expires.
    """
    return f"{PREFIX}judge:{name}"


def dataset(name: str) -> str:
    """Hash: a dataset. Fields: `dataset` (JSON of Dataset), `version`, `chunks` (msgpack list of its items' keys).

    Written when the dataset is stored. Removed when it is deleted; never expires.
    """
    return f"{PREFIX}dataset:{name}"


def dataset_items(version: str, chunk: int) -> str:
    """String: some items of a version of a dataset, with people's values (msgpack).

    Written while the request is read, with an expiry of one hour that storing the dataset removes. Expires one hour
    after the dataset is replaced or deleted.
    """
    return f"{PREFIX}dataset_items:{version}:{chunk}"


# Items, labels and agreement

CRITERIA = PREFIX + "criteria"
"""Hash: criterion -> the scale of its labels (JSON of CriterionScale).

Written by `PUT /v1/criteria/{name}`, by the first stored judge, by an inline judge if there is no stored one, and for
the criterion of a built-in judge by the first label. Removed with the criterion; never expires.
"""

CRITERION_RECORDS = PREFIX + "criterion_records"
"""Hash: criterion -> where its scale comes from (JSON of CriterionRecord).
Written with CRITERIA, and alone for a judge whose answers have no scale. Removed with the criterion; never expires."""

QUEUED_CRITERIA = PREFIX + "queued_criteria"
"""Set of the criteria whose label queue somebody has read. Never expires."""

LABELLED_CRITERIA = PREFIX + "labelled_criteria"
"""Set of the criteria that have had a label. Written when labels are put. Removed with the criterion; never expires."""

JUDGE_SCALES = PREFIX + "judge_scales"
"""Hash: judge, as counters name it (`name@version` or a digest) -> the scale of its scores (JSON of CriterionScale).
Written when a job is taken in. Never expires."""

SERIES = PREFIX + "series"
"""Zset of `<quoted criterion>\\t<series>` by the time of the series' newest judgment that was answered, 0 without one.
Written when a judgment is stored. Never expires."""

MET = PREFIX + "met"
"""Zset of `<quoted criterion>\\t<series>\\t<series>` by the time at which both last scored the same content.
Written when a judgment is stored. Never expires."""

CHANGES = PREFIX + "changes"
"""Integer: increased by each change of a labelled item, by which `judged rebuild` sees a change. Never expires."""


def item(item_id: str) -> str:
    """Hash: an item, its newest content, its labels and its scores.

    Fields: `digest` (of the newest content), `job` and `changed` (the job that last named the item, and whether it
    changed the content), `labelled` (the number of criteria with labels; absent if 0),
    `R\\t<job>\\t<chunk>\\t<position>` (when that judgment of the item ended), and `C\\t<quoted criterion>`:
    `<revision> <JSON of CodedItem>`, the labels and scores on one criterion, perhaps packed. The revision is a random
    word that each change of the field replaces.
    Written when a worker claims a chunk, when a judgment is stored, when labels are put or removed, and by the first
    vote on a battle. Expires the keep time after its last judgment while nobody has labelled it.
    """
    return f"{PREFIX}item:{item_id}"


def item_state(criterion: str) -> str:
    """The name of the field of an item's hash with its labels and scores on a criterion."""
    return f"C\t{quoted(criterion)}"


def agreement_counters(kind: str, bucket: str, series: str, criterion: str) -> str:
    """Hash: field -> integer, the counters of one kind in one bucket of time.

    `kind` is agreed, seen, panel, between, ceiling or labels. `bucket` is `all`, `d<day since the epoch>` or
    `h<hour since the epoch>`. `series` is `<judge> <model>`; for `panel` it is the judge, for `between` two series
    joined by `|`, for `ceiling` and `labels` it is empty. `seen` also has `<judge> <model>\\t<quoted group>`: the
    events of the group's items alone, without the bucket `all`, and kept for the keep time. The fields are described in
    `service/agreement/contributions.py`.
    Written when a judgment is stored and when labels are put or removed, and repaired by `judged rebuild`. Fields that
    become 0 are removed. Hours expire after 48 hours, days after 400 days, `all` never.
    """
    return f"{PREFIX}{kind}:{bucket}:{series}:{quoted(criterion)}"


def agreement_counters_of(kind: str) -> str:
    """The pattern of all keys of `agreement_counters` with this kind."""
    return f"{PREFIX}{kind}:*"


def bucket_of(key: str) -> str:
    """Returns the bucket in a key of `agreement_counters`."""
    return key.removeprefix(PREFIX).split(":")[1]


def served_by(criterion: str, judge: str, model: str) -> str:
    """Zset: the served models that answered for a judge and model, by the time at which each first did.
    Several served models of one judgment are one member. Written when a judgment is stored. Never expires."""
    return f"{PREFIX}served:{judge} {model}:{quoted(criterion)}"


def label_queue(selection: str, criterion: str, annotators: int = 0) -> str:
    """Zset of the judged items with so many annotators, by their place; `selection` is random or targeted.

    An item is added when an answered judgment of it is stored, moved when it gets or loses a label, and removed with
    its tenth annotator or when a page finds that it has expired. At most 10,000 without an annotator; never expires.
    """
    return f"{PREFIX}to_label:{selection}:{quoted(criterion)}" + (f":{annotators}" if annotators else "")


def labelled_places(selection: str, criterion: str) -> str:
    """Zset of the judged items with labels, by their place in the random half of the label queue.
    `selection` is random if a label counts as random, else targeted. Written by judgments and labels. Never expires."""
    return f"{PREFIX}labelled_places:{selection}:{quoted(criterion)}"


def labelled_items(criterion: str) -> str:
    """Zset of the items that have labels on the criterion, all with score 0, so that they sort by id.
    Written when labels are put and removed. Never expires."""
    return f"{PREFIX}labelled:{quoted(criterion)}"


def groups(criterion: str) -> str:
    """Zset of the groups whose items were judged by the criterion, by the time (milliseconds) of the newest judgment.

    Written when a judgment of an item with a group is stored, which also removes those past the keep time. Expires the
    keep time after the newest judgment.
    """
    return f"{PREFIX}groups:{quoted(criterion)}"


def group(criterion: str, name: str) -> str:
    """Zset of the judged items of a group, by the time (milliseconds) of their newest judgment.
    A member is `<quoted case>\\t<digest of the content>\\t<item id>`. Written and expires as `groups`."""
    return f"{PREFIX}group:{quoted(criterion)}:{quoted(name)}"


def unchecked(criterion: str) -> str:
    """Set of the items whose labels are to be checked against the criterion's new scale.
    Written when the criterion gets a scale, or another one. Emptied as the labels are checked. Never expires."""
    return f"{PREFIX}unchecked:{quoted(criterion)}"


# Anchors

ANCHORS = PREFIX + "anchors"
"""Zset of the judges that have anchors (`name` or `name@version`), all with score 0. Never expires."""

ANCHOR_JOBS = PREFIX + "anchor_jobs"
"""Zset of the ids of the newest 10,000 jobs that judged anchors, all with score 0.
Written by the periodic task `judge_anchors` of a worker. An id is removed when a listing finds that its job has
expired. Never expires."""


def anchor_set(judge: str) -> str:
    """String: the owner and the times of a judge's anchors, and the problem that keeps them from being judged (JSON).

    Written when anchors are put or restarted, and by the periodic task `judge_anchors`. Removed with the anchors; never
    expires.
    """
    return f"{PREFIX}anchors:{judge}"


def anchor_items(judge: str) -> str:
    """Hash: item id -> the anchor with its texts (JSON of Item). Removed with the anchors; never expires."""
    return f"{PREFIX}anchors:{judge}:items"


def anchor_turns(judge: str) -> str:
    """Zset of the ids of the anchors by the time at which they were last submitted; below 1 before the first time.

    Written when anchors are put, and by the periodic task `judge_anchors`. Removed with the anchors; never expires.
    """
    return f"{PREFIX}anchors:{judge}:turns"


def anchor_scores(judge: str) -> str:
    """Zset of the scored judgments of anchors (JSON of AnchorScore) by the time at which they ended.

    Written when such a judgment is stored. The newest 50,000 are kept. Removed with the anchors; never expires.
    """
    return f"{PREFIX}anchors:{judge}:scores"


# The arena

BATTLES = PREFIX + "arena:battles"
"""Zset of battle ids, all with score 0. Written as JOBS is. Never expires."""

ARENA_VOTES = PREFIX + "arena:votes"
"""Stream: every vote, in the field `row` (msgpack of VoteRow). Written by votes. Never expires."""


def battle(battle_id: str) -> str:
    """Hash: a battle. Fields: `record` (JSON of BattleRecord), `course` (JSON of Course), `votes` (integer).

    Written when the battle is begun, drawn again and voted on. Expires the keep time after its creation or newest vote.
    """
    return f"{PREFIX}arena:battle:{battle_id}"


def battle_voters(battle_id: str) -> str:
    """Hash: voter -> `<winner>\\t<request>`. Written by votes. Expires with the battle."""
    return f"{PREFIX}arena:battle:{battle_id}:voters"


def battle_drawing(battle_id: str, course: str) -> str:
    """String: exists while a process draws new models for this course of a battle. Expires after 30 seconds."""
    return f"{PREFIX}arena:battle:{battle_id}:drawing:{course}"


def arena_counters(criterion: str | None) -> str:
    """Hash: the counted votes on a criterion, or on all of them: see `service/arena/counters.py`.

    Fields: counts of wins, draws and styles, `elo\\t<model>` (points), `version` (the id of the newest vote).
    Written by votes. Never expires.
    """
    return PREFIX + ("arena:counters" if criterion is None else f"arena:counters:{criterion}")


def arena_pace(voter: str) -> str:
    """List: the times of a voter's newest votes, the newest first. Written by votes. Expires after an hour."""
    return f"{PREFIX}arena:pace:{voter}"
