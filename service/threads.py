"""Runs computations in a thread, so that the event loop serves other requests meanwhile."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

LARGE_BYTES = 64 * 1024  # read in a millisecond or so

_thread = ThreadPoolExecutor(1, "computing")  # one: with more, the event loop would have a smaller share of the time


async def aside(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Returns the result of a function that is called in a thread, after the calls that came before.

    For steps of at most some tenths of a second, such as one batch of an upload; `asyncio.to_thread` is for longer
    computations, which would let uploads wait.
    """
    return await asyncio.get_running_loop().run_in_executor(_thread, partial(function, *args, **kwargs))


async def aside_if_large(size: float, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Returns the result of a function that reads so many bytes: called at once if they are few, else `aside`."""
    if size <= LARGE_BYTES:
        return function(*args, **kwargs)
    return await aside(function, *args, **kwargs)
