"""Ids with a readable prefix, which sort by the time at which they were made."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]  # two digits at once
_TIME_PAIRS = 6  # 60 bits of microseconds since the epoch
_RANDOM_PAIRS = 5  # 50 bits


def _encode(number: int, pairs: int) -> str:
    return "".join(_PAIRS[(number >> shift) & 1023] for shift in range(10 * (pairs - 1), -1, -10))


def new_id(prefix: str) -> str:
    """Returns `prefix_` and 22 characters: microseconds since the epoch, then 50 random bits."""
    micros = time.time_ns() // 1000
    return f"{prefix}_{_encode(micros, _TIME_PAIRS)}{_encode(int.from_bytes(secrets.token_bytes(7)), _RANDOM_PAIRS)}"
