"""The reference of settings in the documentation.

Print it with `python -m service.config.reference > service/docs/reference-settings.md`.
"""

import inspect
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import msgspec

from service.config.environment import PROVIDERS, variable_of
from service.config.strict import bare_type
from service.config.toml_text import default_of, file_sections, setting_description, toml_value

_HEAD = f"""\
# Settings

The settings file is the one that `--config` names, else `JUDGED_CONFIG`, else `./judged.toml`. Without a file, the
defaults hold. An environment variable overrides the file. An unknown key or variable is an error that names the nearest
known one. `judged check-config` prints all problems, or the settings in force; `judged check-config --example` prints a
file with every setting.

Secrets are not written in the file. A key comes from a variable or a file that the settings name. A value of `headers`
or `query`, and `proxy`, may be `"env:VARIABLE"`: the content of that variable, which is then a secret.
`{PROVIDERS}` adds providers without a file, as a JSON object; each replaces the file's section of the same
name: `{PROVIDERS}='{{"anthropic": {{"kind": "anthropic"}}}}'`.
"""
_FOOT = """\
## Other variables

| variable | meaning |
|---|---|
| `JUDGED_CONFIG` | the settings file |
| `JUDGED_URL` | the service's address, for the commands that call it |
| `JUDGED_API_KEY` | the API key, for the same commands |
"""


def settings_reference() -> str:
    """Returns the text of `service/docs/reference-settings.md`."""
    return "\n".join([_HEAD, *("\n".join(_section(each)) + "\n" for each in file_sections()), _FOOT])


def _section(section: msgspec.structs.FieldInfo) -> Iterator[str]:
    is_plain = isinstance(section.type, type)
    struct = section.type if is_plain else get_args(section.type)[get_origin(section.type) is dict]
    title, _, text = " ".join((inspect.getdoc(struct) or "").split()).partition("`: ")
    yield f"## {title.rstrip('`')}`\n"
    if text:
        yield f"{text[0].upper()}{text[1:]}\n"
    yield "| setting | variable | default | meaning |" if is_plain else "| setting | default | meaning |"
    yield "|---|---|---|---|" if is_plain else "|---|---|---|"
    for field in msgspec.structs.fields(struct):
        variable = f" `{variable_of(section.name, field.name)}`{_commas(field.type)} |" if is_plain else ""
        meaning = setting_description(field).replace("|", "\\|")
        yield f"| `{field.name}` |{variable} {_default(field)} | {meaning} |"


def _commas(kind: Any) -> str:
    return " (with commas)" if get_origin(bare_type(kind)) is tuple else ""


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    default = default_of(field)
    return f"`{toml_value(default)}`" if default or default == 0 else "none"


if __name__ == "__main__":
    print(settings_reference(), end="")
