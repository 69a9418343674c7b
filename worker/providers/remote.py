"""A provider behind HTTP: one loop over the forms that a server may take, the same for every wire format."""

import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

import msgspec

from service.config.secrets import Secret
from service.contracts.model_lists import ListedModel
from service.contracts.outcomes import Reason
from service.judging.reading.refusing import finish_reason_of
from worker.providers.base import Completion, ModelRequest, ProviderConfig, ProviderError
from worker.providers.capabilities import Capabilities, Learnt
from worker.providers.envelopes import broke_off, with_whole_characters
from worker.providers.extra_fields import with_extra_fields
from worker.providers.failures import (
    UNREADABLE,
    Cause,
    Failure,
    cause_of,
    error_object,
    filtered_or_failed,
    is_retryable,
    spellings_of,
    to_error,
    without_secrets,
)
from worker.providers.http import HttpClient, HttpReply
from worker.providers.parameter_refusals import adjusted, allowed, room_left

TEXT = "text"  # the last mode of every wire format: nothing but the prompt asks for a shape

_REFUSALS = (400, 404, 422, 501)
_MAYBE_ACCIDENTS = (500, 502)  # or a refusal: llama-cpp-python 0.3 answers 500 to a `json_schema`

_MAX_BROKEN_CHARS = 300

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
        """Returns the headers that authenticate a call."""
        ...

    def path(self, model: str) -> str:
        """Returns the path of a call, after the base URL."""
        ...

    def encode(self, request: ModelRequest, mode: str, learnt: Learnt) -> bytes:
        """Returns the body of a request."""
        ...

    def decode(self, body: bytes, mode: str) -> Completion:
        """Returns the answer in a 2xx body. Raises one of UNREADABLE if the body is no answer of this format."""
        ...


@runtime_checkable
class ModelListing(Protocol):
    """How one kind of API lists its models. A wire format without it has no list."""

    @property
    def models_path(self) -> str:
        """The path of the list, after the base URL."""
        ...

    def read_models(self, body: bytes) -> list[ListedModel]:
        """Returns the models in a 2xx body. Raises one of UNREADABLE if the body is no list of this format."""
        ...


