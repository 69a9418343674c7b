"""The served models of a judge and model: each is a series of its own, and figures are never of two of them together.

A provider may run another model under the same name from one day to the next. An answer names the model that gave it,
and its score counts in the series of that served model. A query is about the one that answered last, unless it names
another.
"""

from collections.abc import Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from service.agreement.series_names import series_name
from service.contracts.labels import Window
from service.contracts.refusals import Fault, impossible
from service.store import agreement_counters as tallies
from service.store import clock

UNNAMED = "unknown"  # stands in queries for the answers that name no served model
_MOST_NAMED = 20  # in a message


class ServedSeries(NamedTuple):
    """A served model, and when it first and last answered, in milliseconds since the epoch.

    `served` is empty for the answers that name none; the first of these is not known, and `first_ms` is None.
    """

    served: str
    first_ms: int | None
    last_ms: int


async def known_served(redis: Redis, criterion: str, token: str, model: str) -> list[ServedSeries]:
    """Returns the served models that answered for a judge and model, the one that answered last first."""
    first = await tallies.first_served(redis, criterion, token, model)
    served = ["", *first]
    last = await tallies.last_answered(redis, criterion, [series_name(token, model, each) for each in served])
    found = [ServedSeries(name, first.get(name), ms) for name, ms in zip(served, last, strict=True) if ms]
    return sorted(found, key=lambda each: (-each.last_ms, each.served))


def chosen_served(known: Sequence[ServedSeries], wanted: str | None) -> str:
    """Returns the wanted served model, or the one that answered last if that is None; empty if it is not named.

    `unknown` stands for answers that name none. Raises Refused (impossible) with the pointer /served if there are no
    answers of the wanted one.
    """
    if wanted is None:
        return known[0].served if known else ""
    by_name = {each.served or UNNAMED: each.served for each in sorted(known)}  # a model of this name wins
    if wanted not in by_name:
        names = ", ".join(list(by_name)[:_MOST_NAMED])
        known_ones = f"known: {names}" if names else "none has answered yet"
        raise impossible([Fault("/served", f"there is no answer of the served model {wanted!r} ({known_ones})")])
    return by_name[wanted]


def has_changed(known: Sequence[ServedSeries], served: str, window: Window) -> bool:
    """Whether another served model answered in the window too."""
    start_ms = tallies.window_start_ms(window, clock.now_ms())
    return any(each.served != served and each.last_ms >= start_ms for each in known)
