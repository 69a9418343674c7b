"""Finds every fault of a JSON value that does not match a type, each by its JSON pointer."""

import json
import math
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from enum import Enum
from itertools import chain, islice
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from service.contracts.fault_words import in_words
from service.contracts.names import suggestion
from service.contracts.refusals import Fault, pointer_to

MOST_FAULTS = 100  # enough to mend a request by; a large upload may have as many as it has lines
MAX_DEPTH = 64  # of free JSON: far from the end of a reader's stack in every version of Python
_MOST_DIGITS = 100
_LARGE_BYTES = 1_000_000
_AT_ONCE = 1000  # entries of an array that are checked together
_LEAST_INT, _MOST_INT = -(2**63), 2**64 - 1  # the range of MessagePack
_MOST_SHOWN = 100  # characters of a wrong value in a message


def faults_in(raw: bytes, type_: Any, at: str = "") -> list[Fault]:
    """Returns the faults of JSON that msgspec can't decode as `type_`, at most MOST_FAULTS; `at` points to its root."""
    if len(raw) > _LARGE_BYTES and (large := _in_large(raw, type_, at)):
        return large
    try:
        value = msgspec.json.decode(raw)
    except RecursionError:
        return [Fault(at, f"nested deeper than {MAX_DEPTH} levels")]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _unreadable(raw, type_, error, at)
    return list(islice(_faults(value, type_, at), MOST_FAULTS))


def _in_large(raw: bytes, type_: Any, at: str) -> list[Fault]:
    """Returns the faults of the entries of a large object's arrays; empty if there are none, or it is no such object.

    Entries are decoded one by one: to decode all of them without their types takes a second for 10 MB, in one step.
    """
    if not _is_object(type_) or get_origin(type_) is dict:
        return []
    try:
        values = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        arrays = {
            field.encode_name: (msgspec.json.decode(values[field.encode_name], type=list[msgspec.Raw]), entry)
            for field in msgspec.structs.fields(type_)
            if field.encode_name in values and (entry := _entry_type(field.type)) is not None
        }
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    found: list[Fault] = []
    for name, (entries, entry) in arrays.items():
        decoder = msgspec.json.Decoder(entry)
        for index, each in enumerate(entries):
            try:
                decoder.decode(each)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                found += faults_in(bytes(each), entry, pointer_to(pointer_to(at, name), index))
            if len(found) >= MOST_FAULTS:
                return found[:MOST_FAULTS]
    return found


def _entry_type(type_: Any) -> Any:
    """The type of an array's entries, None for other types."""
    inner = _narrowed([], type_)
    return get_args(inner)[0] if get_origin(inner) is list else None


def unkept(value: Any, at: str, depth: int = 0) -> Iterator[Fault]:
    """Yields the faults of free JSON that the store can't keep: integers beyond 64 bits, nesting beyond MAX_DEPTH.

    `depth` is the number of levels above the value.
    """
    if depth > MAX_DEPTH:
        yield Fault(at, f"nested deeper than {MAX_DEPTH} levels")
    elif isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(each, dict | list | int):
                yield from unkept(each, pointer_to(at, key), depth + 1)
    elif isinstance(value, int) and not _LEAST_INT <= value <= _MOST_INT:
        yield Fault(at, "an integer beyond 64 bits; send it as text")


def not_among_allowed(value: Any, type_: Any, name: str) -> str | None:
    """Returns a message that lists the allowed values if `type_` is an enumeration of texts without `value`, else None.

    `name` names the field; empty if it has no name.
    """
    allowed = _allowed(type_)
    if not allowed or not isinstance(value, str) or value in allowed:
        return None
    return f"unknown {name or 'value'} {value[:_MOST_SHOWN]!r} ({', '.join(allowed)})"


def _allowed(type_: Any) -> list[str]:
    """The texts that an Enum or a Literal allows, alone or in a union with None; empty for other types."""
    type_ = _without_annotations(type_)
    if get_origin(type_) in (Union, UnionType):
        members = [each for each in get_args(type_) if each is not type(None)]
        return _allowed(members[0]) if len(members) == 1 else []
    if get_origin(type_) is Literal:
        return [each for each in get_args(type_) if isinstance(each, str)]
    return [str(each.value) for each in type_] if isinstance(type_, type) and issubclass(type_, Enum) else []


def _without_annotations(type_: Any) -> Any:
    while get_origin(type_) is Annotated:
        type_ = get_args(type_)[0]
    return type_


def _unreadable(raw: bytes, type_: Any, error: Exception, at: str) -> list[Fault]:
    """The faults of text that is not JSON. If only its characters and numbers are invalid, these are pointed at."""
    if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return [Fault(at, "not JSON: it is UTF-16; send UTF-8")]
    try:
        value = json.loads(raw.decode("utf-8", "surrogateescape"), parse_int=_whole)
        unsound = list(islice(_unsound(value, at), MOST_FAULTS))
        places = {each.pointer for each in unsound}
        others = (each for each in _faults(_mended(value), type_, at) if each.pointer not in places)
        found = list(islice(chain(unsound, others), MOST_FAULTS))
    except (ValueError, RecursionError):
        found = []
    return found or [Fault(at, f"not JSON: {str(error).partition(' - at `')[0]}")]


def _unsound(value: Any, at: str) -> Iterator[Fault]:
    """The values that Python's own reader accepts although JSON in UTF-8 has no such values."""
    if isinstance(value, str):
        if _encodable(value) != value:
            yield Fault(at, "contains a lone surrogate or bytes that are not UTF-8")
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield Fault(at, "not a finite number")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _unsound(each, pointer_to(at, index))
    elif isinstance(value, dict):
        for key, each in value.items():
            below = pointer_to(at, _encodable(key))
            if _encodable(key) != key:
                yield Fault(below, "the name contains a lone surrogate or bytes that are not UTF-8")
            yield from _unsound(each, below)


def _whole(digits: str) -> float | int:
    """Python refuses to read integers of thousands of digits: those become infinite."""
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def _mended(value: Any) -> Any:
    """The same value with only encodable texts."""
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, list):
        return [_mended(each) for each in value]
    if isinstance(value, dict):
        return {_encodable(key): _mended(each) for key, each in value.items()}
    return value


def _encodable(text: str) -> str:
    """The text with `?` for each character that UTF-8 can't encode."""
    return text.encode("utf-8", "replace").decode()


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
        at, message = _of_own_check(inner, at, message)
        name = at.rpartition("/")[2]
        yield Fault(at, not_among_allowed(value, type_, "" if name.isdecimal() else name) or in_words(message))


def _of_own_check(type_: Any, at: str, message: str) -> tuple[str, str]:
    """The place and the words of a fault that a struct's own check found, which names the field first."""
    field, _, words = message.partition(": ")
    is_named = words and isinstance(type_, type) and field in getattr(type_, "__struct_encode_fields__", ())
    return (pointer_to(at, field), words) if is_named else (at, message)


def _narrowed(value: Any, type_: Any) -> Any:
    """The member of a union that a value of this kind is meant for, without annotations."""
    type_ = _without_annotations(type_)
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
    """The faults of the parts of an object or an array."""
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
    """The indices of entries that may be invalid: a million entries checked one by one would take many seconds."""
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
            yield Fault(pointer_to(at, key), f"unknown field{suggestion(key, fields)}")
    for name, field in fields.items():
        if name in value:
            yield from _faults(value[name], field.type, pointer_to(at, name))
        elif field.required:
            yield Fault(pointer_to(at, name), "missing")
