"""Checks of a configuration beyond the types of its fields. Each yields one line for each problem."""

import ipaddress
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from service.config.kinds import KINDS, LOCAL, OLLAMA, unknown_model
from service.config.secrets import FROM_VARIABLE, has_password, is_variable
from service.config.sections import ProviderSection, SettingsFile
from service.contracts.judges import ModelName, Name
from service.contracts.names import nearest

_VERSION = re.compile(r"/v\d+(alpha|beta)?\d*$")
_STORE_PREFIX = re.compile(r"[A-Za-z0-9_.:-]*:")
_KEPT_PREFIXES = (":judged:", ":arq:")  # all keys begin with one of them, after the prefix
_REDIS_SCHEMES = ("redis://", "rediss://", "unix://", "redis+sentinel://", "rediss+sentinel://")
_STORE_OPTIONS = ("db", "username", "password")
_STORE_TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_STORE_TLS_OPTIONS = (*_STORE_TLS_FILES, "ssl_check_hostname", "ssl_cert_reqs")
_SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")
_HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+)(:\d{1,5})?")
_ARCHIVE_SCHEMES = ("s3", "gs", "az", "file")
_HTTP_SCHEMES = ("http://", "https://")
_PATH_OF_CALLS = re.compile(r"(/chat/completions|/messages|/models/[^/]*:generateContent)/?$")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 section 5.6.2
_CALLBACK_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_NO_VARIABLE = "expected the name of a variable, which has letters, digits and '_' alone"  # it may be the secret itself
_NO_HOST = "expected HOST or HOST:PORT after the //"
_OWN_HEADERS = ("connection", "content-length", "content-type", "host", "transfer-encoding")  # of the HTTP client


def provider_problems(providers: dict[str, ProviderSection]) -> Iterator[str]:
    """Checks the name, the address, the key and the connection of each provider."""
    for name, section in providers.items():
        at = f"providers.{name}"
        if not _is(Name, name):
            yield f"{at}: a provider's name is letters, digits, '.', '_' and '-'"
        if name in KINDS and KINDS[name].is_built_in and section.kind != name:
            yield f"{at}.kind: the name {name} is kept for the kind {name}"
        if section.api_key_env and not is_variable(section.api_key_env):
            yield f"{at}.api_key_env: {_NO_VARIABLE}"
        if section.api_key_env and section.api_key_file:
            yield f"{at}: give api_key_env or api_key_file, not both"
        yield from (f"{at}.base_url: {problem}" for problem in _address_problems(section))
        yield from (f"{at}.{problem}" for problem in _connection_problems(section))


def _address_problems(section: ProviderSection) -> Iterator[str]:
    kind = KINDS[section.kind]
    if not section.base_url and not kind.base_url and not kind.is_built_in:
        yield f"missing: the kind {section.kind} has no usual address"
    yield from _http_faults(section.base_url, "use api_key_env or api_key_file")
    if path := _PATH_OF_CALLS.search(section.base_url):
        yield f"leave out {path[1]}: each call adds it"
    if kind.base_url and not _VERSION.search(kind.base_url) and _VERSION.search(section.base_url.rstrip("/")):
        yield f"leave out the version: the calls of kind {section.kind} add it"


