"""How a judgment can end, and why it has no score. Values are the words on the wire; the lists only grow."""

from enum import StrEnum


class Outcome(StrEnum):
    """`unscored`: the model answered, with no valid score. `failed`: the model did not answer."""

    SCORED = "scored"
    UNSCORED = "unscored"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """Why a judgment or a vote has no score. The first eleven go with `unscored`, the others with `failed`."""

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
    """Which family of notations a score or label was read from."""

    SCHEMA = "schema"  # the provider's structured output
    TOOL = "tool"  # the arguments of a tool call
    JSON = "json"  # a JSON object in a text answer
    TAG = "tag"  # <score>4</score>
    RESULT = "result"  # [RESULT] 4
    BRACKETS = "brackets"  # [[4]]
    LINE = "line"  # a line that opens with `Score: 4`
    FRACTION = "fraction"  # 4/5
    BARE = "bare"  # a line that is the number or the label and nothing else
    PROSE = "prose"  # 'Therefore, Output (a) is better.'
