"""Checks that apply to every upload of items: of a job and of a dataset."""

from collections.abc import Iterable
from itertools import islice

from service.contracts.items import Item, item_id
from service.contracts.pointing import MOST_FAULTS, unkept
from service.contracts.refusals import Fault, pointer_to, too_large
from service.store.packing import MAX_ITEMS_BYTES

MOST_GROUPS = 1000  # of one upload: a job's record names them


class ItemChecks:
    """Counts the items of one upload and collects their faults, at most MOST_FAULTS."""

    def __init__(self, most_items: int) -> None:
        self.items = 0
        self.unfit: list[Fault] = []
        self._most_items = most_items
        self._ids: set[str] = set()
        self._groups: set[str] = set()

    def check(self, item: Item, at: str) -> None:
        """Collects the faults of an item. Raises Refused (too-large) if there are more items than allowed."""
        self.items += 1
        if self.items > self._most_items:
            raise too_large(f"more than {self._most_items} items")
        if item.id is not None:
            name = item_id(item)
            if name in self._ids:
                self.note([Fault(pointer_to(at, "id"), "another item has the same id")])
            self._ids.add(name)
        if item.group is not None:
            self._check_group(str(item.group), at)
        if item.metadata:
            self.note(islice(unkept(item.metadata, pointer_to(at, "metadata")), MOST_FAULTS))

    def check_chunk(self, items: int, size: int) -> None:
        """Raises Refused (too-large) if so many items, which are stored together, have too many bytes."""
        if size > MAX_ITEMS_BYTES:
            raise too_large(f"{items} items in a row have more than {MAX_ITEMS_BYTES} bytes: send shorter ones")

    @property
    def groups(self) -> list[str]:
        """The groups of the items, in order."""
        return sorted(self._groups)

    def _check_group(self, group: str, at: str) -> None:
        if group not in self._groups and len(self._groups) == MOST_GROUPS:
            self.note([Fault(pointer_to(at, "group"), f"more than {MOST_GROUPS} groups in one upload")])
            return
        self._groups.add(group)

    def note(self, faults: Iterable[Fault]) -> None:
        """Adds faults that were found elsewhere."""
        add_faults(self.unfit, faults)


def add_faults(collected: list[Fault], more: Iterable[Fault]) -> None:
    """Adds faults that are not in the list yet, until it has MOST_FAULTS."""
    collected.extend(fault for fault in islice(more, MOST_FAULTS - len(collected)) if fault not in collected)
