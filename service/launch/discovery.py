"""Finds the models that `judged up` uses if none is configured."""

import json
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from service.config.kinds import KINDS, LOCAL, OLLAMA
from service.launch import local_model
from service.launch.preflight import StartError

OLLAMA_URL = "http://127.0.0.1:11434"

_OLLAMA_LIMIT_S = 0.3  # it is on this machine or it is not there
_OLLAMA_CONCURRENCY = 4  # its own default for calls at once
_OLLAMA_TIMEOUT_S = 300  # it may have to load the model first


class FoundModels(NamedTuple):
    """Provider sections by name, the default models, the file of a local model to serve, and the reason in words."""

    providers: dict[str, dict[str, Any]]
    models: tuple[str, ...]
    local_model: Path | None
    why: str


def discover(
    named: Sequence[str],
    environ: Mapping[str, str],
    *,
    ollama: str = OLLAMA_URL,
    find_model: Callable[[], Path] = local_model.find_model,
) -> FoundModels:
    """Returns the providers whose key is set, else an Ollama, else a local model, else the control baseline.

    `named` are the default models that are configured although no provider is; they stay. Raises StartError if one
    of them is the local model and there is none.
    """
    providers = keyed_providers(environ)
    if named:
        return _for_named(named, providers, ollama, find_model)
    if providers:
        first = KINDS[next(iter(providers))]
        return FoundModels(providers, (first.default_model,), None, f"{first.key_variable} is set")
    if model := ollama_model(ollama):
        return FoundModels({OLLAMA: _ollama_section(ollama)}, (f"{OLLAMA}/{model}",), None, "an Ollama runs here")
    try:
        path = find_model()
    except StartError:
        built_in = next(kind for kind in KINDS.values() if kind.is_built_in)
        return FoundModels({}, (built_in.default_model,), None, "no provider is configured")
    return FoundModels({}, (local_model.model_name(path),), path, "no provider is configured")


def keyed_providers(environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Returns a section for each kind of provider whose usual key variable is set."""
    return {name: {"kind": name} for name, kind in KINDS.items() if environ.get(kind.key_variable)}


def _for_named(
    named: Sequence[str], providers: dict[str, dict[str, Any]], ollama: str, find_model: Callable[[], Path]
) -> FoundModels:
    """Adds the providers that the named models need to those whose key is set."""
    wanted = {model.partition("/")[0] for model in named}
    if OLLAMA in wanted:
        providers[OLLAMA] = _ollama_section(ollama)
    path = find_model() if LOCAL in wanted else None
    return FoundModels(providers, tuple(named), path, "configured")


def ollama_model(ollama: str) -> str | None:
    """Returns the first model of the Ollama at this address; None if there is no Ollama, or no model in it."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{ollama}/api/tags", timeout=_OLLAMA_LIMIT_S) as answer:
            models = json.load(answer)["models"]
            return str(models[0]["name"]) if models else None
    except (OSError, ValueError, LookupError, TypeError):  # nothing answers, or another program does
        return None


def _ollama_section(ollama: str) -> dict[str, Any]:
    return {
        "kind": "openai",
        "base_url": f"{ollama}/v1",
        "max_concurrency": _OLLAMA_CONCURRENCY,
        "timeout_seconds": _OLLAMA_TIMEOUT_S,
    }
