"""Own prompts: templates that are filled once, in a sandbox; the texts filled in are never expanded.

The engine is MiniJinja: it can't reach Python objects, files or other templates, and its fuel limits its work.
"""

from typing import Any, Literal, cast

import minijinja

from service.contracts.items import Item

_FUEL = 100_000  # instructions; a prompt of a thousand variables takes a few thousand
_VARIABLES = ("criterion", "instructions", "scale", "choices")
_FIELDS = ("input", "output", "context", "reference", "outputs", "metadata")

_engine = minijinja.Environment(
    undefined_behavior=cast("Literal['strict']", "semi_strict"),  # a missing variable may be tested, not printed
    fuel=_FUEL,
    debug=True,  # names the missing variable
    pycompat=False,
    keep_trailing_newline=True,
    auto_escape_callback=lambda name: False,
)


class TemplateError(Exception):
    """A template can't be filled; the message names the missing variable."""


def template_problem(source: str) -> str | None:
    """Returns the problem of a template, in its syntax or its variables; None if it has none."""
    try:
        names = _engine.undeclared_variables_in_str(source, nested=True)
    except minijinja.TemplateError as error:
        return _plain(error)
    unknown = sorted(name for name in names if not _is_known(name))
    if not unknown:
        return None
    known = ", ".join((*_VARIABLES, *(f"item.{field}" for field in _FIELDS)))
    return f"there is no variable {unknown[0]}; there are {known}"


def shows_item(source: str) -> bool:
    """Returns whether a template without problems has a variable of the item."""
    names = _engine.undeclared_variables_in_str(source, nested=True)
    return any(name.partition(".")[0] == "item" for name in names)


def _is_known(name: str) -> bool:
    first, _, rest = name.partition(".")
    if first != "item":
        return name in _VARIABLES
    return rest.partition(".")[0] in _FIELDS and (rest.startswith("metadata") or "." not in rest)


def fill(source: str, item: Item, **variables: str) -> str:
    """Returns the template with an item's texts in it, verbatim. Raises TemplateError if it needs a missing one."""
    fields: dict[str, Any] = {field: value for field in _FIELDS if (value := getattr(item, field)) is not None}
    try:
        return str(_engine.render_str(source, item=fields, **variables))
    except minijinja.TemplateError as error:
        raise TemplateError(_plain(error)) from error


def _plain(error: minijinja.TemplateError) -> str:
    """The first line of the engine's message, without the name that it gives to a template with none."""
    return str(error).splitlines()[0].replace("in <string>:", "in line ").strip()
