"""The `JUDGED_*` variables and the settings that they override."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_origin

import msgspec

from service.config.strict import bare_type, read_value, was_read
from service.contracts.names import nearest

PROVIDERS = "JUDGED_PROVIDERS"

_PREFIX = "JUDGED_"
_SHORT = {
    ("store", "redis_url"): "JUDGED_REDIS_URL",
    ("store", "data"): "JUDGED_DATA",
    ("store", "results_keep_days"): "JUDGED_RESULTS_KEEP_DAYS",
    ("server", "host"): "JUDGED_HOST",
    ("server", "port"): "JUDGED_PORT",
    ("worker", "processes"): "JUDGED_WORKERS",
    ("defaults", "models"): "JUDGED_MODELS",
}
_ELSEWHERE = ("JUDGED_CONFIG", "JUDGED_URL", "JUDGED_API_KEY")  # the file's place, and settings of the clients
_TESTS = "JUDGED_TEST_"


def variable_of(section: str, field: str) -> str:
    """Returns the variable that sets a field: `JUDGED_<SECTION>_<FIELD>`, or a shorter name for the most used ones."""
    return _SHORT.get((section, field), f"{_PREFIX}{section}_{field}".upper())


def variables(cls: type[msgspec.Struct]) -> dict[str, tuple[str, msgspec.structs.FieldInfo]]:
    """Returns each variable that sets one field, with the section and the field."""
    found = {}
    for section in msgspec.structs.fields(cls):
        if isinstance(section.type, type) and issubclass(section.type, msgspec.Struct):
            for field in msgspec.structs.fields(section.type):
                found[variable_of(section.name, field.name)] = (section.name, field)
    return found


def override(cls: type[msgspec.Struct], raw: dict[str, Any], environ: Mapping[str, str], problems: list[str]) -> None:
    """Puts the values of the environment in place of those of the file. An empty variable counts as not set."""
    for name, (section, field) in variables(cls).items():
        text = environ.get(name, "").strip()
        if not text:
            continue
        value = read_value(field.type, _words(field.type, text), name, problems, strict=False)
        table = raw.setdefault(section, {})
        if was_read(value) and isinstance(table, dict):
            table[field.name] = msgspec.to_builtins(value, enc_hook=str)


def _words(kind: Any, text: str) -> str | list[str]:
    """A list is written with commas."""
    if get_origin(bare_type(kind)) is tuple:
        return [word.strip() for word in text.split(",") if word.strip()]
    return text


def add_providers(raw: dict[str, Any], environ: Mapping[str, str], problems: list[str]) -> None:
    """Adds `JUDGED_PROVIDERS`, a JSON object of sections, each of which replaces the file's of that name."""
    text = environ.get(PROVIDERS, "").strip()
    if not text:
        return
    try:
        sections = msgspec.json.decode(text, type=dict[str, dict[str, Any]])
    except msgspec.DecodeError:
        problems.append(f'{PROVIDERS}: expected a JSON object such as {{"mine": {{"kind": "openai"}}}}')
        return
    table = raw.setdefault("providers", {})
    if isinstance(table, dict):
        table.update(sections)


def unknown_variables(
    cls: type[msgspec.Struct], environ: Mapping[str, str], named: Iterable[str | None]
) -> Iterator[str]:
    """Yields a line for each `JUDGED_*` variable that sets nothing; `named` are those that the settings name."""
    known = {*variables(cls), PROVIDERS, *_ELSEWHERE}
    ignored = known | set(named)
    for name in sorted(environ):
        if name.startswith(_PREFIX) and not name.startswith(_TESTS) and name not in ignored:
            yield f"{name}: unknown variable, did you mean {nearest(name, known)}?"
