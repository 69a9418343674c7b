"""Settings written as TOML: those in force, and the example file, both from the structs of `sections.py`."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

import msgspec

from service.config.environment import PROVIDERS, variable_of
from service.config.secrets import Secret, without_password
from service.config.sections import ProviderSection, SettingsFile
from service.config.settings import Settings
from service.config.strict import metas_of

_COMMENT_COLUMN = 34
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_IF_EMPTY = {
    "providers": "[providers]\n# none: `judged up` looks for some",
    "prices": "[prices]\n# none of your own: models cost their list prices",
    "keys": "# [[keys]]: none: open, on this machine alone",
}
_HEAD = """\
# Every setting, with its default or an example. `judged check-config --config FILE` reports the problems of yours.
#
# The file is the one that --config names, else JUDGED_CONFIG, else ./judged.toml. The environment variable beside a
# setting overrides it. Relative paths are relative to the folder in which the command is started.
#
# A model is written "<provider>/<model>", as in "openai/gpt-6-luna"."""
_FOOT_OF_PROVIDERS = f"""\
# {PROVIDERS} adds providers without a file, as a JSON object; each replaces the file's of the same name:
# {PROVIDERS}='{{"anthropic": {{"kind": "anthropic"}}}}'"""
_EXAMPLES = {"providers": ("openai", "vllm"), "prices": ("vllm/my-model",)}
_OF_OWN_SERVERS = {"api_key_file", "proxy", "ca_file", "client_cert_file", "client_key_file", "headers", "query"}


def settings_in_force(settings: Settings) -> Iterator[str]:
    """Yields the lines of a file with these settings, every section of them. No line holds a secret."""
    for section in file_sections():
        value = getattr(settings, section.name)
        if not value:
            yield f"{_IF_EMPTY[section.name]}\n"
        for title, struct, values in _tables(section, value):
            yield title
            for field in msgspec.structs.fields(struct):
                shown = getattr(values, field.name)
                empty = shown in (None, "") or shown == {}
                yield f"# {field.name}: not set" if empty else f"{field.name} = {toml_value(shown)}"
            yield ""


def file_sections() -> list[msgspec.structs.FieldInfo]:
    """Returns the sections of the file in the order in which people write them: the providers come first."""
    return sorted(msgspec.structs.fields(SettingsFile), key=lambda each: each.name != "providers")


def _tables(section: msgspec.structs.FieldInfo, value: Any) -> Iterator[tuple[str, type[msgspec.Struct], Any]]:
    """Each table of a section: its title, the struct that lists its fields, and its values."""
    arguments = get_args(section.type)
    if get_origin(section.type) is dict:
        for name, each in value.items():
            yield f"[{section.name}.{_key(name)}]", arguments[1], each
    elif get_origin(section.type) is tuple:
        for each in value:
            yield f"[[{section.name}]]", arguments[0], each
    else:
        yield f"[{section.name}]", section.type, value


def toml_value(value: Any) -> str:
    """Returns a value as TOML; in place of a secret, the name of its variable or the address without a password."""
    if isinstance(value, Secret):
        return json.dumps(value.source or without_password(value))
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(key)} = {toml_value(each)}" for key, each in value.items())
        return f"{{ {pairs} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(each) for each in value)}]"
    return json.dumps(value)


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else json.dumps(name)


def example_file() -> str:
    """Returns the text of `deploy/judged.example.toml`."""
    parts = [_HEAD]
    for section in file_sections():
        parts += ["\n".join(lines) for lines in _example_tables(section)]
        if section.name == "providers":
            parts.append(_FOOT_OF_PROVIDERS)
    return "\n\n".join(parts) + "\n"


def _example_tables(section: msgspec.structs.FieldInfo) -> Iterator[list[str]]:
    arguments = get_args(section.type)
    if get_origin(section.type) is dict:
        for number, name in enumerate(_EXAMPLES[section.name]):
            yield [f"[{section.name}.{_key(name)}]", *_example_lines(section.name, arguments[1], number)]
    elif get_origin(section.type) is tuple:
        yield [f"[[{section.name}]]", *_example_lines(section.name, arguments[0], 0)]
    else:
        yield [f"[{section.name}]", *_example_lines(section.name, section.type, 0)]


def _example_lines(section: str, struct: type[msgspec.Struct], number: int) -> Iterator[str]:
    """A line for each field that this example of the section shows."""
    is_overridable = struct in [each.type for each in file_sections()]
    for field in msgspec.structs.fields(struct):
        examples = examples_of(field)
        if struct is ProviderSection and not _is_shown(field.name, len(examples), number):
            continue
        value = examples[min(number, len(examples) - 1)] if examples else default_of(field)
        line = f"{field.name} = {toml_value(value)}"
        variable = f"{variable_of(section, field.name)}: " if is_overridable else ""
        yield f"{line:<{_COMMENT_COLUMN - 2}}  # {variable}{setting_description(field)}"


def _is_shown(field: str, examples: int, number: int) -> bool:
    """Whether an example of a provider shows a field: the second has those that the first has no use for."""
    return field not in _OF_OWN_SERVERS if number == 0 else field in _OF_OWN_SERVERS or examples > 1


def setting_description(field: msgspec.structs.FieldInfo) -> str:
    """Returns the description of a setting. Raises LookupError if it has none."""
    found = [meta.description for meta in metas_of(field.type) if meta.description]
    if not found:
        raise LookupError(f"the setting {field.name} has no description: add about(...) to its type")
    return found[0]


def examples_of(field: msgspec.structs.FieldInfo) -> list[Any]:
    """Returns the examples of a setting, which stand in place of its default."""
    return next((meta.examples for meta in metas_of(field.type) if meta.examples), [])


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    """Returns the default of a setting; NODEFAULT if it has none."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default
