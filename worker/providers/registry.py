"""Finds the implementation of a provider by its kind: the module of that name in this package registers it."""

from collections.abc import Callable
from importlib import import_module
from typing import TypeVar

from worker.providers.base import Provider, ProviderConfig
from worker.providers.capabilities import Capabilities
from worker.providers.remote import OnCall, RemoteProvider, WireFormat

Build = Callable[[str, ProviderConfig, Capabilities, OnCall | None], Provider]
F = TypeVar("F", bound=type[WireFormat])
P = TypeVar("P", bound=type[Provider])

_builders: dict[str, Build] = {}


def wire_format(kind: str) -> Callable[[F], F]:
    """Makes a class the wire format of a kind of provider, which is asked over HTTP."""

    def register(implementation: F) -> F:
        _builders[kind] = lambda name, config, capabilities, on_call: RemoteProvider(
            name, config, implementation(), capabilities, on_call
        )
        return implementation

    return register


def local_provider(kind: str) -> Callable[[P], P]:
    """Makes a class the provider of a kind that is asked without any call; its constructor takes no argument."""

    def register(implementation: P) -> P:
        _builders[kind] = lambda name, config, capabilities, on_call: implementation()
        return implementation

    return register


def build_provider(
    name: str, config: ProviderConfig, capabilities: Capabilities, on_call: OnCall | None = None
) -> Provider:
    """Returns the provider of the kind in `config`; it is used in the event loop that first calls it.

    Raises ModuleNotFoundError if this package has no module of the kind's name.
    """
    if config.kind not in _builders:
        import_module(f"worker.providers.{config.kind}")
    return _builders[config.kind](name, config, capabilities, on_call)
