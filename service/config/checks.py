"""Checks of a configuration beyond the types of its fields. Each yields one line for each problem."""

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from service.config.kinds import KINDS
from service.config.secrets import FROM_VARIABLE, has_password, variables_named
from service.config.sections import ProviderSection, SettingsFile
from service.contracts.judges import ModelName, Name

_VERSION = re.compile(r"/v\d+(alpha|beta)?\d*$")
_REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
_PROXY_SCHEMES = ("http://", "https://")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 section 5.6.2
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OWN_HEADERS = ("connection", "content-length", "content-type", "host", "transfer-encoding")  # of the HTTP client


def provider_problems(providers: dict[str, ProviderSection]) -> Iterator[str]:
    """Checks the name, the address, the key and the connection of each provider."""
    for name, section in providers.items():
        at = f"providers.{name}"
        if not _is(Name, name):
            yield f"{at}: a provider's name is letters, digits, '.', '_' and '-'"
        if name in KINDS and KINDS[name].is_built_in and section.kind != name:
            yield f"{at}.kind: the name {name} is kept for the kind {name}"
        if section.api_key_env and section.api_key_file:
            yield f"{at}: give api_key_env or api_key_file, not both"
        yield from (f"{at}.base_url: {problem}" for problem in _address_problems(section))
        yield from (f"{at}.{problem}" for problem in _connection_problems(section))


def _address_problems(section: ProviderSection) -> Iterator[str]:
    kind = KINDS[section.kind]
    if section.base_url and not section.base_url.startswith(("http://", "https://")):
        yield "expected an address that starts with http:// or https://"
    if not section.base_url and not kind.base_url and not kind.is_built_in:
        yield f"missing: the kind {section.kind} has no usual address"
    if has_password(section.base_url):
        yield "a password is not written here: use api_key_env or api_key_file"
    if kind.base_url and not _VERSION.search(kind.base_url) and _VERSION.search(section.base_url.rstrip("/")):
        yield f"leave out the version: the calls of kind {section.kind} add it"


def _connection_problems(section: ProviderSection) -> Iterator[str]:
    if section.proxy and not section.proxy.startswith((*_PROXY_SCHEMES, FROM_VARIABLE)):
        yield f'proxy: expected an address that starts with {" or ".join(_PROXY_SCHEMES)}, or "env:VARIABLE"'
    if section.client_key_file and not section.client_cert_file:
        yield "client_key_file: give client_cert_file too"
    for name, value in section.headers.items():
        if not _HEADER_NAME.fullmatch(name):
            yield f"headers.{name}: not a header's name"
        if name.lower() in _OWN_HEADERS:
            yield f"headers.{name}: set by each call itself"
        if not value.isascii() or not value.isprintable():
            yield f"headers.{name}: a header's value is printable ASCII"
    for table in ({"proxy": section.proxy or ""}, section.headers, section.query):
        for variable in variables_named(table):
            if not _VARIABLE.fullmatch(variable):
                yield f'"{FROM_VARIABLE}{variable}": not a variable\'s name'


def file_problems(at: str, section: ProviderSection) -> Iterator[str]:
    """Checks that the certificate files of a provider can be read; `at` is the place of its section."""
    for field in ("ca_file", "client_cert_file", "client_key_file"):
        file = getattr(section, field)
        if file and not Path(file).is_file():
            yield f"{at}.{field}: there is no file {file}"


def price_problems(read: SettingsFile) -> Iterator[str]:
    """Checks that each price is of a model."""
    for model in read.prices:
        if not _is(ModelName, model):
            yield f'prices.{model}: expected a model, such as [prices."openai/my-model"]'


def access_problems(read: SettingsFile, raw: dict[str, Any]) -> Iterator[str]:
    """Checks that the service is not open to other machines, and that no two keys have one name."""
    if not raw.get("keys") and not _is_loopback(read.server.host):
        yield f"server.host: {read.server.host} can be reached from outside: add [[keys]] or use 127.0.0.1"
    names = [key.name for key in read.keys]
    for name in sorted(set(names)):
        if names.count(name) > 1:
            yield f"keys: the name {name} is used twice"


def store_problems(read: SettingsFile) -> Iterator[str]:
    """Checks the scheme of the store's address."""
    url = read.store.redis_url
    if url is not None and not url.startswith(_REDIS_SCHEMES):
        yield f"store.redis_url: expected an address that starts with {', '.join(_REDIS_SCHEMES)}"


def default_model_problems(read: SettingsFile, raw: dict[str, Any]) -> Iterator[str]:
    """Checks that the default models have providers; without any provider, `judged up` looks for some."""
    providers = raw.get("providers")
    if not providers or not isinstance(providers, dict):
        return
    for model in read.defaults.models:
        name = model.partition("/")[0]
        if name not in providers and not (name in KINDS and KINDS[name].is_built_in):
            yield f"defaults.models: {model}: there is no [providers.{name}]"


def _is(kind: Any, text: str) -> bool:
    try:
        msgspec.convert(text, kind)
    except msgspec.ValidationError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