def _connection_problems(section: ProviderSection) -> Iterator[str]:
    if section.proxy and not section.proxy.startswith((*_HTTP_SCHEMES, FROM_VARIABLE)):
        yield f'proxy: expected an address that starts with {" or ".join(_HTTP_SCHEMES)}, or "env:VARIABLE"'
    elif section.proxy and section.proxy.startswith(_HTTP_SCHEMES) and not _has_host(section.proxy):
        yield f"proxy: {_NO_HOST}"
    if section.client_key_file and not section.client_cert_file:
        yield "client_key_file: give client_cert_file too"
    for name, value in section.headers.items():
        if not _HEADER_NAME.fullmatch(name):
            yield f"headers.{name}: not a header's name"
        if name.lower() in _OWN_HEADERS:
            yield f"headers.{name}: set by each call itself"
        if not value.isascii() or not value.isprintable():
            yield f"headers.{name}: a header's value is printable ASCII"
    for table, values in (
        ("", {"proxy": section.proxy or ""}),
        ("headers.", section.headers),
        ("query.", section.query),
    ):
        for name, value in values.items():
            if value.startswith(FROM_VARIABLE) and not is_variable(value.removeprefix(FROM_VARIABLE)):
                yield f'{table}{name}: after "{FROM_VARIABLE}": {_NO_VARIABLE}'


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
    """Checks that the service is not open to other machines, and that no two keys have one name or one hash."""
    if not raw.get("keys") and not _is_loopback(read.server.host):
        yield f"server.host: {read.server.host} can be reached from outside: add [[keys]] or use 127.0.0.1"
    names = [key.name for key in read.keys]
    for name in sorted(set(names)):
        if names.count(name) > 1:
            yield f"keys: the name {name} is used twice"
    first: dict[str, str] = {}
    for key in read.keys:
        if first.setdefault(key.sha256, key.name) != key.name:  # whose jobs and budget would requests be?
            yield f"keys: {first[key.sha256]} and {key.name} have the same sha256"


def store_problems(read: SettingsFile) -> Iterator[str]:
    """Checks the scheme of the store's address, and that no key can be of two installations."""
    prefix = read.store.prefix
    if prefix and not _STORE_PREFIX.fullmatch(prefix):
        yield "store.prefix: expected letters, digits, '_', '-', '.' and ':', with ':' at the end, such as staging:"
    if any(kept in f":{prefix}" for kept in _KEPT_PREFIXES):
        yield f"store.prefix: {prefix} would be mixed up with the keys of an installation without a prefix"
    if read.store.redis_url is not None:
        yield from (f"store.redis_url: {problem}" for problem in _store_url_problems(read.store.redis_url))


def _store_url_problems(url: str) -> Iterator[str]:
    """Checks the parts of the store's address. No line shows a part that may have a password in it."""
    if not url.startswith(_REDIS_SCHEMES):
        yield f"expected an address that starts with {', '.join(_REDIS_SCHEMES)}"
        return
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that are not those of an IPv6 address
        yield _NO_HOST
        return
    if "@" in parts.path + parts.query + parts.fragment:
        yield "write special characters of a user or password percent-encoded, such as %2F for / and %40 for @"
        return
    is_sentinel = parts.scheme.endswith("sentinel")
    hosts = parts.netloc.rpartition("@")[2].split(",") if parts.netloc else []
    if not all(map(_is_host, hosts)) or (len(hosts) > 1 and not is_sentinel):
        yield "expected HOST or HOST:PORT after the //, or several for Sentinels, with commas"
    if parts.scheme in ("redis", "rediss") and not re.fullmatch(r"/?\d*", parts.path):
        yield "expected the number of a database after the host, such as /0"
    if is_sentinel and not re.fullmatch(r"/[^/]+(/\d*)?", parts.path):
        yield "expected the name of the primary after the Sentinels: redis+sentinel://HOST:PORT,HOST:PORT/NAME"
    known = (
        *_STORE_OPTIONS,
        *(_STORE_TLS_OPTIONS if parts.scheme.startswith("rediss") else ()),
        *(_SENTINEL_OPTIONS if is_sentinel else ()),
    )
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in known:
            yield f"unknown option {name} of {parts.scheme}://, did you mean {nearest(name, known)}?"
        elif name == "db" and not re.fullmatch(r"\d+", value):
            yield "db: expected the number of a database"
        elif name == "ssl_cert_reqs" and value not in ("none", "optional", "required"):
            yield "ssl_cert_reqs: expected none, optional or required"
        elif name in _STORE_TLS_FILES and not Path(value).is_file():
            yield f"{name}: there is no file {value}"


