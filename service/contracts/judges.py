"""A judge: what to ask about an item, on which scale or among which labels, and of which models."""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"

Name = Annotated[str, Meta(pattern=NAME_PATTERN)]
ModelName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}/\S{1,200}$")]
Criterion = Annotated[str, Meta(min_length=1, max_length=100)]
AnswerKey = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"[^\W_]")]
Text = Annotated[str, Meta(max_length=100_000)]


class Method(StrEnum):
    RATING = "rating"
    PASS_FAIL = "pass_fail"
    CATEGORY = "category"
    PAIRWISE = "pairwise"
    RANKING = "ranking"


class Scale(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The numbers that a rating can take: `min`, `min + step`, ... `max`, or any between where `step` is null.

    `descriptors` says in words what a level means, keyed by the level as it is written ("1", "2.5").
    """

    min: float = 1
    max: float = 5
    step: Annotated[float, Meta(gt=0)] | None = 1
    descriptors: dict[str, Text] = {}


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One label that a judge can give; `aliases` are other words by which a prompt names it."""

    label: Annotated[str, Meta(min_length=1, max_length=100)]
    description: Text | None = None
    score: float | None = None
    aliases: list[Annotated[str, Meta(min_length=1, max_length=200)]] = []


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is asked of the model beside the text. `None` leaves the provider's own default."""

    temperature: Annotated[float, Meta(ge=0, le=2)] | None = 0
    max_output_tokens: Annotated[int, Meta(ge=1, le=100_000)] = 1024
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    seed: int | None = None


class Judge(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A judge's definition, as it is stored and as a job may carry it inline.

    `answer_key` is the word that names the answer in text and JSON, if it is not the criterion's.
    """

    criterion: Criterion
    method: Method
    instructions: Annotated[str, Meta(min_length=1, max_length=100_000)]
    scale: Scale | None = None
    choices: list[Choice] = []
    models: list[ModelName] = []
    panel: Literal["mean", "median", "majority"] = "mean"
    samples: Annotated[int, Meta(ge=1, le=50)] = 1
    orders: Literal["both", "one"] = "both"
    reasks: Annotated[int, Meta(ge=0, le=5)] = 2
    score_from: Literal["answer", "logprobs"] = "answer"
    output: Literal["auto", "schema", "text"] = "auto"
    system: Text | None = None
    template: Text | None = None
    answer_key: AnswerKey | None = None
    parameters: Parameters = Parameters()


class JudgeRef(msgspec.Struct, frozen=True, kw_only=True):
    """Which judge gave a judgment: a definition sent inline has no name and no version, only its digest."""

    name: str | None
    version: int | None
    digest: str


class StoredJudge(Judge, frozen=True, kw_only=True):
    """A version of a named judge: immutable. A built-in judge has no `created_at`."""

    name: str
    version: int
    digest: str
    created_at: datetime | None = None


class ResolvedJudge(msgspec.Struct, frozen=True, kw_only=True):
    """A judge as a job uses it: pinned, and with the models that it will ask."""

    ref: JudgeRef
    definition: Judge
    models: list[str]


_ADDED = ("answer_key",)  # to definitions that were stored before: no part of a digest unless it is set


def judge_digest(judge: Judge) -> str:
    """A content hash of the whole definition, equal for equal content however it was written."""
    content = {
        key: value for key, value in msgspec.to_builtins(judge).items() if key not in _ADDED or value is not None
    }
    canonical = msgspec.json.encode(_numbers_as_written(content), order="sorted")
    return "sha256:" + hashlib.sha256(canonical).hexdigest()


def _numbers_as_written(value: Any) -> Any:
    """Folds 1.0 into 1, so that a number's notation does not change a digest."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _numbers_as_written(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_numbers_as_written(each) for each in value]
    return value
