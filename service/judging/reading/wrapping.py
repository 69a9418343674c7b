"""What stands around a value: `**4**.`, `"A"`, `[4]`."""

from collections.abc import Iterator

LONGEST_VALUE = 200  # characters; a longer text is more than a value, and peeling it would cost its square
_VALUE_WITHIN = 400  # characters of a line after the word that announces a value
_PAIRS = frozenset(("**", "__", "``", '""', "''", "()", "[]", "“”", "‘’"))


def peeled(text: str) -> Iterator[str]:
    """`text`, then the same without a full stop or a pair of marks, quotes or brackets around it, and so on."""
    text = text.strip()
    while text:
        yield text
        if text[-1] == ".":
            text = text[:-1].rstrip()
        elif len(text) > 1 and text[0] + text[-1] in _PAIRS:
            text = text[1:-1].strip()
        else:
            return


def rest_of_line(text: str, start: int) -> str:
    """What follows on the line, as far as a value and what may take it back can reach."""
    return text[start : start + _VALUE_WITHIN].split("\n", 1)[0]
