"""The names of the fields of the counters of agreement: words joined by tabs, with callers' texts percent-encoded."""

from collections.abc import Iterator, Mapping

from service.contracts.labels import Selection

# The groups of labels that a selection reads: r is the random labels, t the targeted ones, and x the part of all
# labels' counts that neither r nor t has.
GROUPS: dict[Selection, frozenset[str]] = {
    "random": frozenset("r"),
    "targeted": frozenset("t"),
    "all": frozenset("rtx"),
}


def field(*words: object) -> str:
    """Returns the name of the field that has these words."""
    return "\t".join(map(str, words))


def split(fields: Mapping[str, int]) -> Iterator[tuple[list[str], int]]:
    """Yields each field's words with its count."""
    for name, count in fields.items():
        yield name.split("\t"), count
