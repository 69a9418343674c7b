"""The `JUDGED_*` variables: which there are, and what they override."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_origin

import msgspec

from service.config.strict import nearest, read_value, was_read

PROVIDERS = "JUDGED_PROVIDERS"
PREFIX = "JUDGED_"

_SHORT = {
    ("store", "redis_url"): "JUDGED_REDIS_URL",
    ("store", "data"): "JUDGED_DATA",
    ("store", "results_keep_days"): "JUDGED_RESULTS_KEEP_DAYS",
    ("server", "host"): "JUDGED_HOST",
    ("server", "port"): "JUDGED_PORT",
    ("worker", "processes"): "JUDGED_WORKERS",
    ("defaults", "models"): "JUDGED_MODELS",
}
_ELSEWHERE = ("JUDGED_CONFIG", "JUDGED_URL", "JUDGED_API_KEY")  # the file's place, and what the clients read
_TESTS = "JUDGED_TEST_"


def variables(cls: type[msgspec.Struct]) -> dict[str, tuple[str, msgspec.structs.FieldInfo]]:
    """Each variable that sets one field, with its section: `JUDGED_<SECTION>_<FIELD>`, or a short name."""
    found = {}
    for section in msgspec.structs.fields(cls):
        if isinstance(section.type, type) and issubclass(section.type, msgspec.Struct):
            for field in msgspec.structs.fields(section.type):
                name = _SHORT.get((section.name, field.name), f"{PREFIX}{section.name}_{field.name}".upper())
                found[name] = (section.name, field)
    return found


def override(cls: type[msgspec.Struct], raw: dict[str, Any], environ: Mapping[str, str], problems: list[str]) -> None:
    """Puts what the environment sets over what the file says. An empty variable counts as not set."""
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
    if get_origin(kind) is tuple:
        return [word.strip() for word in text.split(",") if word.strip()]
    return text


def add_providers(raw: dict[str, Any], environ: Mapping[str, str], problems: list[str]) -> None:
    """`JUDGED_PROVIDERS` is a JSON object of sections, each of which replaces the file's of that name."""
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
    cls: type[msgspec.Struct], environ: Mapping[str, str], key_variables: Iterable[str | None]
) -> Iterator[str]:
    """One line for each `JUDGED_*` variable that sets nothing; a provider's key may have any name."""
    known = {*variables(cls), PROVIDERS, *_ELSEWHERE}
    ignored = known | set(key_variables)
    for name in sorted(environ):
        if name.startswith(PREFIX) and not name.startswith(_TESTS) and name not in ignored:
            yield f"{name}: unknown variable, did you mean {nearest(name, known)}?"
