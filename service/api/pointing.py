"""Finds every place where a JSON value does not fit a type, each by its JSON pointer."""

import json
from collections.abc import Iterator
from itertools import islice
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec

from service.api.problems import Fault, pointer_to

MOST_FAULTS = 100  # enough to mend a request by; a large upload may have as many as it has lines

T = TypeVar("T")


def faults_in(raw: bytes, type_: Any, at: str = "") -> list[Fault]:
    """What is wrong with JSON that msgspec would not decode as `type_`; `at` is the pointer to its root."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _unreadable(raw, error, at)
    return list(islice(_faults(value, type_, at), MOST_FAULTS))


def _unreadable(raw: bytes, error: Exception, at: str) -> list[Fault]:
    """JSON that is none. A lone surrogate is well-formed by the grammar, so its places can be named."""
    if isinstance(error, RecursionError):
        return [Fault(at, "nested too deep")]
    if "surrogate" in str(error):
        try:
            lone = list(islice(_surrogates(json.loads(raw), at), MOST_FAULTS))
        except (ValueError, RecursionError):
            lone = []
        if lone:
            return lone
    return [Fault(at, f"not JSON: {error}")]


def _surrogates(value: Any, at: str) -> Iterator[Fault]:
    if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
        yield Fault(at, "has a lone surrogate, which is no character")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _surrogates(each, pointer_to(at, index))
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _surrogates(each, pointer_to(at, key.encode("utf-8", "replace").decode()))


def _faults(value: Any, type_: Any, at: str) -> Iterator[Fault]:
    try:
        msgspec.convert(value, type_)
        return
    except msgspec.ValidationError as error:
        message = str(error).partition(" - at `")[0]
    inner = _narrowed(value, type_)
    below = False
    for fault in _below(value, inner, at):
        below = True
        yield fault
    if not below:
        yield Fault(at, message)


def _narrowed(value: Any, type_: Any) -> Any:
    """The member of a union that a value of this kind must be meant for; no annotations."""
    while get_origin(type_) is Annotated:
        type_ = get_args(type_)[0]
    if get_origin(type_) not in (Union, UnionType):
        return type_
    members = [_narrowed(value, member) for member in get_args(type_)]
    is_meant = _is_object if isinstance(value, dict) else _is_array
    return next((member for member in members if is_meant(member)), None)


def _is_object(type_: Any) -> bool:
    return get_origin(type_) is dict or (isinstance(type_, type) and issubclass(type_, msgspec.Struct))


def _is_array(type_: Any) -> bool:
    return get_origin(type_) in (list, tuple)


def _below(value: Any, type_: Any, at: str) -> Iterator[Fault]:
    """Faults of the parts of an object or an array."""
    if isinstance(value, list) and _is_array(type_):
        for index, each in enumerate(value):
            yield from _faults(each, get_args(type_)[0], pointer_to(at, index))
    elif isinstance(value, dict) and get_origin(type_) is dict:
        for key, each in value.items():
            yield from _faults(each, get_args(type_)[1], pointer_to(at, key))
    elif isinstance(value, dict) and _is_object(type_):
        yield from _of_struct(value, type_, at)


def _of_struct(value: dict[str, Any], type_: type[msgspec.Struct], at: str) -> Iterator[Fault]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(type_)}
    for key in value:
        if key not in fields and type_.__struct_config__.forbid_unknown_fields:
            yield Fault(pointer_to(at, key), "unknown field")
    for name, field in fields.items():
        if name in value:
            yield from _faults(value[name], field.type, pointer_to(at, name))
        elif field.required:
            yield Fault(pointer_to(at, name), "is missing")
