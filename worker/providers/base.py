"""The interface of a model provider: a request, a completion, an error, the settings of a call."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec

from service.contracts.items import Item
from service.contracts.judges import Judge, Parameters
from service.contracts.outcomes import Reason
from service.judging.logprobs import Token
from service.judging.questions import Message as Message


class ModelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One answer to ask for.

    `schema` is the JSON schema of the answer, None for plain text. A server that can't enforce a schema is asked for
    text instead, unless `schema_required`: the prompt describes the answer too. `logprobs` asks for the probabilities
    of the tokens, which not every model gives. The messages were made from `judge` and `item`; only the control
    baselines use these. With `single_fault` the request ends at the first reply that only says that the server failed:
    no plainer form is tried after it.
    """

    model: str  # the provider's own name: "gpt-6-luna" in "openai/gpt-6-luna"
    messages: tuple[Message, ...]
    schema: dict[str, Any] | None
    parameters: Parameters
    judge: Judge
    item: Item
    schema_required: bool = False
    logprobs: bool = False
    single_fault: bool = False


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """One answer as the provider gave it. Token counts are None if the provider gives none.

    `attempts` counts the calls for it, with those that the server refused for a parameter or a mode. `tokens` are
    those of the whole answer, None if the provider gave no probabilities. `served_model` is the model that
    answered, as the provider names it. `cut_off_at` is the limit of output tokens at which an answer was cut off.
    """

    text: str
    source: Literal["schema", "tool", "text"]
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    attempts: int = 1
    tokens: tuple[Token, ...] | None = None
    served_model: str | None = None
    cut_off_at: int | None = None


class ProviderError(Exception):
    """A call without an answer.

    `reason` is one of provider_error, timeout, rate_limited, auth, budget. `retryable` tells whether the same request
    may succeed later; `retry_after` is the wait in seconds that the provider asked for, if it did. `attempts` counts
    the calls made so far, `faults` those of them that failed in a way that may pass. `is_limit` tells that the provider
    refused the call because there were too many: the caller has to wait for its turn. `stops_calls` tells that every
    other call will fail in the same way, because the key is bad or the quota is spent. The message holds no secret:
    keys are removed from the provider's words.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: Reason,
        retryable: bool,
        status: int | None = None,
        retry_after: float | None = None,
        is_limit: bool = False,
        stops_calls: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retryable = retryable
        self.status = status
        self.retry_after = retry_after
        self.is_limit = is_limit
        self.stops_calls = stops_calls
        self.attempts = 1
        self.faults = 1


class NetworkConfig(Protocol):
    """The settings of the way to a provider."""

    @property
    def base_url(self) -> str: ...
    @property
    def proxy(self) -> str | None: ...
    @property
    def ca_file(self) -> str | None: ...
    @property
    def client_cert_file(self) -> str | None: ...
    @property
    def client_key_file(self) -> str | None: ...


class ProviderConfig(NetworkConfig, Protocol):
    """The settings of a provider that a call needs."""

    @property
    def kind(self) -> str: ...
    @property
    def api_key(self) -> str | None: ...
    @property
    def timeout_seconds(self) -> float: ...
    @property
    def max_concurrency(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def query(self) -> Mapping[str, str]: ...


class Provider(Protocol):
    """A provider of models that can be asked."""

    async def complete(self, request: ModelRequest) -> Completion:
        """Returns one answer, each call for it within the provider's time limit.

        Raises ProviderError if there is no answer. `retrying.py` decides whether to try again.
        """
        ...

    async def aclose(self) -> None:
        """Closes the connections."""
        ...
