"""Reads plain data into structs, reporting every problem and where it stands, not only the first."""

import difflib
import re
from collections.abc import Iterable
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

S = TypeVar("S", bound=msgspec.Struct)

_MISREAD = object()
_AT = re.compile(r" - at `\$(?P<inner>.*)`$")


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that looks most like this one, however little that is."""
    return difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0]


def read_struct(cls: type[S], raw: object, at: str, problems: list[str]) -> S | None:
    """The struct that the table says; a field that can't be read keeps its default.

    None where a required field is missing or unreadable. `at` is the table's place, "" for the whole file.
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
    """The value, or a mark that it could not be read; `strict=False` reads numbers and truth from text."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        read = read_struct(kind, raw, at, problems)
        return _MISREAD if read is None else read
    arguments = get_args(kind)
    if get_origin(kind) is dict and isinstance(raw, dict):
        each = {key: read_value(arguments[1], value, f"{at}.{key}", problems) for key, value in raw.items()}
        return {key: value for key, value in each.items() if value is not _MISREAD}
    if get_origin(kind) is tuple and isinstance(raw, list):
        items = [read_value(arguments[0], value, f"{at}[{n}]", problems) for n, value in enumerate(raw)]
        return tuple(item for item in items if item is not _MISREAD)
    return _convert(kind, raw, at, problems, strict=strict)


def was_read(value: object) -> bool:
    """Whether `read_value` could read it."""
    return value is not _MISREAD


def _convert(kind: Any, raw: object, at: str, problems: list[str], *, strict: bool) -> Any:
    try:
        return msgspec.convert(raw, kind, strict=strict, dec_hook=_wrap)
    except msgspec.ValidationError as error:
        if get_origin(kind) is Literal:
            problems.append(f"{at}: expected one of {', '.join(get_args(kind))}")
            return _MISREAD
        message = str(error)
        inner = _AT.search(message)
        place, said = (at + inner["inner"], message[: inner.start()]) if inner else (at, message)
        problems.append(f"{place}: {said[:1].lower()}{said[1:]}")
        return _MISREAD


def _wrap(kind: type, raw: object) -> object:
    """Makes a string type of our own, such as a secret, from the plain string."""
    if not isinstance(raw, str):
        raise ValueError(f"expected `str`, got `{type(raw).__name__}`")
    return kind(raw)
