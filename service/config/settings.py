"""The settings of the service and the workers: a TOML file, overridden by `JUDGED_*` environment variables."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from service.config import checks
from service.config.environment import add_providers, override, unknown_variables
from service.config.kinds import KINDS, unknown_model
from service.config.secrets import (
    MissingSecret,
    Secret,
    content_of,
    is_variable,
    resolved_text,
    secret_problems,
    take_literal_secrets,
    variables_named,
    without_password,
)
from service.config.sections import (
    AnchorSettings,
    ArchiveSettings,
    DefaultSettings,
    KeySettings,
    LogSettings,
    PriceSettings,
    ProviderSection,
    ProviderSettings,
    Scope,
    Sections,
    ServerSettings,
    SettingsFile,
    StoreSettings,
    TelemetrySettings,
    WorkerSettings,
)
from service.config.strict import read_struct

__all__ = [
    "AnchorSettings",
    "ArchiveSettings",
    "DefaultSettings",
    "KeySettings",
    "LogSettings",
    "PriceSettings",
    "ProviderSettings",
    "Scope",
    "Secret",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "StoreSettings",
    "TelemetrySettings",
    "WorkerSettings",
    "file_read",
    "load_settings",
    "without_password",
]

DEFAULT_FILE = "judged.toml"


class SettingsError(Exception):
    """The configuration can't be used; `problems` has one line for each problem.

    If `lacks_secrets_only`, it can be used once its secrets are there.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.lacks_secrets_only = all(isinstance(problem, MissingSecret) for problem in problems)


class Settings(Sections, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All settings, checked, with the secrets of the providers looked up."""

    providers: dict[str, ProviderSettings] = msgspec.field(default_factory=dict)

    @property
    def default_models(self) -> tuple[str, ...]:
        """The models asked if neither the job nor the judge names any; empty if none is set."""
        return self.defaults.models

    @property
    def all_providers(self) -> dict[str, ProviderSettings]:
        """The configured providers, and the built-in ones, which need no section."""
        built_in = {name: ProviderSettings(kind=name) for name, kind in KINDS.items() if kind.is_built_in}
        return {**built_in, **self.providers}

    def provider_of(self, model: str) -> ProviderSettings | None:
        """Returns the provider of `provider/model`; None if it is not configured."""
        name = model.partition("/")[0]
        if name in self.providers:
            return self.providers[name]
        return self.all_providers.get(name)

    def model_fault(self, model: str) -> str | None:
        """Returns why `provider/model` can't be asked, None if its provider is configured and may have it."""
        provider = self.provider_of(model)
        if provider is None:
            named, known = model.partition("/")[0], ", ".join(sorted(self.all_providers))
            return f"no provider {named!r} is configured ({known})"
        return unknown_model(provider.kind, model)


def load_settings(config_path: str | None, environ: Mapping[str, str], *, resolve_keys: bool = True) -> Settings:
    """Returns the settings. Raises SettingsError with every problem.

    `resolve_keys=False` does not look up the secrets and files of providers: the API calls no provider, needs none.
    """
    problems: list[str] = []
    raw = _file_content(config_path, environ, problems)
    add_providers(raw, environ, problems)
    _name_obvious_kinds(raw)
    problems += take_literal_secrets(raw)
    override(SettingsFile, raw, environ, problems)
    read = read_struct(SettingsFile, raw, "", problems) or SettingsFile()
    problems += unknown_variables(SettingsFile, environ, _variables_named(read))
    problems += [*checks.provider_problems(read.providers), *checks.access_problems(read, raw)]
    problems += [*checks.store_problems(read), *checks.price_problems(read)]
    problems += [
        *checks.page_problems(read),
        *checks.callback_host_problems(read),
        *checks.default_model_problems(read, raw),
        *checks.telemetry_problems(read),
        *checks.archive_problems(read),
    ]
    providers = {
        name: _resolved(f"providers.{name}", _with_defaults(section), environ if resolve_keys else None, problems)
        for name, section in read.providers.items()
    }
    if problems:
        raise SettingsError(problems)
    return Settings(**{**msgspec.structs.asdict(read), "providers": providers})


def file_read(config_path: str | None, environ: Mapping[str, str]) -> Path | None:
    """Returns the file that `load_settings` reads; None if there is none."""
    path = Path(_named_file(config_path, environ) or DEFAULT_FILE)
    return path if path.exists() else None


def _named_file(config_path: str | None, environ: Mapping[str, str]) -> str | None:
    return config_path or environ.get("JUDGED_CONFIG")


def _file_content(config_path: str | None, environ: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    """The tables of the file; empty if there is no file to read and none was asked for."""
    named = _named_file(config_path, environ)
    path = Path(named or DEFAULT_FILE)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        if named:
            problems.append(f"{path}: no such file")
    except OSError as error:
        problems.append(f"{path}: {(error.strerror or str(error)).lower()}")
    except ValueError as error:  # TOML that can't be parsed, or bytes that are not UTF-8
        problems.append(f"{path}: not valid TOML: {error}")
    return {}


def _name_obvious_kinds(raw: dict[str, Any]) -> None:
    """A provider whose name is a kind need not give its kind."""
    providers = raw.get("providers")
    for name, section in providers.items() if isinstance(providers, dict) else ():
        if name in KINDS and not KINDS[name].is_built_in and isinstance(section, dict):
            section.setdefault("kind", name)


def _variables_named(read: SettingsFile) -> Iterator[str | None]:
    """The variables from which providers take their secrets: these may have any name."""
    for section in read.providers.values():
        yield section.api_key_env
        for table in ({"proxy": section.proxy or ""}, section.headers, section.query):
            yield from variables_named(table)


def _with_defaults(section: ProviderSection) -> ProviderSection:
    """Fills in the vendor's address and, at that address alone, the usual variable of its key."""
    kind = KINDS[section.kind]
    base_url = (section.base_url or kind.base_url).rstrip("/")
    variable = section.api_key_env
    if not variable and not section.api_key_file and base_url == kind.base_url:
        variable = kind.key_variable or None
    return msgspec.structs.replace(section, base_url=base_url, api_key_env=variable)


def _resolved(
    at: str, section: ProviderSection, environ: Mapping[str, str] | None, problems: list[str]
) -> ProviderSettings:
    """The provider with its secrets in their places; with no environment, as it is written."""
    fields = msgspec.structs.asdict(section)
    if environ is None:
        return ProviderSettings(**fields)
    problems += checks.file_problems(at, section)
    for name in ("headers", "query"):
        fields[name] = {
            key: resolved_text(f"{at}.{name}.{key}", value, environ, problems) for key, value in fields[name].items()
        }
    if section.proxy:
        fields["proxy"] = resolved_text(f"{at}.proxy", section.proxy, environ, problems)
    return ProviderSettings(**fields, api_key=_key(at, section, environ, problems))


def _key(at: str, section: ProviderSection, environ: Mapping[str, str], problems: list[str]) -> Secret | None:
    """The key itself; None if the provider needs none, and with a problem if it is missing."""
    if variable := section.api_key_env:
        if not is_variable(variable):  # a problem already; it may be the key itself
            return None
        place, missing = f"{at}.api_key_env: the variable {variable}", "is not set"
        key = Secret(environ.get(variable, "").strip(), f"env:{variable}")
    elif file := section.api_key_file:
        place, missing = f"{at}.api_key_file: the file {file}", "is empty or can't be read"
        key = Secret(content_of(file), file)
    else:
        return None
    problems.extend(secret_problems(place, key.replace(" ", "\n"), missing))  # a space is as wrong as a line end
    return key
