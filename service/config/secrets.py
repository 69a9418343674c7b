"""Secrets: text that is never shown, the ways to name one, and the refusal of one that is written in the file."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

FROM_VARIABLE = "env:"  # "env:AZURE_KEY" stands for the content of the variable AZURE_KEY

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_NAMES = re.compile(r"auth|cookie|token|secret|password|credential|(^|[-_])(api[-_]?)?(key|sig)$", re.IGNORECASE)
_QUERY_PASSWORD = re.compile(r"(?<=[?&])((?:sentinel_)?password=)[^&#]*", re.IGNORECASE)


class Secret(str):
    """Text that `repr` does not show and msgspec does not encode, so that it reaches no log and no answer.

    `source` is how the configuration names it, such as "env:AZURE_KEY"; that may be shown.
    """

    __slots__ = ("source",)
    source: str

    def __new__(cls, text: str, source: str = "") -> Self:
        secret = super().__new__(cls, text)
        secret.source = source
        return secret

    def __repr__(self) -> str:
        return "Secret(***)"


class MissingSecret(str):
    """A problem of the configuration: a secret that it names is not there."""

    __slots__ = ()


def take_literal_secrets(raw: dict[str, Any]) -> Iterator[str]:
    """Yields a line for each secret that is written in the file, and removes it from `raw` so that nothing shows it."""
    providers = raw.get("providers")
    for name, section in providers.items() if isinstance(providers, dict) else ():
        if isinstance(section, dict):
            yield from _take_from_provider(f"providers.{name}", section)
    store = raw.get("store")
    if isinstance(store, dict) and has_password(store.get("redis_url")):
        del store["redis_url"]
        yield "store.redis_url: a password is not written here: set JUDGED_REDIS_URL instead"


def _take_from_provider(at: str, section: dict[str, Any]) -> Iterator[str]:
    if section.pop("api_key", None) is not None:
        yield (
            f"{at}.api_key: a secret is not written here:"
            " name its variable in api_key_env, or a file that holds it in api_key_file"
        )
    if has_password(section.get("proxy")):
        del section["proxy"]
        yield f'{at}.proxy: a password is not written here: write "env:" and the name of a variable'
    for table in ("headers", "query"):
        values: Any = section.get(table)
        for key in list(values) if isinstance(values, dict) else ():
            if _SECRET_NAMES.search(key) and not str(values[key]).startswith(FROM_VARIABLE):
                del values[key]
                yield f'{at}.{table}.{key}: a secret is not written here: write "env:" and the name of a variable'


def has_password(url: object) -> bool:
    """Returns whether a value is an address with a password in it."""
    try:
        return isinstance(url, str) and (urlsplit(url).password is not None or bool(_QUERY_PASSWORD.search(url)))
    except ValueError:  # no address at all: another check reports that
        return False


def without_password(url: str) -> str:
    """Returns an address as it may be shown, with *** in place of its passwords.

    What is before the last @ counts as user and password, even if it has characters that no address may have there.
    """
    scheme, _, rest = url.partition("://")
    user, at, host = rest.rpartition("@")
    if at and ":" in user:
        url = f"{scheme}://{user.partition(':')[0]}:***@{host}"
    return _QUERY_PASSWORD.sub(r"\1***", url)


def is_variable(name: str) -> bool:
    """Returns whether a text can be the name of a variable."""
    return bool(_VARIABLE.fullmatch(name))


def variables_named(values: Mapping[str, str]) -> list[str]:
    """Returns the variables that the values of a table name as "env:VARIABLE"."""
    return [text.removeprefix(FROM_VARIABLE) for text in values.values() if text.startswith(FROM_VARIABLE)]


def resolved_text(at: str, text: str, environ: Mapping[str, str], problems: list[str]) -> str:
    """Returns a text as it is used: the variable's content if it names one, as a Secret. `at` is its place."""
    if not text.startswith(FROM_VARIABLE):
        return text
    variable = text.removeprefix(FROM_VARIABLE)
    if not is_variable(variable):  # a problem that `checks.provider_problems` reports, without showing it
        return Secret("", FROM_VARIABLE)
    place, content = f"{at}: the variable {variable}", environ.get(variable, "").strip()
    problems.extend(secret_problems(place, content, "is not set"))
    return Secret(content, text)


def secret_problems(place: str, text: str, missing: str) -> Iterator[str]:
    """Yields a line, which does not show the secret, if there is none or if it can't be sent in a header."""
    if not text:
        yield MissingSecret(f"{place} {missing}")
    elif not text.isascii() or not text.isprintable():
        yield f"{place} has line ends or characters outside ASCII, which no key has"


def content_of(file: str) -> str:
    """Returns the text of a file; "" if it can't be read."""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""
