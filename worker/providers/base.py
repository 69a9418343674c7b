"""What the rest of the worker knows of a model provider: a request, a completion, an error."""

from typing import Any, Literal, Protocol

import msgspec

from service.contracts.items import Item
from service.contracts.judges import Judge, Parameters
from service.contracts.outcomes import Reason
from service.judging.logprobs import Token
from service.judging.questions import Message as Message


class ModelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One answer to ask for.

    `schema` is a JSON schema of an object that the answer should be, or None to ask for plain text. A server
    that can't be held to it is asked for text instead, unless `schema_required`: the prompt itself says which
    answer is wanted. `logprobs` asks for the tokens' probabilities, which not every model gives. `judge` and
    `item` are what the messages were made from; only the control baselines look at them.
    """

    model: str  # the provider's own name for it: what follows the first "/" of "openai/gpt-4.1-mini"
    messages: tuple[Message, ...]
    schema: dict[str, Any] | None
    parameters: Parameters
    judge: Judge
    item: Item
    schema_required: bool = False
    logprobs: bool = False


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """One answer as the provider gave it. Token counts are None where the provider does not say.

    `attempts` counts the calls that it took, those included that taught what the server accepts. `tokens` are
    those of the whole answer, or None where the provider gave no probabilities.
    """

    text: str
    source: Literal["schema", "tool", "text"]
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    attempts: int = 1
    tokens: tuple[Token, ...] | None = None


class ProviderError(Exception):
    """No answer came.

    `reason` is one of provider_error, timeout, rate_limited, auth, budget. `retryable` says whether the same
    request may succeed later; `retry_after` is the wait in seconds that the provider asked for, if it did;
    `attempts` counts the calls made so far. The message holds no secret: keys are cut out of whatever the
    provider said.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: Reason,
        retryable: bool,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retryable = retryable
        self.status = status
        self.retry_after = retry_after
        self.attempts = 1


class ProviderConfig(Protocol):
    """The settings of a provider, as far as calling it needs them."""

    @property
    def kind(self) -> str: ...
    @property
    def base_url(self) -> str: ...
    @property
    def api_key(self) -> str | None: ...
    @property
    def timeout_seconds(self) -> float: ...
    @property
    def max_concurrency(self) -> int: ...


class Provider(Protocol):
    """Something that answers."""

    async def complete(self, request: ModelRequest) -> Completion:
        """One answer, each call for it within the provider's time limit.

        Raises ProviderError where no answer came. Whether to try again is `retrying.py`'s business.
        """
        ...

    async def aclose(self) -> None:
        """Closes the connections."""
        ...
