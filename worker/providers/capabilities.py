"""The abilities of each provider's models: learnt from refused calls and from answers, and remembered."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping

import msgspec

REFUSED_SECONDS = 86_400.0  # a plain refusal is believed for a day: servers get upgraded
DOUBTFUL_SECONDS = 600.0  # how long a repeated 5xx counts, perhaps an accident, or a success, perhaps of another server
BRIEF_SECONDS = 10.0  # how long a 5xx is held against a mode at first: an outage that ends looks just like that
MOST_GROWTH = 8  # times the judge's own limit of output tokens, for a model whose answers are cut off

MOST_ALTERNATIVES = 20  # to a token: the limit of OpenAI, Gemini, vLLM and Ollama
FEW_ALTERNATIVES = 5  # the limit of most others, and enough for a short scale

_log = logging.getLogger(__name__)


class Learnt(msgspec.Struct, frozen=True, kw_only=True):
    """The abilities of one model at one provider, as far as they are known."""

    mode: str | None = None  # the best mode that works; None: nothing is known against the wire format's best
    mode_until: float = 0.0  # Unix seconds, from when on the better modes are tried again
    max_completion_tokens: bool = False  # takes its limit under this name, and refuses `max_tokens`
    rejected: frozenset[str] = frozenset()  # parameters that it refuses
    top_logprobs: int = MOST_ALTERNATIVES  # as many alternatives may be asked for; 0: it refuses logprobs
    output_limit: int = 0  # its answers need so many tokens: they were cut off at half of them
    output_cap: int = 0  # it allows no higher limit of output tokens; 0: none is known
    merges_system: bool = False  # refuses a system message, which goes into the first turn

    @property
    def limit_name(self) -> str | None:
        """The name of the limit of output tokens in OpenAI's format; None if the model refuses both names."""
        if self.max_completion_tokens and "max_completion_tokens" not in self.rejected:
            return "max_completion_tokens"
        return None if "max_tokens" in self.rejected else "max_tokens"

    def limit_for(self, asked: int) -> int:
        """Returns the limit of output tokens to send for a judge that asks for `asked`."""
        limit = max(asked, min(self.output_limit, MOST_GROWTH * asked))
        return min(limit, self.output_cap) if self.output_cap else limit


Save = Callable[[str, str, Learnt], Awaitable[None]]
_NOTHING = Learnt()


class Capabilities:
    """One process's memory of abilities. `save` is awaited with each new fact, to keep it elsewhere."""

    def __init__(self, save: Save | None = None, clock: Callable[[], float] = time.time) -> None:
        self._save = save
        self._clock = clock
        self._known: dict[tuple[str, str], Learnt] = {}
        self._proven_at: dict[tuple[str, str, str], float] = {}
        self._faulty: set[tuple[str, str, str]] = set()
        self._doubted: set[tuple[str, str, str]] = set()  # believed for a brief time before

    def load(self, known: Mapping[tuple[str, str], Learnt]) -> None:
        """Takes over the saved facts, by (provider, model)."""
        self._known.update(known)

    def get(self, provider: str, model: str) -> Learnt:
        """Returns the known facts, without a mode whose better modes are due for another try."""
        learnt = self._known.get((provider, model), _NOTHING)
        if learnt.mode is not None and learnt.mode_until <= self._clock():
            return msgspec.structs.replace(learnt, mode=None)
        return learnt

    async def learn(self, provider: str, model: str, learnt: Learnt) -> None:
        """Remembers new facts beside the known ones.

        A failing `save` is logged, not raised: the answer at hand is worth more.
        """
        known = self.get(provider, model)
        learnt = msgspec.structs.replace(
            learnt,
            max_completion_tokens=known.max_completion_tokens or learnt.max_completion_tokens,
            rejected=known.rejected | learnt.rejected,
            top_logprobs=min(known.top_logprobs, learnt.top_logprobs),
            output_limit=max(known.output_limit, learnt.output_limit),
            output_cap=min(filter(None, (known.output_cap, learnt.output_cap)), default=0),
            merges_system=known.merges_system or learnt.merges_system,
        )
        if learnt == known:
            return
        self._known[provider, model] = learnt
        if self._save is not None:
            try:
                await self._save(provider, model, learnt)
            except Exception:
                _log.exception("what %s/%s can do was not saved", provider, model)

    def with_mode(self, provider: str, model: str, learnt: Learnt, mode: str, *, doubtful: bool) -> Learnt:
        """Returns `learnt` with `mode` as the best that works, for as long as that is to be believed.

        A doubtful refusal is believed for some seconds at first, and for longer if it is met again after them.
        """
        seconds = REFUSED_SECONDS
        if doubtful:
            known = (provider, model, mode)
            seconds = DOUBTFUL_SECONDS if known in self._doubted else BRIEF_SECONDS
            self._doubted.add(known)
        return msgspec.structs.replace(learnt, mode=mode, mode_until=self._clock() + seconds)

    def note_success(self, provider: str, model: str, mode: str) -> None:
        """Notes that the mode worked just now."""
        self._proven_at[provider, model, mode] = self._clock()
        self._faulty.discard((provider, model, mode))

    def forget_faults(self, provider: str, model: str) -> None:
        """Forgets the faults of all modes: a server that fails in a plainer mode too is out of order."""
        self._faulty = {each for each in self._faulty if each[:2] != (provider, model)}

    def is_proven(self, provider: str, model: str, mode: str) -> bool:
        """Returns whether the mode worked within the last DOUBTFUL_SECONDS."""
        proven_at = self._proven_at.get((provider, model, mode))
        return proven_at is not None and self._clock() - proven_at < DOUBTFUL_SECONDS

    def is_repeated_fault(self, provider: str, model: str, mode: str) -> bool:
        """Notes a 5xx. Returns whether it is not the first in this mode, and the mode did not work lately."""
        if self.is_proven(provider, model, mode):
            return False
        repeated = (provider, model, mode) in self._faulty
        self._faulty.add((provider, model, mode))
        return repeated
