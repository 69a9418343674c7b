"""The list prices of models, as `genai-prices` knows them.

The library takes 24 MB of memory, and a third of a second to load. So it is asked by `python -m service.list_prices`,
a process that ends with its answer: flat facts, from which the price of any call follows.
"""

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation, TieredPrices

_PERIOD_S = 1800.0  # in each, prices are asked for once: some vendors have others at night, from a full or half hour on
LIMIT_S = 30.0  # for the process, which takes a quarter of a second where nothing else runs
MOST_KNOWN = 1024  # models
_TOKENS = 1_000_000  # prices are given for so many
_CALLS = 1000
_ALWAYS = -1  # the start of the first tier: any number of tokens is above it
_PASSED_ON = ("LD_LIBRARY_PATH", "PYTHON")  # the beginnings of variables that Python may need; others may hold secrets

_log = logging.getLogger(__name__)

Tiers = tuple[tuple[int, Decimal], ...]


class Listed(NamedTuple):
    """A model as the library looks it up: a vendor of its own, and the vendor's name for the model."""

    vendor: str
    name: str


class ListPrice(msgspec.Struct, frozen=True, array_like=True):
    """US dollars for a million tokens of input and of output, and for a thousand calls.

    Tiers are (start, price), ascending. The price of tokens is that of the last tier that starts below the call's input
    tokens.
    """

    input: Tiers
    output: Tiers
    calls: Decimal

    def cost(self, tokens_in: int, tokens_out: int) -> Decimal:
        """Returns the US dollars for one call."""
        per_in, per_out = _of_tier(self.input, tokens_in), _of_tier(self.output, tokens_in)
        of_tokens = (per_in * tokens_in + per_out * tokens_out) / _TOKENS
        return of_tokens + self.calls / _CALLS if self.calls else of_tokens


class _Known(NamedTuple):
    """The price of a model, None if the library has none, and when that was asked, in seconds on the wall clock."""

    price: ListPrice | None
    asked_at: float


_known: dict[Listed, _Known] = {}
_wanted: dict[Listed, None] = {}  # by those who wait for the thread, which asks for all of them at once
_thread = ThreadPoolExecutor(1, "list prices")


async def learn(models: Collection[Listed]) -> None:
    """Asks the library for the prices that are not known; the event loop goes on meanwhile.

    Nobody waits for prices that are known and old: they serve until the new ones are there.
    """
    now = time.time()
    if all(_is_new(each, now) for each in models):
        return
    _wanted.update(dict.fromkeys(models))
    asked = asyncio.get_running_loop().run_in_executor(_thread, _ask_for_wanted)
    if any(each not in _known for each in models):
        await asked


def list_price(model: Listed) -> ListPrice | None:
    """Returns the price of a model, the one that was learnt last; None if the library has none.

    If nobody has learnt it, the library is loaded here. Whoever has an event loop learns first; others may well wait.
    """
    if model not in _known:
        _log.info("list prices are loaded: nobody has learnt that of %s/%s", *model)
        _keep({model: found([model])[0]}, time.time())
    return _known[model].price


def found(models: Sequence[Listed]) -> list[ListPrice | None]:
    """Returns the price of each model now, None of those that the library does not know."""
    now = datetime.now(UTC)
    return [_usable(each, now) for each in models]


def _main() -> None:
    """Reads models from standard input and prints their prices, both as JSON."""
    models = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Listed])
    sys.stdout.buffer.write(msgspec.json.encode(found(models)))


def _of_tier(tiers: Tiers, tokens: int) -> Decimal:
    if len(tiers) == 1:
        return tiers[0][1]
    return next(price for start, price in reversed(tiers) if tokens > start)


def _is_new(model: Listed, now: float) -> bool:
    known = _known.get(model)
    return known is not None and known.asked_at // _PERIOD_S == now // _PERIOD_S


