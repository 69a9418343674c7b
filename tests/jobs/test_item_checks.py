"""The checks that every upload of items has in common."""

import pytest

from service.contracts.items import Item
from service.contracts.pointing import MOST_FAULTS
from service.contracts.refusals import Fault, Kind, Refused
from service.jobs import ItemChecks
from service.jobs.item_checks import add_faults


def test_items_are_counted_up_to_the_limit() -> None:
    checks = ItemChecks(2)
    checks.check(Item(), "/items/0")
    checks.check(Item(), "/items/1")
    assert (checks.items, checks.unfit) == (2, [])
    with pytest.raises(Refused, match="more than 2 items") as refused:
        checks.check(Item(), "/items/2")
    assert refused.value.kind is Kind.TOO_LARGE


def test_a_second_item_with_the_same_id_is_a_fault() -> None:
    checks = ItemChecks(9)
    for index, each in enumerate(["a", "b", "a"]):
        checks.check(Item(id=each), f"/items/{index}")
    assert checks.unfit == [Fault("/items/2/id", "another item has the same id")]


def test_metadata_that_the_store_cannot_keep_is_a_fault() -> None:
    checks = ItemChecks(9)
    checks.check(Item(metadata={"n": 2**64}), "/items/0")
    assert checks.unfit == [Fault("/items/0/metadata/n", "an integer beyond 64 bits; send it as text")]


def test_faults_are_collected_once_and_up_to_a_limit() -> None:
    collected: list[Fault] = []
    add_faults(collected, [Fault("/a", "x")])
    add_faults(collected, [Fault("/a", "x"), Fault("/b", "x")])
    assert collected == [Fault("/a", "x"), Fault("/b", "x")]
    add_faults(collected, (Fault(f"/{n}", "x") for n in range(2 * MOST_FAULTS)))
    assert len(collected) == MOST_FAULTS
