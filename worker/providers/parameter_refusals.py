"""Reads from a refusal which part of the request a model does not take, so that the next call leaves it out.

The words do not matter, only that the reply names a parameter that was sent and need not be: if the call succeeds
without it, it was that. Only a value that the caller put out of range is the caller's error.
"""

import re
from collections.abc import Iterator

import msgspec

from worker.providers.base import Message, ModelRequest
from worker.providers.capabilities import FEW_ALTERNATIVES, Learnt
from worker.providers.failures import Cause, Failure, cause_of

# The parameters that may be left out, in the order of giving up if a reply refuses two of them together.
_OPTIONAL = ("seed", "top_p", "temperature", "reasoning_effort")
_LIMIT_NAMES = ("max_completion_tokens", "max_tokens")
_STATUSES = (400, 404, 422, 500, 501)  # llama-cpp-python 0.3 answers 500
_FORBIDDEN = 403  # most of them are about the key, and a few about one parameter
_ONLY_IF_REFUSED = (_FORBIDDEN, 404, 500, 501)  # under which a name alone proves nothing

_REFUSAL = re.compile(
    r"unsupported|not support|(does not|doesn't|can ?not|can't) (support|accept|use|be)|only|deprecated|"
    r"not permitted|not allowed|not enabled|not implemented|not available|not configurable|"
    r"unknown|unrecogni[sz]ed|unexpected|extraneous|extra inputs?|"
    r"cannot find|invalid|must|may not|should|removed|no longer|ignored|remove ",
    re.I,
)
_OUTRIGHT = re.compile(
    r"unsupported|not supported|(does not|doesn't) support|not permitted|not allowed|not enabled|"
    r"unknown|unrecogni[sz]ed|unexpected|cannot find",
    re.I,
)
_SAMPLING = re.compile(r"\bsampling (parameter|param|setting|option)", re.I)
_SUBJECTS = {
    "temperature": _SAMPLING,
    "top_p": _SAMPLING,
    "reasoning_effort": re.compile(r"\bthink(ing)?\b|\breasoning\b|thinking_?config|\boutput_config\b", re.I),
}
_TOGETHER = re.compile(r"\bboth\b|together|at the same time|mutually exclusive", re.I)
_AT_MOST = re.compile(
    r"less than|at most|no (more|greater|larger|higher) than|not exceed|exceeds|below minimum|above maximum|"
    r"<=|too (large|high|big)|maximum (value|allowed)",
    re.I,
)
_ABOVE = re.compile(
    r"greater than|more than|above 0|positive|> ?0|at least|(not|n't) be (less|lower|smaller) than|"
    r"(no|not) (less|lower|smaller) than",
    re.I,
)
_RANGE = re.compile(r"(?:between|range|from)[^\d-]{0,20}(-?\d+(?:\.\d+)?)[^\d-]{1,8}(-?\d+(?:\.\d+)?)", re.I)
_SYSTEM = re.compile(
    r"\bsystem\b.{0,60}\b(role|message|prompt|instruction)|\b(role|message|prompt|instruction)s?\b.{0,60}\bsystem\b|"
    r"developer instruction|systemInstruction|roles must alternate|"
    r"\brole\b.{0,40}\b(must be|should be|one of|expected|only)\b.{0,40}\b(user|assistant)\b",
    re.I | re.S,
)
_LIMIT_TOO_LARGE = re.compile(
    r"too (large|high|big)|at most|maximum|exceed|supported range|less than|not greater|no more than|upper|<=|>", re.I
)
_NUMBER = re.compile(r"\d[\d,_]*")
_LEAST_LIMIT = 16  # a smaller limit leaves room for no verdict

_CONTEXT = re.compile(r"(?:maximum )?context (?:length|window|size)\D{0,40}?(\d{3,})", re.I)
_IN_PROMPT = re.compile(
    r"(\d+) (?:tokens )?in the (?:messages|prompt|input)|(\d+) (?:input|prompt) tokens|"
    r"(?:prompt|input|messages) (?:contains?|has|have|resulted in)(?: at least)? (\d+)",
    re.I,
)

