"""Names, models and addresses are refused if anything follows them, a line end included."""

import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, Any

import msgspec
import pytest

from service import contracts
from service.config.sections import KeySettings
from service.contracts.anchors import NAME_OR_VERSION
from service.contracts.items import Item
from service.contracts.jobs import JobOrder
from service.contracts.judges import MODEL_OR_PANEL, MODEL_PATTERN, NAME_PATTERN, Effort, ModelName, Name
from service.contracts.labels import NewLabel
from service.contracts.names import ONE_LINE_PATTERN

PATTERNS = {
    ONE_LINE_PATTERN: "kind of wit",
    NAME_PATTERN: "wit",
    MODEL_PATTERN: "openai/m",
    MODEL_OR_PANEL: "panel",
    NAME_OR_VERSION: "wit@2",
}


def takes(kind: Any, value: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize("end", ["\n", "\r\n", " ", "\n\n", "\nx"])
def test_nothing_may_follow(end: str) -> None:
    for kind, text in ((Name, "wit"), (ModelName, "openai/m"), (Effort, "low")):
        assert takes(kind, text)
        assert not takes(kind, text + end)
    for pattern, text in PATTERNS.items():
        struct = msgspec.defstruct("Of", [("name", Annotated[str, msgspec.Meta(pattern=pattern)])])
        assert takes(struct, {"name": text})
        assert not takes(struct, {"name": text + end})
    key = {"name": "bot", "sha256": "0" * 64}
    assert takes(KeySettings, key)
    assert not takes(KeySettings, {**key, "sha256": "0" * 64 + end})
    order = {"judge": "wit", "callback_url": "https://hooks.example/"}
    assert takes(JobOrder, order)
    assert not takes(JobOrder, {**order, "callback_url": order["callback_url"] + end})


@pytest.mark.parametrize("name", ["\n", "a\nb", "a\r\nb", " a", "a ", "\u2028", "a\u0085", "\u00a0"])
def test_a_name_is_one_line_without_space_around_it(name: str) -> None:
    label = {"item_id": "t-1", "criterion": "wit", "annotator": "Ann\tof the\u00a0team", "score": 1}
    assert takes(NewLabel, label)
    assert not takes(NewLabel, label | {"annotator": name})
    assert not takes(NewLabel, label | {"criterion": name})
    assert takes(Item, {"group": "v 2"})
    assert takes(Item, {"id": name, "case": name, "output": name})
    assert not takes(Item, {"group": name})


def patterns_in(type_: Any) -> Iterator[str]:
    """The patterns of a type that msgspec describes, and of all types within it."""
    if isinstance(type_, msgspec.inspect.StrType) and type_.pattern:
        yield type_.pattern
    for name in type_.__struct_fields__ if isinstance(type_, msgspec.Struct) else ():
        value = getattr(type_, name)
        for each in value if isinstance(value, tuple) else [value]:
            yield from patterns_in(each.type if isinstance(each, msgspec.inspect.Field) else each)


def test_no_pattern_of_a_type_ends_before_a_last_line_end() -> None:
    """`$` matches there: a pattern ends in `\\Z`, or it has no end."""
    modules = [import_module(f"service.contracts.{each.name}") for each in iter_modules(contracts.__path__)]
    structs = {
        each
        for module in [*modules, import_module("service.config.sections")]
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, msgspec.Struct) and each is not msgspec.Struct
    }
    found = {pattern for each in structs for pattern in patterns_in(msgspec.inspect.type_info(each))}
    assert len(found) >= 6
    assert [each for each in found if re.search(r"(?<!\\)\$", each)] == []
