"""What a server can do is learnt from what it refuses, and remembered for each provider and model."""

import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from worker.providers.base import ModelRequest
from worker.providers.failures import Failure

REFUSED_SECONDS = 86_400.0  # a plain refusal is believed for a day: servers get upgraded
DOUBTFUL_SECONDS = 600.0  # a 5xx may have been an accident, and so may a success before it be of another server

MOST_ALTERNATIVES = 20  # to a token: the limit of OpenAI, Gemini, vLLM and Ollama
FEW_ALTERNATIVES = 5  # the limit of most others, and enough for a short scale

_log = logging.getLogger(__name__)


class Learnt(msgspec.Struct, frozen=True, kw_only=True):
    """What one model at one provider is known to take."""

    mode: str | None = None  # the best mode that works; None: nothing is known against the wire format's best
    mode_until: float = 0.0  # Unix seconds, from when on the better modes are tried again
    max_completion_tokens: bool = False  # takes its limit under this name, and refuses `max_tokens`
    rejected: frozenset[str] = frozenset()  # parameters that it refuses
    top_logprobs: int = MOST_ALTERNATIVES  # as many alternatives may be asked for; 0: it refuses logprobs


Save = Callable[[str, str, Learnt], Awaitable[None]]
_NOTHING = Learnt()


class Capabilities:
    """One process's memory. `save` is awaited with each new fact, to keep it elsewhere."""

    def __init__(self, save: Save | None = None, clock: Callable[[], float] = time.time) -> None:
        self._save = save
        self._clock = clock
        self._known: dict[tuple[str, str], Learnt] = {}
        self._proven_at: dict[tuple[str, str, str], float] = {}
        self._faulty: set[tuple[str, str, str]] = set()

    def load(self, known: Mapping[tuple[str, str], Learnt]) -> None:
        """Takes over what was saved, by (provider, model)."""
        self._known.update(known)

    def get(self, provider: str, model: str) -> Learnt:
        """What is known now: a mode that is due for another try is left out."""
        learnt = self._known.get((provider, model), _NOTHING)
        if learnt.mode is not None and learnt.mode_until <= self._clock():
            return msgspec.structs.replace(learnt, mode=None)
        return learnt

    async def learn(self, provider: str, model: str, learnt: Learnt) -> None:
        """Remembers it, and keeps what is known of the parameters.

        A failing `save` is logged, not raised: the answer at hand is worth more.
        """
        known = self.get(provider, model)
        learnt = msgspec.structs.replace(
            learnt,
            max_completion_tokens=known.max_completion_tokens or learnt.max_completion_tokens,
            rejected=known.rejected | learnt.rejected,
            top_logprobs=min(known.top_logprobs, learnt.top_logprobs),
        )
        if learnt == known:
            return
        self._known[provider, model] = learnt
        if self._save is not None:
            try:
                await self._save(provider, model, learnt)
            except Exception:
                _log.exception("what %s/%s can do was not saved", provider, model)

    def believed(self, learnt: Learnt, mode: str, *, doubtful: bool) -> Learnt:
        """With `mode` as the best that works, for as long as that is to be believed."""
        until = self._clock() + (DOUBTFUL_SECONDS if doubtful else REFUSED_SECONDS)
        return msgspec.structs.replace(learnt, mode=mode, mode_until=until)

    def note_success(self, provider: str, model: str, mode: str) -> None:
        """The mode worked just now."""
        self._proven_at[provider, model, mode] = self._clock()
        self._faulty.discard((provider, model, mode))

    def is_proven(self, provider: str, model: str, mode: str) -> bool:
        """Whether the mode worked within the last DOUBTFUL_SECONDS."""
        proven_at = self._proven_at.get((provider, model, mode))
        return proven_at is not None and self._clock() - proven_at < DOUBTFUL_SECONDS

    def is_repeated_fault(self, provider: str, model: str, mode: str) -> bool:
        """Notes a 5xx; True when it is not the first in this mode and nothing says that the mode works."""
        if self.is_proven(provider, model, mode):
            return False
        repeated = (provider, model, mode) in self._faulty
        self._faulty.add((provider, model, mode))
        return repeated


_OPTIONAL = (
    "seed",
    "top_p",
    "temperature",
    "reasoning_effort",
)  # a refusal of two at once gives up the first of them here
_NAMES = {name: re.compile(rf"\b{name.replace('_', '_?')}\b", re.I) for name in _OPTIONAL}  # Gemini writes topP
_NAMES["reasoning_effort"] = re.compile(r"\breasoning[ _.]?effort\b|\beffort\b|\bthinking_?level\b", re.I)
_REFUSAL = re.compile(
    r"unsupported|not supported|(does not|doesn't) support|only the default|deprecated|cannot both|"
    r"not permitted|not allowed|not enabled|unknown|unrecognized|unexpected|cannot find",
    re.I,
)
_LOGPROBS = re.compile(r"log[ _-]?prob", re.I)
# OpenAI answers 403 (2025), llama-cpp-python 0.3 answers 500.
_LOGPROBS_REFUSALS = (400, 403, 422, 500, 501)


def adjusted(learnt: Learnt, failure: Failure, request: ModelRequest) -> Learnt | None:
    """What to know so that the next call avoids this refusal of a parameter; None where it is none."""
    if failure.status in (400, 422):
        if "max_completion_tokens" in failure.message and not learnt.max_completion_tokens:
            return msgspec.structs.replace(learnt, max_completion_tokens=True)
        for name in _OPTIONAL:
            was_sent = getattr(request.parameters, name) is not None and name not in learnt.rejected
            if was_sent and _refuses(failure, name):
                return msgspec.structs.replace(learnt, rejected=learnt.rejected | {name})
    if request.logprobs and learnt.top_logprobs and _refuses_logprobs(failure):
        return msgspec.structs.replace(learnt, top_logprobs=_fewer_alternatives(learnt, failure))
    return None


def _refuses(failure: Failure, name: str) -> bool:
    if failure.parameter is not None and not _NAMES[name].search(failure.parameter):
        return False
    named = failure.parameter is not None or _NAMES[name].search(failure.message)
    return bool(named and _REFUSAL.search(failure.message))


def _refuses_logprobs(failure: Failure) -> bool:
    # To be named is enough: the caller gave no value that could be at fault.
    named = _LOGPROBS.search(f"{failure.parameter} {failure.message}")
    return failure.status in _LOGPROBS_REFUSALS and named is not None


def _fewer_alternatives(learnt: Learnt, failure: Failure) -> int:
    """None at all where logprobs are refused outright, else as many as most servers allow."""
    if _REFUSAL.search(failure.message) or learnt.top_logprobs <= FEW_ALTERNATIVES:
        return 0
    return FEW_ALTERNATIVES


def allowed(request: ModelRequest, learnt: Learnt) -> ModelRequest:
    """The request without what the model refuses."""
    refused = dict.fromkeys(name for name in _OPTIONAL if name in learnt.rejected)
    logprobs = request.logprobs and learnt.top_logprobs > 0
    if not refused and logprobs == request.logprobs:
        return request
    parameters = msgspec.structs.replace(request.parameters, **refused)
    return msgspec.structs.replace(request, parameters=parameters, logprobs=logprobs)
