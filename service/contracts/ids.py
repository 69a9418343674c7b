"""Ids with a readable prefix that sort by the time they were made."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread
_TIME_DIGITS = 10  # 50 bits of microseconds since the epoch: lasts until the year 2005 + 35
_RANDOM_DIGITS = 10  # 50 bits


def _encode(number: int, digits: int) -> str:
    out = []
    for _ in range(digits):
        number, remainder = divmod(number, 32)
        out.append(_ALPHABET[remainder])
    return "".join(reversed(out))


def new_id(prefix: str) -> str:
    """`prefix_` and 21 characters: microseconds since the epoch, then 50 random bits."""
    micros = time.time_ns() // 1000
    return f"{prefix}_{_encode(micros, _TIME_DIGITS + 1)}{_encode(secrets.randbits(50), _RANDOM_DIGITS)}"