_LOGPROBS = re.compile(r"log[ _-]?prob", re.I)
# OpenAI answers 403 (2025), llama-cpp-python 0.3 answers 500.
_LOGPROBS_REFUSALS = (400, 403, 422, 500, 501)


def adjusted(learnt: Learnt, failure: Failure, request: ModelRequest) -> Learnt | None:
    """Returns the knowledge with which the next call avoids this refusal; None if it refuses no such part.

    `request` is the one that was sent: without the parts that `learnt` leaves out.
    """
    if failure.status == _FORBIDDEN and cause_of(failure) is Cause.AUTH:
        found = _without_parameter(learnt, failure, request)
        if found is not None:
            return found
    if cause_of(failure) is Cause.OTHER and failure.status in _STATUSES:
        found = (
            _other_limit_name(learnt, failure, request)
            or _without_parameter(learnt, failure, request)
            or _without_stream(learnt, failure)
            or _lower_limit(learnt, failure, request)
            or _without_system(learnt, failure, request)
        )
        if found is not None:
            return found
    if request.logprobs and _refuses_logprobs(failure):
        return msgspec.structs.replace(learnt, top_logprobs=_fewer_alternatives(learnt, failure))
    return None


def _other_limit_name(learnt: Learnt, failure: Failure, request: ModelRequest) -> Learnt | None:
    """OpenAI's reasoning models take the limit under its new name, and older servers only under its old one."""
    name = learnt.limit_name
    if name is None or not _names(failure, name):
        return None
    if not _REFUSAL.search(failure.message) and (failure.status in _ONLY_IF_REFUSED or _lower_limits(failure, request)):
        return None
    hint = "max_completion_tokens" in failure.message
    if _LIMIT_TOO_LARGE.search(failure.message) and not (hint and name == "max_tokens"):
        return None
    if name == "max_tokens" and "max_completion_tokens" not in learnt.rejected:
        return msgspec.structs.replace(learnt, max_completion_tokens=True)
    return msgspec.structs.replace(learnt, rejected=learnt.rejected | {name})


def _without_parameter(learnt: Learnt, failure: Failure, request: ModelRequest) -> Learnt | None:
    sent = [name for name in _OPTIONAL if getattr(request.parameters, name) is not None]
    named = [name for name in sent if _names(failure, name)] or [name for name in sent if _alludes_to(failure, name)]
    named = [name for name in named if not _is_out_of_range(failure, request, name)]
    if not named or (failure.status in _ONLY_IF_REFUSED and not _REFUSAL.search(failure.message)):
        return None
    name = named[0] if _TOGETHER.search(failure.message) else min(named, key=lambda each: _place(failure, each))
    return msgspec.structs.replace(learnt, rejected=learnt.rejected | {name})


def _without_stream(learnt: Learnt, failure: Failure) -> Learnt | None:
    if "stream" in learnt.rejected or not _names(failure, "stream"):
        return None
    return msgspec.structs.replace(learnt, rejected=learnt.rejected | {"stream"})


