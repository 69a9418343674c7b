"""Own prompts: templates that are filled once, in a sandbox, and whose fillings are never expanded.

The engine is MiniJinja: it reaches no Python object, no file and no other template, and its fuel bounds its work.
"""

from typing import Any, Literal, cast

import minijinja

from service.contracts.items import Item

_FUEL = 100_000  # instructions; a prompt of a thousand variables takes a few thousand
_VARIABLES = ("criterion", "instructions", "scale", "choices")
_FIELDS = ("input", "output", "context", "reference", "outputs", "metadata")

_engine = minijinja.Environment(
    undefined_behavior=cast("Literal['strict']", "semi_strict"),  # what is missing may be tested, not printed
    fuel=_FUEL,
    debug=True,  # names what is missing
    pycompat=False,
    keep_trailing_newline=True,
    auto_escape_callback=lambda name: False,
)


class TemplateError(Exception):
    """A template can't be filled; the message says what is missing."""


def template_problem(source: str) -> str | None:
    """What makes a template unusable: its syntax, or a variable that there is not."""
    try:
        names = _engine.undeclared_variables_in_str(source, nested=True)
    except minijinja.TemplateError as error:
        return _plain(error)
    unknown = sorted(name for name in names if not _is_known(name))
    if not unknown:
        return None
    known = ", ".join((*_VARIABLES, *(f"item.{field}" for field in _FIELDS)))
    return f"there is no variable {unknown[0]}; there are {known}"


def _is_known(name: str) -> bool:
    first, _, rest = name.partition(".")
    if first != "item":
        return name in _VARIABLES
    return rest.partition(".")[0] in _FIELDS and (rest.startswith("metadata") or "." not in rest)


def fill(source: str, item: Item, **variables: str) -> str:
    """The template with an item's texts in it, verbatim. Raises TemplateError where it needs one that is missing."""
    fields: dict[str, Any] = {field: value for field in _FIELDS if (value := getattr(item, field)) is not None}
    try:
        return str(_engine.render_str(source, item=fields, **variables))
    except minijinja.TemplateError as error:
        raise TemplateError(_plain(error)) from error


def _plain(error: minijinja.TemplateError) -> str:
    """The first line of the engine's message, without the name that it gives to a template with none."""
    return str(error).splitlines()[0].replace("in <string>:", "in line ").strip()
