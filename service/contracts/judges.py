"""A judge: the question about an item, the scale or labels of its answers, and the models to ask."""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from service.contracts.names import ANSWER_KEY_PATTERN, EFFORT_PATTERN, ONE_LINE_PATTERN

# Patterns end in \Z: `$` would also match before a last line end.
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z"
MODEL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}/\S{1,200}\Z"
MODEL_OR_PANEL = rf"^panel\Z|{MODEL_PATTERN}"
URL_PATTERN = r"^https?://\S+\Z"

Name = Annotated[str, Meta(pattern=NAME_PATTERN)]
ModelName = Annotated[str, Meta(pattern=MODEL_PATTERN)]
MOST_OF_A_CRITERION = 100  # characters of a name
Criterion = Annotated[str, Meta(min_length=1, max_length=MOST_OF_A_CRITERION, pattern=ONE_LINE_PATTERN)]
MOST_CHOICES = 1000  # also of descriptors: an answer is looked for among all of them
MOST_ALIASES = 100  # of a choice
MOST_OUTPUTS = 20  # of an item that is ranked, and of an example
MOST_MODELS = 20
CONTROL = "control/"  # at the start of the names of baselines, which count words or characters
BASELINE_TITLES = {"control/length": "text length", "control/overlap": "word overlap"}
MOST_JUDGE_BYTES = 4_000_000  # of a definition in JSON: each call sends most of it
AnswerKey = Annotated[str, Meta(min_length=1, max_length=100, pattern=ANSWER_KEY_PATTERN)]
Text = Annotated[str, Meta(max_length=100_000)]
Samples = Annotated[int, Meta(ge=1, le=50)]
Reasks = Annotated[int, Meta(ge=0, le=5)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
OutputTokens = Annotated[int, Meta(ge=1, le=100_000)]
TopP = Annotated[float, Meta(gt=0, le=1)]
Effort = Annotated[str, Meta(pattern=EFFORT_PATTERN)]  # "low", "medium", "high" and others, by model


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
    descriptors: Annotated[dict[str, Text], Meta(max_length=MOST_CHOICES)] = {}


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One label that a judge can give; `aliases` are other names for it in a prompt."""

    label: Annotated[str, Meta(min_length=1, max_length=100, pattern=ONE_LINE_PATTERN)]
    description: Text | None = None
    score: float | None = None
    aliases: Annotated[list[Annotated[str, Meta(min_length=1, max_length=200)]], Meta(max_length=MOST_ALIASES)] = []


Choices = Annotated[list[Choice], Meta(max_length=MOST_CHOICES)]


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Parameters of each call. None keeps the provider's default.

    `extra` is merged into the body of each call as the provider has it; it can't replace a field that the service sets.
    """

    temperature: Temperature | None = 0
    max_output_tokens: OutputTokens = 1024
    top_p: TopP | None = None
    seed: int | None = None
    reasoning_effort: Effort | None = None
    extra: dict[str, Any] = {}


class ParameterOverrides(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The parameters that a job sets in place of its judges' own; the others stay. See `Parameters`."""

    temperature: Temperature | msgspec.UnsetType | None = msgspec.UNSET
    max_output_tokens: OutputTokens | msgspec.UnsetType = msgspec.UNSET
    top_p: TopP | msgspec.UnsetType | None = msgspec.UNSET
    seed: int | msgspec.UnsetType | None = msgspec.UNSET
    reasoning_effort: Effort | msgspec.UnsetType | None = msgspec.UNSET
    extra: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET

    def applied_to(self, parameters: Parameters) -> Parameters:
        """Returns the parameters with these in place of their own."""
        fields = {field: getattr(self, field) for field in self.__struct_fields__}
        given = {field: value for field, value in fields.items() if value is not msgspec.UNSET}
        return msgspec.structs.replace(parameters, **given)


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An item with its right answer, which the built-in prompt shows. The answer is a score, a label or a ranking."""

    input: Text | None = None
    output: Text | None = None
    context: Text | None = None
    reference: Text | None = None
    outputs: Annotated[list[Text], Meta(max_length=MOST_OUTPUTS)] | None = None
    score: float | None = None
    label: str | None = None
    ranking: Annotated[list[int | list[int]], Meta(max_length=MOST_OUTPUTS)] | None = None
    explanation: Text | None = None


class PassIf(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The answers that pass: scores from `min` to `max`, or `labels`."""

    min: float | None = None
    max: float | None = None
    labels: Annotated[list[str], Meta(min_length=1, max_length=MOST_CHOICES)] | None = None


class Judge(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """The definition of a judge, as stored under a name or sent inline with a job.

    `answer_key` is the name of the answer in texts and JSON, if it is not the criterion's. `examples` are shown in the
    built-in prompt, in this order.
    """

    criterion: Criterion
    method: Method
    instructions: Annotated[str, Meta(min_length=1, max_length=100_000)]
    scale: Scale | None = None
    choices: Choices = []
    models: Annotated[list[ModelName], Meta(max_length=MOST_MODELS)] = []
    panel: Literal["mean", "median", "majority"] = "mean"
    samples: Samples = 1
    orders: Literal["both", "one"] = "both"
    reasks: Reasks = 2
    score_from: Literal["answer", "logprobs"] = "answer"
    output: Literal["auto", "schema", "text"] = "auto"
    system: Text | None = None
    template: Text | None = None
    parameters: Parameters = msgspec.field(default_factory=Parameters)
    answer_key: AnswerKey | None = None
    examples: Annotated[list[Example], Meta(max_length=50)] = []
    pass_if: PassIf | None = None


class JudgeRef(msgspec.Struct, frozen=True, kw_only=True):
    """Identifies a judge version. A definition sent inline has neither name nor version, only its digest."""

    name: str | None
    version: int | None
    digest: str


class StoredJudge(Judge, frozen=True, kw_only=True):
    """An immutable version of a named judge. A built-in judge has no `created_at`.

    `retired_at` is the time since when the name takes no new jobs; it is there only if the name is retired.
    """

    name: str
    version: int
    digest: str
    parameters: Parameters
    created_at: datetime | None = None
    retired_at: datetime | msgspec.UnsetType = msgspec.UNSET

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
    content = numbers_as_written(msgspec.to_builtins(judge))
    _drop_if_default(content, {"answer_key": None, "examples": [], "pass_if": None})
    _drop_if_default(content["parameters"], {"reasoning_effort": None, "extra": {}})
    canonical = msgspec.json.encode(content, order="sorted")
    return "sha256:" + hashlib.sha256(canonical).hexdigest()


def _drop_if_default(content: dict[str, Any], later: dict[str, Any]) -> None:
    """Drops fields that were added after judges had digests: a judge that does not use them keeps its digest."""
    for field, default in later.items():
        if content[field] == default:
            del content[field]


def numbers_as_written(value: Any) -> Any:
    """Returns plain values with 1.0 as 1, so that the notation of a number does not count as a change."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: numbers_as_written(each) for key, each in value.items()}
    if isinstance(value, list):
        return [numbers_as_written(each) for each in value]
    return value
