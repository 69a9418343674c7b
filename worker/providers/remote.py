"""A provider behind HTTP: one loop over what a server may take, the same for every wire format."""

import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from service.contracts.outcomes import Reason
from worker.providers.base import Completion, ModelRequest, ProviderConfig, ProviderError
from worker.providers.capabilities import Capabilities, Learnt, adjusted, allowed
from worker.providers.extra_fields import with_extra_fields
from worker.providers.failures import (
    UNREADABLE,
    Cause,
    Failure,
    cause_of,
    error_object,
    is_retryable,
    to_error,
)
from worker.providers.http import HttpClient, HttpReply

TEXT = "text"  # the last mode of every wire format: nothing but the prompt asks for a shape

_REFUSALS = (400, 404, 422, 501)
_MAYBE_ACCIDENTS = (500, 502)  # or a refusal: llama-cpp-python 0.3 answers 500 to a `json_schema`

OnCall = Callable[[str, str, str, float], None]  # provider, model, status, seconds


class WireFormat(Protocol):
    """How one kind of API is spoken."""

    @property
    def modes(self) -> tuple[str, ...]:
        """Ways to ask for a schema, from best to plain; the last is TEXT."""
        ...

    @property
    def effort_path(self) -> tuple[str, ...]:
        """The names that lead to the field for the reasoning effort in a body; empty if there is none."""
        ...

    def headers(self, api_key: str | None) -> dict[str, str]:
        """What authenticates a call."""
        ...

    def path(self, model: str) -> str:
        """What follows the base URL."""
        ...

    def encode(self, request: ModelRequest, mode: str, learnt: Learnt) -> bytes:
        """The request's body."""
        ...

    def decode(self, body: bytes, mode: str) -> Completion:
        """The answer in a 2xx body. Raises one of UNREADABLE where the body is not of this format."""
        ...

    def read_failure(self, reply: HttpReply) -> Failure | Completion:
        """What an error says; a Completion where it says that a content filter withheld the answer."""
        ...


class _Descent(msgspec.Struct):
    """One request's way down the modes: what it has met and learnt so far."""

    learnt: Learnt
    calls: int = 0
    failures: list[Failure] = []


class RemoteProvider:
    """Asks one server. `on_call` gets every HTTP call's status, or "timeout" or "error", and its seconds."""

    def __init__(
        self,
        name: str,
        config: ProviderConfig,
        wire: WireFormat,
        capabilities: Capabilities,
        on_call: OnCall | None = None,
    ) -> None:
        self._name = name
        self._secret = config.api_key
        self._wire = wire
        self._capabilities = capabilities
        self._on_call = on_call
        self._http = HttpClient(config, wire.headers(config.api_key))

    async def complete(self, request: ModelRequest) -> Completion:
        """See `Provider.complete`."""
        descent = _Descent(self._capabilities.get(self._name, request.model))
        try:
            completion = await self._descend(request, descent)
        except ProviderError as error:
            error.attempts = descent.calls
            raise
        if descent.calls == 1:
            return completion
        return msgspec.structs.replace(completion, attempts=descent.calls)

    async def aclose(self) -> None:
        """See `Provider.aclose`."""
        await self._http.aclose()

    async def _descend(self, request: ModelRequest, descent: _Descent) -> Completion:
        for mode in self._modes(request, descent.learnt):
            answer = await self._ask(request, mode, descent)
            if isinstance(answer, Completion):
                await self._note(request.model, mode, descent)
                return answer
            descent.failures.append(answer)
            if not self._is_about_the_mode(answer, request.model, mode):
                break
        # The first failure is the one to mend, unless the way down was cut short by something that will pass.
        first, last = descent.failures[0], descent.failures[-1]
        raise to_error(last if is_retryable(last) else first, self._name, self._secret)

    def _modes(self, request: ModelRequest, learnt: Learnt) -> tuple[str, ...]:
        if request.schema is None:
            return (TEXT,)
        modes = self._wire.modes[:-1] if request.schema_required else self._wire.modes
        return modes[modes.index(learnt.mode) :] if learnt.mode in modes else modes

    async def _ask(self, request: ModelRequest, mode: str, descent: _Descent) -> Completion | Failure:
        """Leaves out each parameter that the model refuses, which ends: there are only so many."""
        while True:
            answer = await self._call(request, mode, descent)
            if isinstance(answer, Completion):
                return answer
            learnt = adjusted(descent.learnt, answer, request)
            if learnt is None:
                return answer
            descent.learnt = learnt

    async def _call(self, request: ModelRequest, mode: str, descent: _Descent) -> Completion | Failure:
        request = allowed(request, descent.learnt)
        body = self._wire.encode(request, mode, descent.learnt)
        body = with_extra_fields(body, request.parameters, self._wire.effort_path)
        descent.calls += 1
        reply = await self._post(request.model, body)
        return self._decode(reply, mode) if 200 <= reply.status < 300 else self._wire.read_failure(reply)

    def _decode(self, reply: HttpReply, mode: str) -> Completion | Failure:
        try:
            return self._wire.decode(reply.body, mode)
        except UNREADABLE as error:
            if error_object(reply.body) is not None:
                return self._wire.read_failure(reply)
            kind = reply.headers.get("content-type", "no content type")[:100]
            message = f"{self._name} answered {reply.status} ({kind}) with a body that is no answer: {error}"
            raise ProviderError(message, reason=Reason.PROVIDER_ERROR, retryable=True, status=reply.status) from error

    async def _post(self, model: str, body: bytes) -> HttpReply:
        started = time.perf_counter()
        try:
            reply = await self._http.post(self._wire.path(model), body)
        except ProviderError as error:
            self._report(model, "timeout" if error.reason is Reason.TIMEOUT else "error", started)
            raise
        self._report(model, str(reply.status), started)
        return reply

    def _report(self, model: str, status: str, started: float) -> None:
        if self._on_call is not None:
            self._on_call(self._name, model, status, time.perf_counter() - started)

    def _is_about_the_mode(self, failure: Failure, model: str, mode: str) -> bool:
        """Whether a plainer mode may help. One busy (503, 529) or slow (504) says nothing of it."""
        if cause_of(failure) is not Cause.OTHER:
            return False
        if failure.status in _REFUSALS:
            return True
        accident = failure.status in _MAYBE_ACCIDENTS
        return accident and self._capabilities.is_repeated_fault(self._name, model, mode)

    async def _note(self, model: str, mode: str, descent: _Descent) -> None:
        """Remembers what this answer has shown, beside what other calls have learnt in the meantime."""
        self._capabilities.note_success(self._name, model, mode)
        if descent.calls == 1:
            return
        known = self._capabilities.get(self._name, model)
        lesson = msgspec.structs.replace(descent.learnt, mode=known.mode, mode_until=known.mode_until)
        better = self._wire.modes[: self._wire.modes.index(mode)]
        is_news = descent.failures and known.mode != mode
        # Where a better mode works for others, this refusal was about this one request.
        if is_news and not any(self._capabilities.is_proven(self._name, model, each) for each in better):
            doubtful = any(failure.status in _MAYBE_ACCIDENTS for failure in descent.failures)
            lesson = self._capabilities.believed(lesson, mode, doubtful=doubtful)
        await self._capabilities.learn(self._name, model, lesson)
