"""What every upload of items is checked for, whatever becomes of them."""

from collections.abc import Iterable
from itertools import islice

from service.contracts.items import Item
from service.contracts.pointing import MOST_FAULTS, unkept
from service.contracts.refusals import Fault, pointer_to, too_large


class ItemChecks:
    """Counts the items of one upload and notes what is wrong with them, up to a hundred faults."""

    def __init__(self, most_items: int) -> None:
        self.items = 0
        self.unfit: list[Fault] = []
        self._most_items = most_items
        self._ids: set[str] = set()

    def check(self, item: Item, at: str) -> None:
        """Notes the faults of an item, by itself and among those before it. Raises Refused past the limit."""
        self.items += 1
        if self.items > self._most_items:
            raise too_large(f"more than {self._most_items} items")
        if item.id is not None:
            if item.id in self._ids:
                self.note([Fault(pointer_to(at, "id"), "another item has the same id")])
            self._ids.add(item.id)
        if item.metadata:
            self.note(islice(unkept(item.metadata, pointer_to(at, "metadata")), MOST_FAULTS))

    def note(self, faults: Iterable[Fault]) -> None:
        """Notes faults, as far as there is room."""
        note(self.unfit, faults)


def note(noted: list[Fault], more: Iterable[Fault]) -> None:
    """Adds faults that are not noted yet, as far as there is room."""
    noted.extend(fault for fault in islice(more, MOST_FAULTS - len(noted)) if fault not in noted)
