"""What the service and the workers are told: a TOML file, overridden by `JUDGED_*` environment variables."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from service.config.checks import (
    access_problems,
    model_problems,
    provider_problems,
    store_problems,
    take_literal_secrets,
)
from service.config.environment import add_providers, override, unknown_variables
from service.config.sections import (
    DefaultSettings,
    KeySettings,
    LogSettings,
    ProviderSection,
    ProviderSettings,
    Scope,
    Secret,
    Sections,
    ServerSettings,
    SettingsFile,
    StoreSettings,
    WorkerSettings,
)
from service.config.strict import read_struct

__all__ = [
    "DefaultSettings",
    "KeySettings",
    "LogSettings",
    "ProviderSettings",
    "Scope",
    "Secret",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "StoreSettings",
    "WorkerSettings",
    "load_settings",
    "without_password",
]

DEFAULT_FILE = "judged.toml"
BASE_URLS = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com",
}
KEY_VARIABLES = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "gemini": "GEMINI_API_KEY"}

_CONTROL = ProviderSettings(kind="control")


class SettingsError(Exception):
    """The configuration can't be used; `problems` has one line for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(Sections, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that is set, checked, with the providers' keys looked up."""

    providers: dict[str, ProviderSettings] = msgspec.field(default_factory=dict)

    @property
    def default_models(self) -> tuple[str, ...]:
        """The models asked where neither the job nor the judge names any; empty where none is set."""
        return self.defaults.models

    @property
    def all_providers(self) -> dict[str, ProviderSettings]:
        """The configured ones and the control baselines, which need no section."""
        return {"control": _CONTROL, **self.providers}

    def provider_of(self, model: str) -> ProviderSettings | None:
        """Who answers for `provider/model`; None where that provider is not configured."""
        return self.all_providers.get(model.partition("/")[0])


def load_settings(config_path: str | None, environ: Mapping[str, str], *, resolve_keys: bool = True) -> Settings:
    """Raises SettingsError with everything that is wrong.

    `resolve_keys=False` leaves the providers' keys where they are: the API calls no provider and needs none.
    """
    problems: list[str] = []
    raw = _file_content(config_path, environ, problems)
    add_providers(raw, environ, problems)
    _name_obvious_kinds(raw)
    problems += take_literal_secrets(raw)
    override(SettingsFile, raw, environ, problems)
    read = read_struct(SettingsFile, raw, "", problems) or SettingsFile()
    key_variables = [section.api_key_env for section in read.providers.values()]
    problems += unknown_variables(SettingsFile, environ, key_variables)
    problems += [*provider_problems(read.providers), *access_problems(read, raw)]
    problems += [*store_problems(read), *model_problems(read, raw)]
    sections = {name: _with_defaults(section) for name, section in read.providers.items()}
    keys = {name: _key(name, sections[name], environ, problems) for name in sections if resolve_keys}
    if problems:
        raise SettingsError(problems)
    providers = {
        name: ProviderSettings(**msgspec.structs.asdict(section), api_key=keys.get(name))
        for name, section in sections.items()
    }
    return Settings(**{**msgspec.structs.asdict(read), "providers": providers})


def without_password(url: str) -> str:
    """An address as it may be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return parts._replace(netloc=f"{parts.username}:***@{parts.netloc.rpartition('@')[2]}").geturl()


def _file_content(config_path: str | None, environ: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    """The file's tables; empty where there is no file to read and none was asked for."""
    named = config_path or environ.get("JUDGED_CONFIG")
    path = Path(named or DEFAULT_FILE)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if named:
            problems.append(f"{path}: no such file")
    except OSError as error:
        problems.append(f"{path}: {(error.strerror or str(error)).lower()}")
    except ValueError as error:  # TOML that can't be parsed, or bytes that are not UTF-8
        problems.append(f"{path}: not valid TOML: {error}")
    return {}


def _name_obvious_kinds(raw: dict[str, Any]) -> None:
    """A provider that is named as its kind need not say it again."""
    providers = raw.get("providers")
    for name, section in providers.items() if isinstance(providers, dict) else ():
        if name in BASE_URLS and isinstance(section, dict):
            section.setdefault("kind", name)


def _with_defaults(section: ProviderSection) -> ProviderSection:
    """Fills in the vendor's address and, at that address alone, the usual variable of its key."""
    vendors_own = BASE_URLS.get(section.kind, "")
    base_url = (section.base_url or vendors_own).rstrip("/")
    variable = section.api_key_env
    if not variable and not section.api_key_file and base_url == vendors_own:
        variable = KEY_VARIABLES.get(section.kind)
    return msgspec.structs.replace(section, base_url=base_url, api_key_env=variable)


def _key(name: str, section: ProviderSection, environ: Mapping[str, str], problems: list[str]) -> Secret | None:
    """The key itself; None where the provider needs none, and with a problem where it is missing."""
    if section.api_key_env:
        place = f"providers.{name}.api_key_env: the variable {section.api_key_env}"
        text = environ.get(section.api_key_env, "").strip()
    elif section.api_key_file:
        place = f"providers.{name}.api_key_file: the file {section.api_key_file}"
        text = _content(section.api_key_file)
    else:
        return None
    if not text:
        problems.append(f"{place} is not set" if section.api_key_env else f"{place} is empty or can't be read")
    elif not text.isascii() or not text.isprintable() or " " in text:
        problems.append(f"{place} holds something that is no key")
    return Secret(text)


def _content(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""