def _lower_limit(learnt: Learnt, failure: Failure, request: ModelRequest) -> Learnt | None:
    """A limit of output tokens that the model does not allow is lowered to the one that its reply names."""
    limit = request.parameters.max_output_tokens
    names = (*_LIMIT_NAMES, "max_output_tokens")
    lower = _lower_limits(failure, request)
    is_cap = _LIMIT_TOO_LARGE.search(failure.message) or (lower and failure.status not in _ONLY_IF_REFUSED)
    if not any(_names(failure, each) for each in names) or not is_cap:
        return None
    cap = max(lower, default=limit // 2)
    return msgspec.structs.replace(learnt, output_cap=cap) if cap >= _LEAST_LIMIT else None


def _lower_limits(failure: Failure, request: ModelRequest) -> list[int]:
    limit = request.parameters.max_output_tokens
    return [each for each in _numbers(failure.message) if _LEAST_LIMIT <= each < limit]


def _without_system(learnt: Learnt, failure: Failure, request: ModelRequest) -> Learnt | None:
    if request.messages[0].role != "system" or not _SYSTEM.search(failure.message):
        return None
    return msgspec.structs.replace(learnt, merges_system=True)


def _names(failure: Failure, name: str) -> bool:
    """Returns whether the reply complains of this parameter: in its own field, else in its words."""
    if failure.parameter is not None:
        return _spelled(name).search(failure.parameter) is not None
    return _spelled(name).search(failure.message) is not None


def _alludes_to(failure: Failure, name: str) -> bool:
    """Returns whether the reply complains of the subject of this parameter, without its name."""
    words = _SUBJECTS.get(name)
    return failure.parameter is None and words is not None and words.search(failure.message) is not None


def _place(failure: Failure, name: str) -> int:
    found = _spelled(name).search(failure.message)
    return found.start() if found is not None else 0


_spellings: dict[str, re.Pattern[str]] = {
    "reasoning_effort": re.compile(r"\breasoning[ _.]?effort\b|\beffort\b|\bthinking_?level\b", re.I)
}


def _spelled(name: str) -> re.Pattern[str]:
    """Returns a pattern of the name as APIs write it: top_p, topP, top-p."""
    if name not in _spellings:
        _spellings[name] = re.compile(rf"(?<![a-z]){name.replace('_', '[_ -]?')}(?![a-z])", re.I)
    return _spellings[name]


def _is_out_of_range(failure: Failure, request: ModelRequest, name: str) -> bool:
    """Returns whether the value is out of the bounds that the reply states: the caller's error, not the model's."""
    value = getattr(request.parameters, name)
    if isinstance(value, str):
        return False
    if found := _RANGE.search(failure.message):
        return not float(found[1]) <= value <= float(found[2])
    # The default temperature 0 is below no upper bound: a reply that states a lower one too is about that.
    return _AT_MOST.search(failure.message) is not None and not (value == 0 and _ABOVE.search(failure.message))


def _numbers(message: str) -> Iterator[int]:
    for each in _NUMBER.findall(message):
        yield int(each.replace(",", "").replace("_", ""))


def _refuses_logprobs(failure: Failure) -> bool:
    # To be named is enough: the caller gave no value that could be at fault.
    named = _LOGPROBS.search(f"{failure.parameter} {failure.message}")
    return failure.status in _LOGPROBS_REFUSALS and named is not None


def _fewer_alternatives(learnt: Learnt, failure: Failure) -> int:
    """None at all if logprobs are refused outright, else as many as most servers allow."""
    return 0 if _OUTRIGHT.search(failure.message) or learnt.top_logprobs <= FEW_ALTERNATIVES else FEW_ALTERNATIVES


def room_left(failure: Failure, request: ModelRequest) -> int | None:
    """Returns the output tokens that fit after the prompt into the model's context, by the numbers of the reply.

    None if the reply is not about that, or if the prompt leaves room for no verdict.
    """
    if cause_of(failure) is not Cause.TOO_LONG:
        return None
    whole, prompt = _CONTEXT.search(failure.message), _IN_PROMPT.search(failure.message)
    if whole is None or prompt is None:
        return None
    left = int(whole[1]) - int(next(each for each in prompt.groups() if each))
    return left if _LEAST_LIMIT <= left < request.parameters.max_output_tokens else None


def allowed(request: ModelRequest, learnt: Learnt) -> ModelRequest:
    """Returns the request without the parts that the model refuses, and with the room that its answers need."""
    changes = {name: None for name in _OPTIONAL if name in learnt.rejected}
    limit = learnt.limit_for(request.parameters.max_output_tokens)
    if changes or limit != request.parameters.max_output_tokens:
        parameters = msgspec.structs.replace(request.parameters, max_output_tokens=limit, **changes)
        request = msgspec.structs.replace(request, parameters=parameters)
    if request.logprobs and not learnt.top_logprobs:
        request = msgspec.structs.replace(request, logprobs=False)
    return msgspec.structs.replace(request, messages=_merged(request.messages)) if learnt.merges_system else request


def _merged(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Returns the messages with the system message at the head of the first turn."""
    if len(messages) < 2 or messages[0].role != "system":
        return messages
    system, first, *others = messages
    text = f"{system.content}\n\n{first.content}"
    stable = len(system.content) + 2 + first.stable if system.stable >= len(system.content) else 0
    return (Message(first.role, text, stable), *others)
