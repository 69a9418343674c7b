"""What can be wrong with a configuration beyond the type of a field; each check gives one line a problem."""

import ipaddress
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from service.config.sections import ProviderSection, SettingsFile
from service.contracts.judges import Name

_VERSIONS = ("/v1", "/v1beta")
_REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


def take_literal_secrets(raw: dict[str, Any]) -> Iterator[str]:
    """Secrets written out in the file; they are taken out of `raw`, so that nothing further shows them."""
    providers = raw.get("providers")
    for name, section in providers.items() if isinstance(providers, dict) else ():
        if isinstance(section, dict) and section.pop("api_key", None) is not None:
            yield (
                f"providers.{name}.api_key: a secret is not written here:"
                " name its variable in api_key_env, or a file that holds it in api_key_file"
            )
    store = raw.get("store")
    if isinstance(store, dict) and _has_password(store.get("redis_url")):
        del store["redis_url"]
        yield "store.redis_url: a password is not written here: set JUDGED_REDIS_URL instead"


def provider_problems(providers: dict[str, ProviderSection]) -> Iterator[str]:
    """What is wrong with each provider's name, address and key."""
    for name, section in providers.items():
        at = f"providers.{name}"
        if not _is_name(name):
            yield f"{at}: a provider's name is letters, digits, '.', '_' and '-'"
        if name == "control" and section.kind != "control":
            yield f"{at}.kind: the name control is kept for the kind control"
        if section.api_key_env and section.api_key_file:
            yield f"{at}: give api_key_env or api_key_file, not both"
        yield from (f"{at}.base_url: {problem}" for problem in _address_problems(section))


def _address_problems(section: ProviderSection) -> Iterator[str]:
    if section.base_url and not section.base_url.startswith(("http://", "https://")):
        yield "expected an address that starts with http:// or https://"
    if _has_password(section.base_url):
        yield "a password is not written here: use api_key_env or api_key_file"
    if section.kind in ("anthropic", "gemini") and section.base_url.rstrip("/").endswith(_VERSIONS):
        yield f"leave out the version: the calls of kind {section.kind} add it"


def access_problems(read: SettingsFile, raw: dict[str, Any]) -> Iterator[str]:
    """Whether the service would stand open, and whether its keys can be told apart."""
    if not raw.get("keys") and not _is_loopback(read.server.host):
        yield f"server.host: {read.server.host} can be reached from outside: add [[keys]] or use 127.0.0.1"
    names = [key.name for key in read.keys]
    for name in sorted(set(names)):
        if names.count(name) > 1:
            yield f"keys: the name {name} is used twice"


def store_problems(read: SettingsFile) -> Iterator[str]:
    """Whether the store's address can be one."""
    url = read.store.redis_url
    if url is not None and not url.startswith(_REDIS_SCHEMES):
        yield f"store.redis_url: expected an address that starts with {', '.join(_REDIS_SCHEMES)}"


def model_problems(read: SettingsFile, raw: dict[str, Any]) -> Iterator[str]:
    """Default models that no provider answers for; with no provider at all, `judged up` looks for some."""
    providers = raw.get("providers")
    if not providers or not isinstance(providers, dict):
        return
    for model in read.defaults.models:
        name = model.partition("/")[0]
        if name not in providers and name != "control":
            yield f"defaults.models: {model}: there is no [providers.{name}]"


def _has_password(url: object) -> bool:
    try:
        return isinstance(url, str) and urlsplit(url).password is not None
    except ValueError:  # not an address at all, which is another check's business
        return False


def _is_name(text: str) -> bool:
    try:
        msgspec.convert(text, Name)
    except msgspec.ValidationError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
