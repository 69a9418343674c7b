"""A provider in front of a stub server, and a request to ask it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from service.contracts.items import Item
from service.contracts.judges import Judge, Method, Parameters
from tests.stubs.model_server import VERDICT, Answer, ModelServer
from tests.stubs.wire_formats import Kind, Reply
from worker.providers import build_provider
from worker.providers.base import Completion, Message, ModelRequest, Provider, ProviderError
from worker.providers.capabilities import Capabilities
from worker.providers.remote import OnCall

KEY = "sk-stub-0123456789"

SCHEMA = {
    "type": "object",
    "properties": {"explanation": {"type": "string"}, "score": {"type": "integer", "enum": [1, 2, 3, 4, 5]}},
    "required": ["explanation", "score"],
    "additionalProperties": False,
}

JUDGE = Judge(criterion="relevance", method=Method.RATING, instructions="Is it relevant?")

REQUEST = ModelRequest(
    model="some-model",
    messages=(Message("system", "You are a judge."), Message("user", "Judge “this”.")),
    schema=SCHEMA,
    parameters=Parameters(),
    judge=JUDGE,
    item=Item(input="a question", output="an answer"),
)


def request(**changes: Any) -> ModelRequest:
    """REQUEST with other fields."""
    return msgspec.structs.replace(REQUEST, **changes)


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A `ProviderConfig`."""

    kind: str
    base_url: str
    api_key: str | None = KEY
    timeout_seconds: float = 5.0
    max_concurrency: int = 256
    proxy: str | None = None
    ca_file: str | None = None
    client_cert_file: str | None = None
    client_key_file: str | None = None
    headers: dict[str, str] = {}
    query: dict[str, str] = {}


@asynccontextmanager
async def stubbed(
    kind: Kind,
    reply: Answer = lambda body: VERDICT,
    *,
    capabilities: Capabilities | None = None,
    on_call: OnCall | None = None,
    timeout_seconds: float = 5.0,
) -> AsyncIterator[tuple[Provider, ModelServer]]:
    """The provider `stub` of this kind, and the server that it asks."""
    async with ModelServer(kind, reply) as server:
        config = Config(kind=kind, base_url=server.base_url, timeout_seconds=timeout_seconds)
        provider = build_provider("stub", config, capabilities or Capabilities(), on_call)
        try:
            yield provider, server
        finally:
            await provider.aclose()


async def completion_of(kind: Kind, reply: Reply, **changes: Any) -> Completion:
    """What a provider makes of a reply to REQUEST with other fields."""
    async with stubbed(kind, lambda body: reply) as (provider, _):
        return await provider.complete(request(**changes))


async def failure_of(kind: Kind, reply: Reply, **changes: Any) -> ProviderError:
    """The error that a provider makes of such a reply."""
    with pytest.raises(ProviderError) as caught:
        await completion_of(kind, reply, **changes)
    return caught.value
