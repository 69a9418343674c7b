"""The methods of judging. A new one is one file beside this, named for it, and one row of `Method`."""

from collections.abc import Sequence
from importlib import import_module
from itertools import islice

import msgspec

from service.contracts.judges import MOST_JUDGE_BYTES, Judge, Method, Parameters
from service.contracts.pointing import MOST_FAULTS, unkept
from service.judging.methods.base import METHODS, JudgingMethod, PlacedProblem, TextMark, judging_method

__all__ = [
    "METHODS",
    "JudgingMethod",
    "PlacedProblem",
    "TextMark",
    "judge_problems",
    "judging_method",
    "parameter_problems",
    "repeated_models",
]

_NOT_EXTRA = ("stream", "stream_options", "n", "candidateCount")  # answers that are sent piece by piece, or several

for _method in Method:
    import_module(f"{__name__}.{_method}")


def repeated_models(models: Sequence[str]) -> list[PlacedProblem]:
    """Returns a problem for each model that is listed again, by its pointer."""
    return [(f"/models/{index}", "is listed twice") for index, model in enumerate(models) if model in models[:index]]


def judge_problems(judge: Judge) -> list[PlacedProblem]:
    """Returns the problems that make a judge unusable, by pointers into its definition."""
    method = METHODS[judge.method]
    wrong = repeated_models(judge.models)
    if judge.score_from == "logprobs" and method.logprobs_scale(judge) is None:
        wrong.append(("/score_from", "logprobs give an expected score, which only a rating has: use answer"))
    if len(msgspec.json.encode(judge)) > MOST_JUDGE_BYTES:
        wrong.append(("", f"a definition has at most {MOST_JUDGE_BYTES} bytes of JSON"))
    return wrong + parameter_problems(judge.parameters) + method.problems(judge)


def parameter_problems(parameters: Parameters) -> list[PlacedProblem]:
    """Returns the problems of parameters, by pointers into the definition or the order that has them."""
    detail = "would change how the answer is sent: leave it out"
    wrong = [(f"/parameters/extra/{name}", detail) for name in _NOT_EXTRA if name in parameters.extra]
    unstorable = islice(unkept(parameters.extra, "/parameters/extra"), MOST_FAULTS)
    return wrong + [(fault.pointer, fault.detail) for fault in unstorable]
