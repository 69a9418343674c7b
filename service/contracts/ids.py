"""Ids with a readable prefix, which sort by the time at which they were made."""

import random
import time
from functools import lru_cache

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]  # two digits at once
_RANDOM_BITS = 50


@lru_cache(maxsize=1)
def _encoded_second(number: int) -> str:
    """Returns the upper 40 of 60 bits, which are the same for about a second."""
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in (30, 20, 10, 0)])


def new_id(prefix: str) -> str:
    """Returns `prefix_` and 22 characters: microseconds since the epoch, then 50 random bits.

    An id is unique and no secret: its bits are not the system's, of which each read is a call of the kernel.
    """
    micros, bits, pairs = time.time_ns() // 1000, random.getrandbits(_RANDOM_BITS), _PAIRS
    return (
        f"{prefix}_{_encoded_second(micros >> 20)}{pairs[(micros >> 10) & 1023]}{pairs[micros & 1023]}"
        f"{pairs[bits >> 40]}{pairs[(bits >> 30) & 1023]}{pairs[(bits >> 20) & 1023]}{pairs[(bits >> 10) & 1023]}"
        f"{pairs[bits & 1023]}"
    )
