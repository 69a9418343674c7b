"""The types of the vendors' own packages, by which requests and answers are checked.

They take seconds to import, so that only a process that asks for them does.
"""

import warnings
from functools import cache
from typing import Any


@cache
def anthropic_request() -> Any:
    """Checks the body of a request: a TypeAdapter."""
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
    from pydantic import TypeAdapter

    return TypeAdapter(MessageCreateParamsNonStreaming)


@cache
def anthropic_parameters() -> frozenset[str]:
    """The fields of a request."""
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

    # The SDK dropped the last two in 1.0 (2026); the API version that we speak has them.
    return frozenset(MessageCreateParamsNonStreaming.__annotations__) | {"temperature", "top_p"}


@cache
def anthropic_types() -> Any:
    """The models of answers."""
    from anthropic import types

    return types


@cache
def openai_request() -> Any:
    """Checks the body of a request: a TypeAdapter."""
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
    from pydantic import TypeAdapter

    return TypeAdapter(CompletionCreateParamsNonStreaming)


@cache
def openai_parameters() -> frozenset[str]:
    """The fields of a request."""
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

    return frozenset(CompletionCreateParamsNonStreaming.__annotations__)


@cache
def openai_types() -> Any:
    """The models of answers."""
    from openai.types import chat

    return chat


@cache
def gemini_types() -> Any:
    """The models of requests and answers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the SDK's own making, at its import
        from google.genai import types

        return types