class _Descent(msgspec.Struct):
    """One request's way down the modes: the known abilities, and the calls and failures so far."""

    learnt: Learnt
    calls: int = 0
    faults: int = 0  # calls that failed in a way that may pass
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
        self._secrets = spellings_of(each for each in (config.api_key, *_secret_values(config)) if each)
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
            error.attempts, error.faults = descent.calls, max(descent.faults, 1)
            raise
        if finish_reason_of(completion.finish_reason) is Reason.TRUNCATED:
            completion = await self._with_room(request, descent, completion)
        if descent.calls == 1:
            return completion
        return msgspec.structs.replace(completion, attempts=descent.calls)

    async def list_models(self) -> list[ListedModel]:
        """Returns the models that the provider lists, none if its kind has no list.

        Raises ProviderError if there is no answer, or none that can be read.
        """
        if not isinstance(self._wire, ModelListing):
            return []
        try:
            reply = await self._http.get(self._wire.models_path)
        except ProviderError as error:
            error.args = (without_secrets(str(error), self._secrets),)
            raise
        if not 200 <= reply.status < 300:
            raise ProviderError(
                f"answered {reply.status}", reason=Reason.PROVIDER_ERROR, retryable=False, status=reply.status
            )
        try:
            return self._wire.read_models(reply.body)
        except UNREADABLE as error:
            message = f"answered {reply.status} with a body that is no list of models"
            raise ProviderError(message, reason=Reason.PROVIDER_ERROR, retryable=False) from error

    async def aclose(self) -> None:
        """See `Provider.aclose`."""
        await self._http.aclose()

    async def _descend(self, request: ModelRequest, descent: _Descent) -> Completion:
        for mode in self._modes(request, descent.learnt):
            answer = await self._ask(request, mode, descent)
            if isinstance(answer, Completion):
                self._capabilities.note_success(self._name, request.model, mode)
                if descent.calls > 1:
                    await self._note(request.model, mode, descent)
                return answer
            descent.failures.append(answer)
            if not self._is_about_the_mode(answer, request, mode, descent):
                break
        # The first failure says what to mend; the last one ended the attempts if it is temporary.
        first, last = descent.failures[0], descent.failures[-1]
        raise to_error(last if is_retryable(last) else first, self._name, self._secrets)

    def _modes(self, request: ModelRequest, learnt: Learnt) -> tuple[str, ...]:
        if request.schema is None:
            return (TEXT,)
        modes = self._wire.modes[:-1] if request.schema_required else self._wire.modes
        return modes[modes.index(learnt.mode) :] if learnt.mode in modes else modes

    async def _ask(self, request: ModelRequest, mode: str, descent: _Descent) -> Completion | Failure:
        """Calls again without each part that the model refuses. Ends, as a request has few such parts."""
        while True:
            sent = allowed(request, descent.learnt)
            answer = await self._call(sent, mode, descent)
            if isinstance(answer, Completion):
                return answer
            room = room_left(answer, sent)
            learnt = adjusted(descent.learnt, answer, sent)
            if room is not None:  # after this prompt: another one may leave more
                smaller = msgspec.structs.replace(request.parameters, max_output_tokens=room)
                request = msgspec.structs.replace(request, parameters=smaller)
                descent.learnt = msgspec.structs.replace(descent.learnt, output_limit=0)
            elif learnt is not None and learnt != descent.learnt:
                descent.learnt = learnt
            else:
                descent.faults += is_retryable(answer)
                return answer

    async def _call(self, request: ModelRequest, mode: str, descent: _Descent) -> Completion | Failure:
        body = self._wire.encode(request, mode, descent.learnt)
        body = with_extra_fields(body, request.parameters, self._wire.effort_path)
        descent.calls += 1
        try:
            reply = await self._post(request.model, body)
            return self._decode(reply, mode) if 200 <= reply.status < 300 else filtered_or_failed(reply)
        except ProviderError as error:
            descent.faults += error.retryable
            raise

    def _decode(self, reply: HttpReply, mode: str) -> Completion | Failure:
        try:
            completion = self._wire.decode(reply.body, mode)
        except UNREADABLE as error:
            if (body := with_whole_characters(reply.body)) != reply.body:
                return self._decode(reply._replace(body=body), mode)
            if error_object(reply.body) is not None:
                return filtered_or_failed(reply)
            kind = reply.headers.get("content-type", "no content type")[:100]
            message = f"{self._name} answered {reply.status} ({kind}) with a body that is no answer: {error}"
            raise self._broken(message, reply) from error
        if broke_off(completion.finish_reason, completion.text):
            raise self._broken(f"{self._name}: the answer broke off with {completion.finish_reason!r}", reply)
        return completion

    def _broken(self, message: str, reply: HttpReply) -> ProviderError:
        message = without_secrets(message, self._secrets)[:_MAX_BROKEN_CHARS]
        return ProviderError(message, reason=Reason.PROVIDER_ERROR, retryable=True, status=reply.status)

    async def _post(self, model: str, body: bytes) -> HttpReply:
        started = time.perf_counter()
        try:
            reply = await self._http.post(self._wire.path(model), body)
        except ProviderError as error:
            error.args = (without_secrets(str(error), self._secrets),)
            self._report(model, "timeout" if error.reason is Reason.TIMEOUT else "error", started)
            raise
        self._report(model, str(reply.status), started)
        return reply

    def _report(self, model: str, status: str, started: float) -> None:
        if self._on_call is not None:
            self._on_call(self._name, model, status, time.perf_counter() - started)

    def _is_about_the_mode(self, failure: Failure, request: ModelRequest, mode: str, descent: _Descent) -> bool:
        """Returns whether a plainer mode may help. A busy (503, 529) or slow (504) server says nothing of it."""
        if cause_of(failure) is not Cause.OTHER:
            return False
        if failure.status in _REFUSALS:
            return True
        if failure.status not in _MAYBE_ACCIDENTS:
            return False
        if descent.faults > 1:  # the plainer mode fails too: the server is out of order, whatever the mode
            self._capabilities.forget_faults(self._name, request.model)
            return False
        repeated = self._capabilities.is_repeated_fault(self._name, request.model, mode)
        return repeated and not request.single_fault

    async def _with_room(self, request: ModelRequest, descent: _Descent, completion: Completion) -> Completion:
        """Notes that an answer was cut off, so that the next call has twice the room; says at which limit it was."""
        limit = allowed(request, descent.learnt).parameters.max_output_tokens
        known = self._capabilities.get(self._name, request.model)
        learnt = msgspec.structs.replace(known, output_limit=2 * limit)
        await self._capabilities.learn(self._name, request.model, learnt)
        return msgspec.structs.replace(completion, cut_off_at=limit)

    async def _note(self, model: str, mode: str, descent: _Descent) -> None:
        """Remembers the abilities that these calls have shown, beside those that others have shown meanwhile."""
        known = self._capabilities.get(self._name, model)
        lesson = msgspec.structs.replace(descent.learnt, mode=known.mode, mode_until=known.mode_until)
        better = self._wire.modes[: self._wire.modes.index(mode)]
        is_news = descent.failures and known.mode != mode
        # If a better mode works for others, this refusal was about this one request.
        if is_news and not any(self._capabilities.is_proven(self._name, model, each) for each in better):
            doubtful = any(failure.status in _MAYBE_ACCIDENTS for failure in descent.failures)
            lesson = self._capabilities.with_mode(self._name, model, lesson, mode, doubtful=doubtful)
        await self._capabilities.learn(self._name, model, lesson)


def _secret_values(config: ProviderConfig) -> list[str]:
    """Returns the values of headers and of the query that are secrets, and the proxy's password."""
    tables = [text for table in (config.headers, config.query) for text in table.values() if isinstance(text, Secret)]
    return [*tables, unquote(urlsplit(config.proxy or "").password or "")]
