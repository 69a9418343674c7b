"""Own prompts: templates that are filled once, in a sandbox; the texts filled in are never expanded.

The engine is MiniJinja: it can't reach Python objects, files or other templates, and its fuel limits its work.
"""

import re
from functools import cache, lru_cache, reduce
from typing import TYPE_CHECKING, Any, Literal, cast

from service.contracts.items import TEXT_FIELDS, Item
from service.contracts.refusals import pointer_to
from service.judging.template_limits import FILTERS_LEFT_OUT, filters_and_tests, limits_problem

if TYPE_CHECKING:  # 2 MB, which a worker takes only for judges with own prompts
    import minijinja

_FUEL = 100_000  # instructions, or 64 bytes of text each; a prompt of a thousand variables takes a few thousand
_OUT_OF_FUEL = "OutOfFuel"
_TOO_LONG = f"it takes too many steps, or the filled prompt is longer than {_FUEL * 64 // 1_000_000} MB"
_VARIABLES = ("criterion", "instructions", "scale", "choices")
_FIELDS = (*TEXT_FIELDS, "outputs", "metadata")


_MISSING = re.compile(r"`item(?P<path>(?:\.\w+|\[[^\]]{1,200}\])+)` is undefined")
_STEP = re.compile(r"\.(\w+)|\[['\"]?(.*?)['\"]?\]")


class TemplateError(Exception):
    """A template can't be filled; the message names the missing variable.

    `pointer` is the place in the item at which it would stand, empty if it is no part of the item.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        missing = _MISSING.search(message)
        steps = (step[1] or step[2] for step in _STEP.finditer(missing["path"])) if missing else ()
        self.pointer = reduce(pointer_to, steps, "")


@cache
def _engine() -> "minijinja.Environment":
    import minijinja

    engine = minijinja.Environment(
        undefined_behavior=cast("Literal['strict']", "semi_strict"),  # a missing variable may be tested, not printed
        fuel=_FUEL,
        debug=True,  # names the missing variable
        pycompat=False,
        keep_trailing_newline=True,
        auto_escape_callback=lambda name: False,
    )
    for name in FILTERS_LEFT_OUT:
        engine.remove_filter(name)
    return engine


def template_problem(source: str) -> str | None:
    """Returns the problem of a template, in its size, its syntax or its variables; None if it has none."""
    import minijinja

    if (problem := limits_problem(source)) is not None:
        return problem
    try:
        names = _engine().undeclared_variables_in_str(source, nested=True)
    except minijinja.TemplateError as error:
        return _plain(error)
    unknown = sorted(name for name in names if not _is_known(name))
    if not unknown:
        return _unavailable(source)
    known = ", ".join((*_VARIABLES, *(f"item.{field}" for field in _FIELDS)))
    return f"there is no variable {unknown[0]}; there are {known}"


def _unavailable(source: str) -> str | None:
    """The first filter or test that there is not; the engine itself looks for them when it fills a template."""
    for kind, sign, names in zip(("filter", "test"), ("|", "is"), filters_and_tests(source), strict=True):
        for name in sorted(names):
            if not _is_available(f"'' {sign} {name}"):
                return f"no {kind} {name!r} in prompts"
    return None


@lru_cache(maxsize=1024)
def _is_available(expression: str) -> bool:
    import minijinja

    try:
        _engine().eval_expr(expression)
    except minijinja.TemplateError as error:
        return error.kind not in ("UnknownFilter", "UnknownTest")
    return True


def shows_item(source: str) -> bool:
    """Returns whether a template without problems has a variable of the item."""
    names = _engine().undeclared_variables_in_str(source, nested=True)
    return any(name.partition(".")[0] == "item" for name in names)


def _is_known(name: str) -> bool:
    first, _, rest = name.partition(".")
    if first != "item":
        return name in _VARIABLES
    return rest.partition(".")[0] in _FIELDS and (rest.startswith("metadata") or "." not in rest)


def fill(source: str, item: Item, **variables: str) -> str:
    """Returns the template with an item's texts in it, verbatim. Raises TemplateError if it needs a missing one."""
    import minijinja

    if (problem := limits_problem(source)) is not None:  # of a judge that was stored before there were limits
        raise TemplateError(problem)
    fields: dict[str, Any] = {field: value for field in _FIELDS if (value := getattr(item, field)) is not None}
    try:
        return str(_engine().render_str(source, item=fields, **variables))
    except minijinja.TemplateError as error:
        raise TemplateError(_plain(error)) from error


def _plain(error: "minijinja.TemplateError") -> str:
    """The first line of the engine's message, without the name that it gives to a template with none."""
    if error.kind == _OUT_OF_FUEL:
        return _TOO_LONG
    return str(error).splitlines()[0].replace("in <string>:", "in line ").strip()
