"""The outcomes of a judgment and the reasons for a missing score. The values are sent to clients: never remove one."""

from enum import StrEnum


class Outcome(StrEnum):
    """`unscored`: the model answered without a valid score. `failed`: the model did not answer."""

    SCORED = "scored"
    UNSCORED = "unscored"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """The reason for a missing score. The first eleven belong to `unscored`, the others to `failed`."""

    NO_SCORE = "no_score"
    CONFLICT = "conflict"
    OUT_OF_RANGE = "out_of_range"
    OFF_GRID = "off_grid"
    WRONG_DENOMINATOR = "wrong_denominator"
    NOT_A_NUMBER = "not_a_number"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    EMPTY = "empty"
    TIE = "tie"
    CONTEXT_CUT = "context_cut"
    PROVIDER_ERROR = "provider_error"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    AUTH = "auth"
    BUDGET = "budget"


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    CANCELLED = "cancelled"


class ParsedFrom(StrEnum):
    """The notation in which a score or label was found."""

    SCHEMA = "schema"  # the provider's structured output
    TOOL = "tool"  # the arguments of a tool call
    JSON = "json"  # a JSON object in a text answer
    TAG = "tag"  # <score>4</score>
    RESULT = "result"  # [RESULT] 4
    BRACKETS = "brackets"  # [[4]]
    LINE = "line"  # a line that starts with `Score: 4`
    FRACTION = "fraction"  # 4/5
    BARE = "bare"  # a line that consists of the number or the label
    PROSE = "prose"  # 'Therefore, Output (a) is better.'