def _keep(prices: Mapping[Listed, ListPrice | None], asked_at: float) -> None:
    for model, price in prices.items():
        _known.pop(model, None)  # the first ones of the table are the oldest
        _known[model] = _Known(price, asked_at)
    for model in list(_known)[: max(len(_known) - MOST_KNOWN, 0)]:
        _known.pop(model, None)


def _ask_for_wanted() -> None:
    wanted, now = [], time.time()
    while _wanted:
        model, _ = _wanted.popitem()
        if not _is_new(model, now):  # asked for a moment ago
            wanted.append(model)
    if wanted:
        _keep(dict(zip(wanted, _asked(wanted), strict=True)), now)


def _asked(models: list[Listed]) -> list[ListPrice | None]:
    if "genai_prices" in sys.modules:
        return found(models)
    try:
        return _answer(models)
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError, ValueError) as error:
        _log.warning("list prices are read in this process, since another one can't: %s", _problem(error))
        return found(models)


def _answer(models: list[Listed]) -> list[ListPrice | None]:
    """The answer of the process. Raises OSError, SubprocessError, MsgspecError and ValueError if there is none."""
    ran = subprocess.run(  # noqa: S603 - no shell, and arguments of our own
        (sys.executable, "-P", "-m", __name__),
        input=msgspec.json.encode(models),
        env=dict(_environ()),
        capture_output=True,
        check=True,
        timeout=LIMIT_S,
        process_group=0,  # Ctrl-C in a terminal reaches this process alone
    )
    if ran.stderr:
        _log.warning("list prices: %s", ran.stderr.decode(errors="replace"))
    answer = msgspec.json.decode(ran.stdout, type=list[ListPrice | None])
    if len(answer) != len(models):
        raise ValueError(f"{len(answer)} answers for {len(models)} models")
    return answer


def _environ() -> Iterator[tuple[str, str]]:
    """The environment of the process: it finds the same packages as this one, and has no secrets."""
    yield from ((name, value) for name, value in os.environ.items() if name.startswith(_PASSED_ON))
    yield "PYTHONPATH", os.pathsep.join(map(os.path.abspath, sys.path))


def _problem(error: Exception) -> str:
    """The error, with the last line that the process wrote if it failed."""
    written = error.stderr if isinstance(error, subprocess.CalledProcessError) else b""
    return ": ".join([str(error), *written.decode(errors="replace").splitlines()[-1:]])


def _usable(model: Listed, at: datetime) -> ListPrice | None:
    try:
        return flat_price(model, at)
    except ValueError as error:
        _log.warning("the list price of %s/%s can't be used: %s", *model, error)
        return None


def flat_price(model: Listed, at: datetime) -> ListPrice | None:
    """Returns the price that the library has at a time; None if it does not know the model.

    Raises ValueError if these facts do not give the costs that the library calculates.
    """
    try:
        price = calculated(model, 1, 1, at).model_price
    except LookupError:
        return None
    [(_, calls), *further] = _tiers(price.requests_kcount)
    flat = ListPrice(_tiers(price.input_mtok), _tiers(price.output_mtok), calls)
    edges = {max(start, 0) + above for start, _ in (*flat.input, *flat.output) for above in (0, 1)}
    if further or any(flat.cost(each, 1) != calculated(model, each, 1, at).total_price for each in edges):
        raise ValueError(f"{price} is of an unknown form")
    return flat


def _tiers(price: "Decimal | TieredPrices | None") -> Tiers:
    if price is None:
        return ((_ALWAYS, Decimal(0)),)
    if isinstance(price, Decimal):
        return ((_ALWAYS, price),)
    return ((_ALWAYS, price.base), *((each.start, each.price) for each in price.tiers))


def calculated(model: Listed, tokens_in: int, tokens_out: int, at: datetime) -> "PriceCalculation":
    """Returns the cost of one call as the library calculates it. Raises LookupError if it does not know the model."""
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=tokens_in, output_tokens=tokens_out)
    return calc_price(usage, model_ref=model.name, provider_id=model.vendor, genai_request_timestamp=at)


if __name__ == "__main__":
    _main()
