"""The kinds of provider. A new kind is one row here and one file of that name in `worker/providers`."""

import msgspec


class ProviderKind(msgspec.Struct, frozen=True, kw_only=True):
    """The data of one kind: its vendor's own address, key variable, name in `genai-prices` and default model.

    Each of them is "" if there is none. The default models were chosen in November 2026: their vendors name them as the
    successors of models that are shut down from then on, and have announced no shutdown of them. A built-in kind has
    `models` and no others, needs no `[providers]` section, no key and no network, and its calls are free.
    """

    base_url: str = ""
    key_variable: str = ""
    price_id: str = ""
    default_model: str = ""
    models: tuple[str, ...] = ()

    @property
    def is_built_in(self) -> bool:
        """Whether its models come with the service."""
        return bool(self.models)


KINDS: dict[str, ProviderKind] = {
    "openai": ProviderKind(
        base_url="https://api.openai.com/v1",
        key_variable="OPENAI_API_KEY",
        price_id="openai",
        default_model="openai/gpt-6-luna",
    ),
    "anthropic": ProviderKind(
        base_url="https://api.anthropic.com",
        key_variable="ANTHROPIC_API_KEY",
        price_id="anthropic",
        default_model="anthropic/claude-sonnet-5-5",
    ),
    "gemini": ProviderKind(
        base_url="https://generativelanguage.googleapis.com",
        key_variable="GEMINI_API_KEY",
        price_id="google",
        default_model="gemini/gemini-3.5-flash-lite",
    ),
    "control": ProviderKind(default_model="control/overlap", models=("length", "overlap")),
}

# Providers that `judged up` adds by itself: if it is asked to, or if none is configured.
LOCAL, OLLAMA = "local", "ollama"


def unknown_model(kind: str, model: str) -> str | None:
    """Returns why no provider of this kind has the model `provider/model`, None if one may have it."""
    provider, _, name = model.partition("/")
    models = KINDS[kind].models
    if not models or name in models:
        return None
    return f"{provider!r} has no model {name!r} ({', '.join(models)})"
