"""Which models `judged up` uses where nothing is configured."""

import json
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from service.config.settings import KEY_VARIABLES
from service.launch import local_model
from service.launch.preflight import StartError

OLLAMA = "http://127.0.0.1:11434"
CONTROL_MODEL = "control/overlap"
DEFAULT_MODELS = {
    "openai": "openai/gpt-4.1-mini",
    "anthropic": "anthropic/claude-sonnet-4-5",
    "gemini": "gemini/gemini-2.5-flash",
}

_OLLAMA_LIMIT_S = 0.3  # it is on this machine or it is not there
_OLLAMA_CONCURRENCY = 4  # what it answers at once unless told otherwise
_OLLAMA_TIMEOUT_S = 300  # it may have to load the model first


class Found(NamedTuple):
    """Provider sections by name, the default models, a local model to serve, and why these."""

    providers: dict[str, dict[str, Any]]
    models: tuple[str, ...]
    local_model: Path | None
    why: str


def discover(
    named: Sequence[str],
    environ: Mapping[str, str],
    *,
    ollama: str = OLLAMA,
    find_model: Callable[[], Path] = local_model.find_model,
) -> Found:
    """Providers whose key is set, else an Ollama, else a local model, else the control baseline.

    `named` are the default models that are configured although no provider is; they stay.
    """
    providers = keyed_providers(environ)
    if named:
        return _for_named(named, providers, ollama, find_model)
    if providers:
        first = next(iter(providers))
        return Found(providers, (DEFAULT_MODELS[first],), None, f"{KEY_VARIABLES[first]} is set")
    if model := ollama_model(ollama):
        return Found({"ollama": _ollama_section(ollama)}, (f"ollama/{model}",), None, "an Ollama runs here")
    try:
        path = find_model()
    except StartError:
        return Found({}, (CONTROL_MODEL,), None, "no provider is configured")
    return Found({}, (local_model.model_name(path),), path, "no provider is configured")


def keyed_providers(environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The vendors whose usual key variable is set."""
    return {name: {"kind": name} for name, variable in KEY_VARIABLES.items() if environ.get(variable)}


def _for_named(
    named: Sequence[str], providers: dict[str, dict[str, Any]], ollama: str, find_model: Callable[[], Path]
) -> Found:
    """What the named models need beside the providers whose key is set."""
    wanted = {model.partition("/")[0] for model in named}
    if "ollama" in wanted:
        providers["ollama"] = _ollama_section(ollama)
    path = find_model() if local_model.NAME in wanted else None
    return Found(providers, tuple(named), path, "configured")


def ollama_model(ollama: str = OLLAMA) -> str | None:
    """The first model of the Ollama that answers there; None where there is no Ollama, or no model in it."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{ollama}/api/tags", timeout=_OLLAMA_LIMIT_S) as answer:
            models = json.load(answer)["models"]
            return str(models[0]["name"]) if models else None
    except (OSError, ValueError, LookupError, TypeError):  # nobody there, or somebody else
        return None


def _ollama_section(ollama: str) -> dict[str, Any]:
    return {
        "kind": "openai",
        "base_url": f"{ollama}/v1",
        "max_concurrency": _OLLAMA_CONCURRENCY,
        "timeout_seconds": _OLLAMA_TIMEOUT_S,
    }
