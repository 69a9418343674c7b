"""The limits that providers put on calls, shared by all workers: the time without calls, and the rate after it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.contracts.jobs import PausedProvider
from service.contracts.outcomes import Reason
from service.store import keys
from service.store.connection import Script, pipeline, reply
from service.store.records import from_msgpack

_MICRO = 1_000_000
_NOTABLE_S = 1.0  # a shorter pause is no news: calls are spread over time anyway
_SLOW_DOUBLING_S = 60.0  # beyond a rate that is known to work
_limit_provider = Script("limit_provider")


class Refusal(NamedTuple):
    """A call that a provider refused because there were too many. Times are in seconds.

    `wait_s` is the wait that the provider asked for, None if it did not. `answers` came from the provider to all
    workers in the last `span_s` seconds, since the last pause. Without a wait asked for, all workers back off together:
    by `first_wait_s`, and by twice as long each time, up to `longest_wait_s`. After a refusal that `is_single` among
    answers all wait as asked, and go on at the rate as before.
    """

    began_ago_s: float
    wait_s: float | None
    answers: int
    span_s: float
    first_wait_s: float
    longest_wait_s: float
    is_single: bool = False


class ProviderLimit(NamedTuple):
    """`pause_s` are the seconds to wait, negative once they are over. Rates are in calls per second over all workers.

    The rate begins at `rate`, doubles every `double_s` seconds up to `goal`, and slowly from there on.
    """

    pause_s: float
    rate: float
    goal: float
    double_s: float

    def rate_after(self, seconds: float) -> float:
        """Returns the rate so many seconds after the end of the pause."""
        if not self.goal:
            return self.rate * math.exp2(min(seconds / self.double_s, 60.0))
        climb_s = max(self.double_s * math.log2(self.goal / self.rate), 0.0)
        if seconds < climb_s:
            return self.rate * math.exp2(seconds / self.double_s)
        return self.goal * math.exp2(min((seconds - climb_s) / _SLOW_DOUBLING_S, 60.0))

    def span_of(self, calls: float, after_s: float) -> float:
        """Returns the seconds in which so many calls begin, from so many seconds after the end of the pause on."""
        rate = self.rate_after(after_s)
        if not self.goal or rate >= self.goal:
            return _climb_s(calls, rate, _SLOW_DOUBLING_S if self.goal else self.double_s)
        on_the_way = (self.goal - rate) * self.double_s / math.log(2)
        if calls <= on_the_way:
            return _climb_s(calls, rate, self.double_s)
        return self.double_s * math.log2(self.goal / rate) + (calls - on_the_way) / self.goal


def _climb_s(calls: float, rate: float, double_s: float) -> float:
    """Returns the seconds in which so many calls begin at a rate that doubles every `double_s` seconds."""
    return double_s * math.log2(1 + calls * math.log(2) / (rate * double_s))


class ProviderStop(msgspec.Struct, frozen=True, array_like=True):
    """Why a provider refuses every call, in its words: its key is bad or its quota is spent."""

    reason: Reason
    message: str


class _StoredStop(msgspec.Struct, frozen=True, array_like=True):
    reason: str
    message: str


class ProviderState(NamedTuple):
    """The limit and the stop of one provider. `stop_s` are the seconds for which nobody calls."""

    limit: ProviderLimit | None
    stop: ProviderStop | None
    stop_s: float


async def note_refusal(redis: Redis, provider: str, refusal: Refusal) -> ProviderLimit:
    """Notes a refused call. Returns the limit that all workers keep from now on."""
    wait_ms = -1 if refusal.wait_s is None else math.ceil(refusal.wait_s * 1000)
    pause, rate, goal, double = await _limit_provider(
        redis,
        [keys.provider_limit(provider)],
        [
            round(refusal.began_ago_s * 1000),
            wait_ms,
            refusal.answers,
            max(round(refusal.span_s * 1000), 1),
            max(round(refusal.first_wait_s * 1000), 1),
            max(round(refusal.longest_wait_s * 1000), 1),
            keys.PROVIDER_LIMITS,
            int(refusal.is_single),
            round(_SLOW_DOUBLING_S * 1000),
        ],
    )
    return _limit(pause, rate, goal, double)


async def stop_calls(redis: Redis, provider: str, stop: ProviderStop, seconds: float) -> None:
    """Stops all workers' calls to a provider for so many seconds."""
    async with pipeline(redis) as pipe:
        pipe.set(keys.provider_stop(provider), msgspec.msgpack.encode(stop), px=max(round(seconds * 1000), 1))
        pipe.publish(keys.PROVIDER_LIMITS, "stopped")
        await pipe.execute()


async def allow_calls(redis: Redis, provider: str) -> None:
    """Ends a stop: the provider answers again."""
    await reply(redis.delete(keys.provider_stop(provider)))


async def load_limits(redis: Redis, providers: Sequence[str]) -> dict[str, ProviderState]:
    """Returns the state of each provider, in one round trip."""
    async with pipeline(redis) as pipe:
        pipe.time()
        for provider in providers:
            pipe.hmget(keys.provider_limit(provider), ["until", "rate", "goal", "double"])
            pipe.get(keys.provider_stop(provider))
            pipe.pttl(keys.provider_stop(provider))
        (seconds, micros), *found = await pipe.execute()
    now_ms = seconds * 1000 + micros // 1000
    return {provider: _state(now_ms, *found[3 * place : 3 * place + 3]) for place, provider in enumerate(providers)}


async def paused_providers(redis: Redis, providers: Sequence[str]) -> list[PausedProvider]:
    """Returns those of the providers that nobody calls for a second or more, since they refused calls."""
    return [
        PausedProvider(provider=name, retry_in_seconds=round(state.limit.pause_s, 3))
        for name, state in (await load_limits(redis, providers)).items()
        if state.limit is not None and state.limit.pause_s >= _NOTABLE_S
    ]


def _state(now_ms: int, fields: list[bytes | None], stop: bytes | None, stop_ms: int) -> ProviderState:
    until, rate, goal, double = fields
    limit = None
    if until is not None and rate is not None:
        limit = _limit(int(until) - now_ms, int(rate), int(goal or 0), int(double or 0))
    return ProviderState(limit, None if stop is None else _stop(stop), max(stop_ms, 0) / 1000)


def _stop(stored: bytes) -> ProviderStop:
    stop = from_msgpack(stored, _StoredStop, "the stop of a provider")
    return ProviderStop(known_reason(stop.reason), stop.message)


def known_reason(stored: str) -> Reason:
    """Returns the reason for which calls are held back; one of a newer version counts as the provider's error."""
    try:
        return Reason(stored)
    except ValueError:
        return Reason.PROVIDER_ERROR


def _limit(pause_ms: int, rate: int, goal: int, double_ms: int) -> ProviderLimit:
    return ProviderLimit(pause_ms / 1000, rate / _MICRO, goal / _MICRO, max(double_ms, 1) / 1000)
