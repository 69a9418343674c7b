"""Cursors of pages: the place after which a page begins, as text."""

import re
from urllib.parse import quote, unquote

from service.contracts.refusals import Fault, Refused, invalid


def bad_cursor() -> Refused:
    """Returns the refusal of a cursor that this API did not give out."""
    return invalid([Fault("/cursor", "not a cursor from an earlier page")])


def position_of(cursor: str | None) -> int:
    """Returns the position that a page begins at, 0 for the first page. Raises Refused (invalid)."""
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdecimal():
        raise bad_cursor()
    return int(cursor)


def id_in(cursor: str | None, prefix: str) -> str | None:
    """Returns the id after which a page begins, None for the first page. Raises Refused (invalid)."""
    if cursor is not None and not re.fullmatch(rf"{prefix}_[0-9a-z]{{1,100}}", cursor):
        raise bad_cursor()
    return cursor


def names_cursor(*names: str) -> str:
    """Returns the cursor after an entry that these names identify.

    It stays the same in a URL in which a client forgets to quote it: `~` stands for `%`.
    """
    return "/".join(quote(name, safe="").replace("~", "%7E").replace("%", "~") for name in names)


def names_of(cursor: str | None, count: int) -> tuple[str, ...] | None:
    """Returns the names in a cursor of `names_cursor`, None for the first page. Raises Refused (invalid)."""
    if cursor is None:
        return None
    names = tuple(unquote(name.replace("~", "%")) for name in cursor.split("/"))
    if len(names) != count:
        raise bad_cursor()
    return names
