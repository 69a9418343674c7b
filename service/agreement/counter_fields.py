"""The names of the fields of the counters of agreement: words joined by tabs, with callers' texts percent-encoded."""

from collections.abc import Iterator, Mapping, Sequence

from service.contracts.labels import Selection

# The groups of labels that a selection reads. Of single labels, r are random ones, d those drawn by doubt with a known
# probability, and t those picked by hand. Of an item's labels together, r is the random ones, t the other ones, and x
# the part of all labels' counts that neither r nor t has.
GROUPS: dict[Selection, frozenset[str]] = {
    "random": frozenset("r"),
    "targeted": frozenset("td"),
    "all": frozenset("rtdx"),
}


def field(*words: object) -> str:
    """Returns the name of the field that has these words."""
    return "\t".join(map(str, words))


def split(fields: Mapping[str, int], starts: tuple[str, ...] = ("",)) -> Iterator[tuple[list[str], int]]:
    """Yields the words of each field whose name starts with one of `starts`, with its count."""
    for name, count in fields.items():
        if name.startswith(starts):
            yield name.split("\t"), count


def level_in(words: Sequence[str], place: int) -> int:
    """Returns the level of doubt at the end of a field's words; 0 if there is no word in its place."""
    return int(words[place]) if len(words) > place else 0
