"""Texts of people and models, as they fit into a line, a cell or a picture."""


def shortened(text: str, most: int) -> str:
    """Returns a text of at most so many characters, the last one an ellipsis if there were more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def in_one_line(text: str, most: int) -> str:
    """Returns a text with single spaces in place of line ends, shortened."""
    return shortened(" ".join(text.split()), most)


def printable(text: str) -> str:
    """Returns a text with control characters replaced: they may steer a terminal, and XML can't have them."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in text)