def _is_host(text: str) -> bool:
    found = _HOST_AND_PORT.fullmatch(text)
    return found is not None and 0 < int((found[2] or ":1")[1:]) < 65_536


def archive_problems(read: SettingsFile) -> Iterator[str]:
    """Checks the place of the archive, and that the packages that write it are installed."""
    url = read.archive.url
    if not url:
        return
    scheme, has_scheme, rest = url.partition("://")
    if (has_scheme and scheme not in _ARCHIVE_SCHEMES) or re.match(rf"({'|'.join(_ARCHIVE_SCHEMES)}):(?!//)", url):
        starts = ", ".join(f"{each}://" for each in _ARCHIVE_SCHEMES)
        yield f"archive.url: expected a folder, or an address that starts with {starts}"
    elif has_scheme and scheme != "file" and re.match(r"/|$", rest):
        yield f"archive.url: expected the name of a bucket after {scheme}://"
    if has_password(url) or (has_scheme and re.search("[@?#]", rest)):
        yield "archive.url: a password is not written here: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead"
    yield from _http_problems("archive.endpoint", read.archive.endpoint, "set AWS_SECRET_ACCESS_KEY instead")
    missing = [name for name in ("obstore", "pyarrow") if find_spec(name) is None]
    if missing:
        yield f"archive.url: {' and '.join(missing)} can't be imported: pip install 'judged[archive]'"


def telemetry_problems(read: SettingsFile) -> Iterator[str]:
    """Checks the address of the collector."""
    yield from _http_problems("telemetry.endpoint", read.telemetry.endpoint, "use OTEL_EXPORTER_OTLP_HEADERS")


def callback_host_problems(read: SettingsFile) -> Iterator[str]:
    """Checks that each host can be that of an address: one with a scheme, a port or a path never is."""
    for number, host in enumerate(read.server.callback_hosts):
        if not (_is_network(host) or _CALLBACK_NAME.fullmatch(host)):
            yield f"server.callback_hosts[{number}]: expected a name, an address or a network, such as 10.0.0.0/8"


def page_problems(read: SettingsFile) -> Iterator[str]:
    """Checks the address that the pages link to."""
    yield from _http_problems("server.grafana_url", read.server.grafana_url, "the pages show the address")


def _http_problems(at: str, address: str, why_no_password: str) -> Iterator[str]:
    yield from (f"{at}: {fault}" for fault in _http_faults(address, why_no_password))


def _http_faults(address: str, why_no_password: str) -> Iterator[str]:
    if not address:
        return
    if not address.startswith(_HTTP_SCHEMES):
        yield f"expected an address that starts with {' or '.join(_HTTP_SCHEMES)}"
    elif not _has_host(address):
        yield _NO_HOST
    if has_password(address):
        yield f"a password is not written here: {why_no_password}"


def _has_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0 and not re.search(r"\s", address)
    except ValueError:  # a port that is none, or brackets that are not those of an IPv6 address
        return False


def default_model_problems(read: SettingsFile, raw: dict[str, Any]) -> Iterator[str]:
    """Checks that providers have the default models; `judged up` may add others, and more if none is configured."""
    known = raw.get("providers", {})
    if not isinstance(known, dict):
        return
    added = {LOCAL, *(name for name, kind in KINDS.items() if kind.is_built_in)} if known else {LOCAL, OLLAMA, *KINDS}
    for model in read.defaults.models:
        name = model.partition("/")[0]
        kind = read.providers[name].kind if name in read.providers else name
        if kind in KINDS and (problem := unknown_model(kind, model)):
            yield f"defaults.models: {problem}"
        elif name not in {*known, *added}:
            yield f"defaults.models: {model}: there is no [providers.{name}]"


def _is(kind: Any, text: str) -> bool:
    try:
        msgspec.convert(text, kind)
    except msgspec.ValidationError:
        return False
    return True


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
