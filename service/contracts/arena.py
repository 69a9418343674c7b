"""The arena: battles of two models over one item, people's votes on them, and ratings of the models by these votes."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service.contracts.items import Item
from service.contracts.jobs import JudgeReference
from service.contracts.judges import Judge, JudgeRef, ModelName, ResolvedJudge
from service.contracts.judgments import PromptMessage
from service.contracts.names import ONE_LINE_PATTERN

MOST_RATED_VOTES = 1_000_000  # in one request

# Votes


class Winner(StrEnum):
    """The evaluation that a voter found better. `both_bad` counts as a tie in ratings and is reported separately."""

    A = "A"
    B = "B"
    TIE = "tie"
    BOTH_BAD = "both_bad"


Voter = Annotated[  # a person, under a name that the caller chose
    str, Meta(min_length=1, max_length=200, pattern=ONE_LINE_PATTERN)
]
Contestant = Annotated[str, Meta(min_length=1, max_length=300)]  # a model's name, or any other name
ArenaVote = tuple[Contestant, Contestant, Winner]  # the model shown as A, the model shown as B, the better one

# The same with the winner as plain text: a million of these decode in a fifth of the time.
SentVote = tuple[Contestant, Contestant, Literal["A", "B", "tie", "both_bad"]]


class VoteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of `POST /v1/arena/battles/{id}/vote`."""

    winner: Winner
    voter: Voter


class VoteRow(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A vote as it is stored for ever. New fields are only added at the end.

    `lengths` are the numbers of characters of A's and B's explanations.
    """

    battle: str
    criterion: str
    A: str
    B: str
    winner: Winner
    voter: str
    at_ms: int
    lengths: tuple[int, int]


# Battles


class BattleStatus(StrEnum):
    """`open` means that nobody has voted yet. A battle that is `voted` still takes votes from other voters."""

    QUEUED = "queued"
    OPEN = "open"
    VOTED = "voted"
    FAILED = "failed"


class BattleRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of `POST /v1/arena/battles`.

    Two models are drawn from `models`, or from the judge's own models if `models` is null. Each judges alone.
    """

    item: Item
    judge: JudgeReference | Judge
    models: Annotated[list[ModelName], Meta(min_length=1, max_length=20)] | None = None


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a judgment that a voter sees. None of them names the model.

    Before the vote, both explanations are null if one of them names its model, as a baseline's does.
    """

    score: float | int | None
    label: str | None
    ranking: list[int | list[int]] | None
    explanation: str | None


class Evaluations(msgspec.Struct, frozen=True, kw_only=True):
    """The two evaluations of a battle. A is shown on the left."""

    A: Evaluation
    B: Evaluation


class BattleModels(msgspec.Struct, frozen=True, kw_only=True):
    """The names of the two models."""

    A: str
    B: str


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """The prompt that both models were sent. `order` is the order of the outputs, as in a judgment's votes."""

    order: str | None
    messages: list[PromptMessage]


class BattleFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A model that gave no valid answer: the reason of its judgment, and the provider's words if it had an error."""

    model: str
    reason: str | None
    error: str | None


class Battle(msgspec.Struct, frozen=True, kw_only=True):
    """A battle as the API returns it. `evaluations` is null until both models have a score or a label.

    `winner`, `models` and `prompts` are present only in answers to a voter who has voted, `failures` only if the battle
    has failed.
    """

    id: str
    status: BattleStatus
    criterion: str
    judge: JudgeRef
    item: Item
    evaluations: Evaluations | None
    votes: int
    created_at: datetime
    winner: Winner | msgspec.UnsetType = msgspec.UNSET
    models: BattleModels | msgspec.UnsetType = msgspec.UNSET
    prompts: list[Prompt] | msgspec.UnsetType = msgspec.UNSET
    failures: list[BattleFailure] | msgspec.UnsetType = msgspec.UNSET


class BattleSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A battle in a list."""

    id: str
    status: BattleStatus
    criterion: str
    votes: int
    created_at: datetime


class BattlePage(msgspec.Struct, frozen=True, kw_only=True):
    battles: list[BattleSummary]
    next_cursor: str | None


class BattleRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a stored battle that never changes. The judge's `models` are all models that may be drawn."""

    id: str
    item: Item
    judge: ResolvedJudge
    prompts: list[Prompt]
    owner: str | None
    created_at: datetime

    @property
    def criterion(self) -> str:
        return self.judge.definition.criterion


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a battle: its model, the job and the position of its judgment, and the evaluation once it is scored.

    `finished_ms` is the time at which the judgment finished, in milliseconds since the epoch.
    """

    model: str
    job_id: str
    position: int
    evaluation: Evaluation | None = None
    finished_ms: int = 0


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a stored battle that changes.

    `dropped` are the models that were drawn and gave no valid score, `replaced` the places of their calls.
    """

    status: Literal["queued", "open", "failed"]
    A: Side
    B: Side
    dropped: list[str] = []
    replaced: list[tuple[str, int]] = []  # job id and position


# Ratings


class RatingsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of `POST /v1/arena/ratings`: votes in the order in which they were given, each as [A, B, winner].

    `both_bad` counts as a tie.
    """

    votes: Annotated[list[SentVote], Meta(max_length=MOST_RATED_VOTES)]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The row of one model in the leaderboard.

    `rating` is the Bradley-Terry rating (1000 on average; 400 points are odds of ten to one) with its 95% interval. If
    the votes' battles and voters are known, votes on one battle and votes of one voter are taken as dependent. `rank`
    is 1 + the number of models whose rating is higher. All pairs of models are compared together: the probability that
    any model is called better than an equal one is 5%. `length_adjusted_rating` is the rating without the effect of the
    length of explanations; it is left out if that is unknown. `elo` depends on the order of the votes. `ties` includes
    votes for `both_bad`. `regularised` is true if the votes alone leave a rating unbounded, for example because a model
    never lost; all ratings are then drawn towards 1000.
    """

    model: str
    rating: float
    lower: float
    upper: float
    rank: int
    elo: float
    votes: int
    wins: int
    losses: int
    ties: int
    regularised: bool
    length_adjusted_rating: float | msgspec.UnsetType = msgspec.UNSET


class RatingsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The models that have votes, best rating first."""

    leaderboard: list[Standing]


class LeftWinRate(msgspec.Struct, frozen=True, kw_only=True):
    """The share of decided votes that A won, with its 95% interval.

    A is the evaluation on the left. Sides are drawn at random, so a rate far from 0.5 shows that voters favour a side.
    Votes on one battle and votes of one voter are taken as dependent if they are known.
    """

    value: float
    lower: float
    upper: float
    votes: int


class LengthEffect(msgspec.Struct, frozen=True, kw_only=True):
    """The rating points that a longer explanation adds to its model in a battle, and their standard error.

    Votes on one battle are taken as dependent if they are known.
    """

    points: float
    standard_error: float


class StyleEffects(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of the length of an explanation, estimated together with the ratings.

    `longer` is for explanations about 10% to 50% longer than the other one, `much_longer` for those beyond. Null if no
    votes are on such lengths. `votes` is the number of votes on explanations of different lengths.
    """

    longer: LengthEffect | None
    much_longer: LengthEffect | None
    votes: int


class ArenaLeaderboard(msgspec.Struct, frozen=True, kw_only=True):
    """The models that have votes, best rating first; on all criteria together if `criterion` is null.

    `left_win_rate` is null if no vote was decided, `style` if there are too few votes to tell length from strength.
    """

    criterion: str | None
    votes: int
    left_win_rate: LeftWinRate | None
    style: StyleEffects | None
    leaderboard: list[Standing]
