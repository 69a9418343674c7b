"""Finds every place where a JSON value does not fit a type, each by its JSON pointer."""

import json
import math
from collections.abc import Iterator
from itertools import chain, islice
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec

from service.contracts.refusals import Fault, pointer_to

MOST_FAULTS = 100  # enough to mend a request by; a large upload may have as many as it has lines
MAX_DEPTH = 100  # of free JSON: far from where a reader's stack ends, in every version of Python
_MOST_DIGITS = 100
_AT_ONCE = 1000  # entries of an array that are checked together
_LEAST_INT, _MOST_INT = -(2**63), 2**64 - 1  # what MessagePack can write

T = TypeVar("T")


def faults_in(raw: bytes, type_: Any, at: str = "") -> list[Fault]:
    """What is wrong with JSON that msgspec would not decode as `type_`; `at` is the pointer to its root."""
    try:
        value = msgspec.json.decode(raw)
    except RecursionError:
        return [Fault(at, "nested too deep")]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _unreadable(raw, type_, error, at)
    return list(islice(_faults(value, type_, at), MOST_FAULTS))


def _unreadable(raw: bytes, type_: Any, error: Exception, at: str) -> list[Fault]:
    """JSON that is none. Where its grammar holds, the characters and numbers that are none can be named."""
    try:
        value = json.loads(raw.decode("utf-8", "surrogateescape"), parse_int=_whole)
        found = list(islice(chain(_unsound(value, at), _faults(_mended(value), type_, at)), MOST_FAULTS))
    except (ValueError, RecursionError):
        found = []
    return found or [Fault(at, f"not JSON: {str(error).partition(' - at `')[0]}")]


def _unsound(value: Any, at: str) -> Iterator[Fault]:
    """What Python's own reader takes and JSON in UTF-8 does not have."""
    if isinstance(value, str):
        if _encodable(value) != value:
            yield Fault(at, "has a lone surrogate or bytes that are no UTF-8, which are no characters")
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield Fault(at, "is no number that JSON can write, or one too large")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _unsound(each, pointer_to(at, index))
    elif isinstance(value, dict):
        for key, each in value.items():
            below = pointer_to(at, _encodable(key))
            if _encodable(key) != key:
                yield Fault(below, "its name has a lone surrogate or bytes that are no UTF-8")
            yield from _unsound(each, below)


def _whole(digits: str) -> float | int:
    """Python refuses to read whole numbers of thousands of digits: those come out infinite."""
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def _mended(value: Any) -> Any:
    """The same with every text such that UTF-8 can write it."""
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, list):
        return [_mended(each) for each in value]
    if isinstance(value, dict):
        return {_encodable(key): _mended(each) for key, each in value.items()}
    return value


def _encodable(text: str) -> str:
    """The text with `?` for what UTF-8 can't write."""
    return text.encode("utf-8", "replace").decode()


def unkept(value: Any, at: str) -> Iterator[Fault]:
    """The places in free JSON that the store could not give back: numbers beyond 64 bits, bottomless nesting."""
    left = [(value, at, 0)]
    while left:
        value, at, depth = left.pop()
        if depth > MAX_DEPTH:
            yield Fault(at, f"nested deeper than {MAX_DEPTH} levels")
        elif isinstance(value, dict):
            left += [(each, pointer_to(at, key), depth + 1) for key, each in value.items()]
        elif isinstance(value, list):
            left += [(each, pointer_to(at, index), depth + 1) for index, each in enumerate(value)]
        elif isinstance(value, int) and not _LEAST_INT <= value <= _MOST_INT:
            yield Fault(at, "is a whole number beyond 64 bits; send it as text")


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
    if isinstance(value, list) and get_origin(type_) is tuple:
        for index, (each, its_type) in enumerate(zip(value, get_args(type_), strict=False)):
            yield from _faults(each, its_type, pointer_to(at, index))
    elif isinstance(value, list) and _is_array(type_):
        for index in _suspects(value, get_args(type_)[0]):
            yield from _faults(value[index], get_args(type_)[0], pointer_to(at, index))
    elif isinstance(value, dict) and get_origin(type_) is dict:
        for key, each in value.items():
            yield from _faults(each, get_args(type_)[1], pointer_to(at, key))
    elif isinstance(value, dict) and _is_object(type_):
        yield from _of_struct(value, type_, at)


def _suspects(value: list[Any], type_: Any) -> Iterator[int]:
    """The places where something may not fit: of a million entries, one by one would take many seconds."""
    for start in range(0, len(value), _AT_ONCE):
        some = value[start : start + _AT_ONCE]
        try:
            msgspec.convert(some, list[type_])
        except msgspec.ValidationError:
            yield from range(start, start + len(some))


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
