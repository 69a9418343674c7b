"""Amounts of things, money and time as people read them."""

_LEAST_DOLLARS = 0.0001
_LEAST_SECONDS = 0.001


def counted(count: int, noun: str) -> str:
    """Returns a number of things, such as `3 cases`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def dollars(amount: float | None) -> str:
    """Returns US dollars, `unknown` for None. What is not free is never shown as $0."""
    if amount is None:
        return "unknown"
    if 0 < amount < _LEAST_DOLLARS:
        return f"<${_LEAST_DOLLARS:.4f}"
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.4f}"


def brief_seconds(value: float) -> str:
    """Returns a number of seconds in two or three digits, without the unit."""
    if 0 < value < _LEAST_SECONDS:
        return f"<{_LEAST_SECONDS}"
    return f"{value:.2g}" if value < 1 else f"{value:,.1f}"
