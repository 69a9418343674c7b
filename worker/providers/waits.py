"""When a provider says to come back: read from headers, from the body's details and from its words."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

_UNITS = {
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    "": 1.0,
}
_NAMES = "|".join(sorted((each for each in _UNITS if each), key=len, reverse=True))
_AMOUNT = rf"\d+(?:\.\d+)?\s*(?:{_NAMES})\b"
_TOGETHER = rf"(?:\d+(?:\.\d+)?\s*(?:{_NAMES}))+\b"  # 1m20s
_IN_WORDS = re.compile(
    rf"(?:try(?:ing)? again|retry|wait|come back|available|resets?|refresh(?:es)?|back[- ]?off)"
    rf"[^.\d]{{0,60}}?({_AMOUNT}(?:[\s,]+(?:and\s+)?{_AMOUNT})*|{_TOGETHER})",
    re.I,
)
_PARTS = re.compile(rf"(\d+(?:\.\d+)?)\s*({_NAMES})", re.I)
_DURATION = re.compile(rf"(?:\d+(?:\.\d+)?\s*(?:{_NAMES})\s*)+", re.I)
_EPOCH_S = 1e9  # a larger number is a moment in seconds since 1970,
_EPOCH_MS = 1e12  # and a still larger one in milliseconds

_LIMIT_HEADER = re.compile(r"^(?:(?:x|anthropic)-)?ratelimit(?P<name>.*?)-?(?P<part>remaining|reset)(?P<rest>.*)$")
_STRUCTURED_RESET = re.compile(r"(?:^|[;,\s])(?:t|reset)\s*=\s*(\d+(?:\.\d+)?)")


def wait_in_headers(headers: Mapping[str, str], now: datetime) -> float | None:
    """Returns the wait in seconds that a reply's headers ask for, 0 or more; None if they ask for none.

    `Retry-After` comes before the resets of limits. Of several limits, those with nothing remaining count.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    asked = _seconds_until(headers.get("retry-after", ""), now)
    return asked if asked is not None else _limit_reset(headers, now)


def wait_in_details(details: Iterable[Mapping[str, Any]]) -> float | None:
    """Returns the retryDelay of Google's RetryInfo in seconds, a protobuf Duration such as "12.5s"."""
    for each in details:
        delay = each.get("retryDelay", each.get("retry_delay"))
        if isinstance(delay, Mapping):  # {"seconds": 12, "nanos": 500000000}
            seconds, nanos = (_number(str(delay.get(name, 0))) for name in ("seconds", "nanos"))
            return (seconds or 0.0) + (nanos or 0.0) / 1e9
        found = None if delay is None else _duration(str(delay))
        if found is not None:
            return found
    return None


def wait_in_words(message: str) -> float | None:
    """Returns the wait in seconds that a message names, such as "try again in 1m20s"; None if it names none."""
    found = _IN_WORDS.search(message)
    return None if found is None else _sum_of_parts(found.group(1))


def _limit_reset(headers: Mapping[str, str], now: datetime) -> float | None:
    """Returns the longest wait for a limit that is used up, or for any limit if no header says which one is."""
    remaining: dict[str, float | None] = {}
    resets: dict[str, float] = {}
    for header, text in headers.items():
        found = _LIMIT_HEADER.match(header.lower())
        if found is None:
            if header.lower() == "ratelimit" and (structured := _STRUCTURED_RESET.search(text)):
                resets[""] = float(structured[1])
            continue
        name = f"{found['name']}{found['rest']}".strip("-")
        if found["part"] == "remaining":
            remaining[name] = _number(text)
        elif (wait := _seconds_until(text, now)) is not None:
            resets[name] = wait
    used_up = [wait for name, wait in resets.items() if remaining.get(name) == 0]
    return max(used_up or resets.values(), default=None)


def _seconds_until(text: str, now: datetime) -> float | None:
    """Returns the seconds from `now` on: from a number, a duration, a moment since 1970, an HTTP or an ISO date."""
    text = text.strip()
    number = _number(text)
    if number is not None and number >= _EPOCH_MS:
        return max(0.0, number / 1000 - now.timestamp())
    if number is not None and number >= _EPOCH_S:
        return max(0.0, number - now.timestamp())
    if number is not None:
        return number
    found = _duration(text)
    return found if found is not None else _until_date(text, now)


def _duration(text: str) -> float | None:
    text = text.strip()
    return _sum_of_parts(text) if _DURATION.fullmatch(text) else _number(text)


def _sum_of_parts(text: str) -> float:
    return sum(float(amount) * _UNITS[unit.lower()] for amount, unit in _PARTS.findall(text))


def _until_date(text: str, now: datetime) -> float | None:
    try:
        moment = datetime.fromisoformat(text) if text[:4].isdecimal() else parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year of eleven digits
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return max(0.0, number) if isfinite(number) else None
