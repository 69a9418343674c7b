"""Decodes records that another version of the service may have stored, packed (`packing`) or plain."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import msgspec

from service.store.errors import UnreadableRecordError
from service.store.packing import unpacked

_log = logging.getLogger(__name__)

_MOST_SAID = 10_000  # names that are remembered

_T = TypeVar("_T")
_K = TypeVar("_K")
_said: dict[str, None] = {}  # names of the records that this process has met, the oldest first


def from_json(stored: bytes | str | msgspec.Raw, type_: type[_T], name: str) -> _T:
    """Returns a record from the JSON that is stored; `name` names it, such as `job job_01`.

    Raises UnreadableRecordError if this version can't read it.
    """
    return _decoded(msgspec.json.decode, stored, type_, name)


def from_msgpack(stored: bytes, type_: type[_T], name: str) -> _T:
    """Returns a record from the MessagePack that is stored, as `from_json` does."""
    return _decoded(msgspec.msgpack.decode, stored, type_, name)


def readable(names: Iterable[_K], read: Callable[[_K], _T | None]) -> Iterator[tuple[_K, _T]]:
    """Yields the records of a list by their names, without those that are gone or that this version can't read."""
    for name in names:
        try:
            found = read(name)
        except UnreadableRecordError as error:
            say_once(error)
            continue
        if found is not None:
            yield name, found


def say_once(error: UnreadableRecordError) -> None:
    """Logs that a record is left alone, the first time that this process meets it."""
    if error.name not in _said:
        _said[error.name] = None
        if len(_said) > _MOST_SAID:
            del _said[next(iter(_said))]
        _log.warning("%s; it is left alone", error)


def _decoded(decode: Callable[..., _T], stored: bytes | str | msgspec.Raw, type_: type[_T], name: str) -> _T:
    try:
        return decode(unpacked(stored, name) if isinstance(stored, bytes) else stored, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableRecordError(name, str(error)) from error
