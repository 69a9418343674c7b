"""The breakers of calls to models, shared by all workers: open while a provider fails, so that nobody calls in vain."""

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec
from redis.asyncio import Redis

from service.contracts.jobs import FailingModel
from service.contracts.outcomes import Reason
from service.store import clock, keys
from service.store.connection import Script, reply
from service.store.provider_limits import ProviderStop, known_reason
from service.store.records import from_msgpack, readable

Move = Literal["open", "probe", "failed", "answered", "dropped"]

_breaker = Script("breaker")


class BreakerWaits(NamedTuple):
    """Seconds: the wait before the first call that tries again, the longest one, and the time that such a call has."""

    first_s: float
    longest_s: float
    trial_s: float


class BreakerState(NamedTuple):
    """An open breaker: since when, the seconds until a call may try, and the newest failure in the provider's words."""

    since: datetime | None
    wait_s: float
    reason: Reason
    words: str


class _Stored(msgspec.Struct, array_like=True):
    since_ms: int
    until_ms: int
    wait_ms: int
    trial_until_ms: int
    reason: str
    words: str


async def move_breaker(
    redis: Redis, model: str, move: Move, waits: BreakerWaits, failure: ProviderStop | None = None
) -> tuple[BreakerState | None, bool]:
    """Moves the breaker of a model, "provider/model", and returns its state and whether the caller may try now.

    `open` opens it after failures; `probe` asks to be the one call that tries; `failed` and `answered` tell how that
    call ended, `dropped` that it was not made. `failure` is needed for `open` and `failed`. The wait doubles with each
    failed trial. The state is None if the breaker is closed.
    """
    reason, words = (failure.reason, failure.message) if failure else (Reason.PROVIDER_ERROR, "")
    first, longest, trial = (max(round(each * 1000), 1) for each in waits)
    is_open, wait_ms, granted, *rest = await _breaker(
        redis, [keys.BREAKERS], [model, move, first, longest, trial, reason, words, keys.PROVIDER_LIMITS]
    )
    return (_state(wait_ms, *rest) if is_open else None), bool(granted)


async def load_breakers(redis: Redis) -> dict[str, BreakerState | None]:
    """Returns the breaker of each model that ever had one, None if it is closed."""
    stored = await reply(redis.hgetall(keys.BREAKERS))
    return _breakers_in(stored, await clock.store_seconds(redis)) if stored else {}


async def failing_models(redis: Redis) -> list[FailingModel]:
    """Returns the models whose breaker is open, by name."""
    return [
        FailingModel(
            model=model,
            since=each.since,
            reason=each.reason,
            error=each.words,
            retry_in_seconds=round(max(each.wait_s, 0.0), 3),
        )
        for model, each in sorted((await load_breakers(redis)).items())
        if each is not None
    ]


def _breakers_in(stored: dict[bytes, bytes], now_s: float) -> dict[str, BreakerState | None]:
    """Returns the breakers in the hash as it is stored; `now_s` is the store's time."""
    found = readable(stored, lambda model: from_msgpack(stored[model], _Stored, f"the breaker of {model.decode()}"))
    return {
        model.decode(): _state(
            max(each.until_ms, each.trial_until_ms) - round(now_s * 1000), each.reason, each.words, each.since_ms
        )
        if each.since_ms
        else None
        for model, each in found
    }


def _state(wait_ms: int, reason: bytes | str, words: bytes | str, since_ms: int) -> BreakerState:
    return BreakerState(clock.at(since_ms), wait_ms / 1000, known_reason(_text(reason)), _text(words))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
