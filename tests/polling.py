"""Waits for what comes in its own time, and no longer than a bound."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

LIMIT_S = 60.0  # on a busy machine; a condition that holds is seen at once


async def until(is_so: Callable[[], Any], what: str, limit_s: float = LIMIT_S) -> Any:
    """What `is_so` gives, or what it gives to await, once it is true; looked at again and again."""
    ends = time.monotonic() + limit_s
    while True:
        found = is_so()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < ends, f"{what}: not within {limit_s:g} s"
        await asyncio.sleep(0.02)
