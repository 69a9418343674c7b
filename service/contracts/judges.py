"""A judge: the question about an item, the scale or labels of its answers, and the models to ask."""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
MODEL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}/\S{1,200}$"
MODEL_OR_PANEL = rf"^panel$|{MODEL_PATTERN}"
URL_PATTERN = r"^https?://\S+$"

Name = Annotated[str, Meta(pattern=NAME_PATTERN)]
ModelName = Annotated[str, Meta(pattern=MODEL_PATTERN)]
Criterion = Annotated[str, Meta(min_length=1, max_length=100)]
Text = Annotated[str, Meta(max_length=100_000)]


class Method(StrEnum):
    RATING = "rating"
    PASS_FAIL = "pass_fail"
    CATEGORY = "category"
    PAIRWISE = "pairwise"
    RANKING = "ranking"


class Scale(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The values of a rating: `min`, `min + step`, ... `max`; any number in between if `step` is null.

    `descriptors` describes levels in words, keyed by the level in decimal notation ("1", "2.5").
    """

    min: float = 1
    max: float = 5
    step: Annotated[float, Meta(gt=0)] | None = 1
    descriptors: dict[str, Text] = {}


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One label that a judge can give; `aliases` are other names for it in a prompt."""

    label: Annotated[str, Meta(min_length=1, max_length=100)]
    description: Text | None = None
    score: float | None = None
    aliases: list[Annotated[str, Meta(min_length=1, max_length=200)]] = []


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Parameters of each call. None keeps the provider's default."""

    temperature: Annotated[float, Meta(ge=0, le=2)] | None = 0
    max_output_tokens: Annotated[int, Meta(ge=1, le=100_000)] = 1024
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    seed: int | None = None


class Judge(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The definition of a judge, as stored under a name or sent inline with a job."""

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
    parameters: Parameters = Parameters()


class JudgeRef(msgspec.Struct, frozen=True, kw_only=True):
    """Identifies a judge version. A definition sent inline has neither name nor version, only its digest."""

    name: str | None
    version: int | None
    digest: str


class StoredJudge(Judge, frozen=True, kw_only=True):
    """An immutable version of a named judge. A built-in judge has no `created_at`."""

    name: str
    version: int
    digest: str
    created_at: datetime | None = None

    @property
    def definition(self) -> Judge:
        """The definition alone."""
        return Judge(**{field: getattr(self, field) for field in Judge.__struct_fields__})

    @property
    def ref(self) -> JudgeRef:
        """The pinned reference to this version."""
        return JudgeRef(name=self.name, version=self.version, digest=self.digest)


class ResolvedJudge(msgspec.Struct, frozen=True, kw_only=True):
    """A judge in a job: pinned to a version, with the models to ask."""

    ref: JudgeRef
    definition: Judge
    models: list[str]


def judge_digest(judge: Judge) -> str:
    """Returns a hash of the whole definition; definitions that differ only in notation have the same digest."""
    canonical = msgspec.json.encode(_numbers_as_written(msgspec.to_builtins(judge)), order="sorted")
    return "sha256:" + hashlib.sha256(canonical).hexdigest()


def _numbers_as_written(value: Any) -> Any:
    """Turns 1.0 into 1, so that the notation of a number does not change a digest."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _numbers_as_written(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_numbers_as_written(each) for each in value]
    return value
