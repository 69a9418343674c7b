"""Who is asked. A new provider is one file with its wire format and one entry here."""

from worker.providers.anthropic import AnthropicFormat
from worker.providers.base import Provider, ProviderConfig
from worker.providers.capabilities import Capabilities
from worker.providers.control import ControlProvider
from worker.providers.gemini import GeminiFormat
from worker.providers.openai import OpenAIFormat
from worker.providers.remote import OnCall, RemoteProvider, WireFormat

WIRE_FORMATS: dict[str, WireFormat] = {
    "openai": OpenAIFormat(),
    "anthropic": AnthropicFormat(),
    "gemini": GeminiFormat(),
}


def build_provider(
    name: str, settings: ProviderConfig, capabilities: Capabilities, on_call: OnCall | None = None
) -> Provider:
    """The provider that `settings.kind` asks for; it is used in the event loop that first calls it."""
    if settings.kind == "control":
        return ControlProvider()
    return RemoteProvider(name, settings, WIRE_FORMATS[settings.kind], capabilities, on_call)
