"""Reads plain data into structs and reports every problem with its place, not only the first."""

import math
import re
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec

from service.contracts.fault_words import in_words
from service.contracts.names import nearest

S = TypeVar("S", bound=msgspec.Struct)

_MISREAD = object()
_AT = re.compile(r" - at `\$(?P<inner>.*)`$")


def bare_type(kind: Any) -> Any:
    """Returns a type without its annotations."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def metas_of(kind: Any) -> list[msgspec.Meta]:
    """Returns the annotations of a type, the description of a setting among them."""
    return (
        [each for each in get_args(kind)[1:] if isinstance(each, msgspec.Meta)] if bare_type(kind) is not kind else []
    )


def read_struct(cls: type[S], raw: object, at: str, problems: list[str]) -> S | None:
    """Returns the struct that a table describes; a field that can't be read keeps its default.

    Returns None if a required field is missing or can't be read. `at` is the place of the table, "" for the file.
    """
    if not isinstance(raw, dict):
        problems.append(f"{at}: expected a table, got {type(raw).__name__}")
        return None
    fields = {field.name: field for field in msgspec.structs.fields(cls)}
    values: dict[str, Any] = {}
    complete = True
    for key, value in raw.items():
        place = f"{at}.{key}" if at else key
        if key not in fields:
            problems.append(f"{place}: unknown key, did you mean {nearest(key, fields)}?")
            continue
        read = read_value(fields[key].type, value, place, problems)
        if read is not _MISREAD:
            values[key] = read
        elif fields[key].required:
            complete = False
    for name, field in fields.items():
        if field.required and name not in raw:
            problems.append(f"{at}.{name}: missing" if at else f"{name}: missing")
            complete = False
    return cls(**values) if complete else None


def read_value(kind: Any, raw: object, at: str, problems: list[str], *, strict: bool = True) -> Any:
    """Returns the value, or a mark for `was_read` if it can't be read; `strict=False` takes numbers from text."""
    bare = bare_type(kind)
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        read = read_struct(bare, raw, at, problems)
        return _MISREAD if read is None else read
    arguments = get_args(bare)
    if get_origin(bare) is dict and isinstance(raw, dict):
        each = {key: read_value(arguments[1], value, f"{at}.{key}", problems) for key, value in raw.items()}
        return {key: value for key, value in each.items() if value is not _MISREAD}
    if get_origin(bare) is tuple and isinstance(raw, list):
        items = [read_value(arguments[0], value, f"{at}[{n}]", problems) for n, value in enumerate(raw)]
        return tuple(item for item in items if item is not _MISREAD)
    if get_origin(bare) is tuple and isinstance(raw, dict):
        problems.append(f"{at}: write [[{at}]], with two brackets, for each entry")
        return _MISREAD
    return _convert(kind, raw, at, problems, strict=strict)


def was_read(value: object) -> bool:
    """Returns whether `read_value` could read the value."""
    return value is not _MISREAD


def _convert(kind: Any, raw: object, at: str, problems: list[str], *, strict: bool) -> Any:
    allowed = _allowed(kind)
    if allowed and raw not in allowed:
        problems.append(f"{at}: expected one of {', '.join(allowed)}")
        return _MISREAD
    try:
        read = msgspec.convert(raw, kind, strict=strict, dec_hook=_wrap)
        if isinstance(read, float) and not math.isfinite(read):
            problems.append(f"{at}: expected a finite number, got {read}")
            return _MISREAD
        return read
    except msgspec.ValidationError as error:
        message = str(error)
        inner = _AT.search(message)
        place, said = (at + inner["inner"], message[: inner.start()]) if inner else (at, message)
        said = in_words(said).replace("an object", "a table").replace(" or null", "")  # as in TOML, which has no null
        problems.append(f"{place}: {said[:1].lower()}{said[1:]}")
        return _MISREAD


def _allowed(kind: Any) -> tuple[str, ...]:
    """Returns the only values that a type has: those of a Literal, or the keys of the table that it names."""
    if get_origin(bare_type(kind)) is Literal:
        return get_args(bare_type(kind))
    tables = [meta.extra["one_of"] for meta in metas_of(kind) if meta.extra and "one_of" in meta.extra]
    return tuple(tables[0]) if tables else ()


def _wrap(kind: type, raw: object) -> object:
    """Makes a string type of our own, such as a secret, from the plain string."""
    if not isinstance(raw, str):
        raise ValueError("must be text")
    return kind(raw)
