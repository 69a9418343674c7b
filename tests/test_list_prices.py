"""List prices: the facts of each model against the library, the process that is asked, and what happens without it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import pytest
from genai_prices.data import providers
from genai_prices.types import ConditionalPrice, ModelPrice, StartDateConstraint, TieredPrices, TimeOfDateConstraint

from service.list_prices import Listed, calculated, flat_price

ROOT = Path(__file__).parents[1]
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
Run = Callable[..., "Ran"]
OUTPUTS = (0, 1, 777, 1_000_000)


def conditions(prices: ModelPrice | list[ConditionalPrice]) -> Iterator[datetime]:
    """A time at which each of a model's prices holds."""
    yield NOON
    for each in prices if isinstance(prices, list) else ():
        if isinstance(each.constraint, TimeOfDateConstraint):
            yield datetime.combine(NOON, each.constraint.start_time)
            yield datetime.combine(NOON, each.constraint.end_time)
        elif isinstance(each.constraint, StartDateConstraint):
            start = datetime.combine(each.constraint.start_date, NOON.timetz())
            yield from (start, start - timedelta(days=1))


def edges(prices: ModelPrice | list[ConditionalPrice]) -> set[int]:
    """Numbers of input tokens on both sides of each tier's start."""
    found = {0, 1, 1234, 10_000_000}
    for each in [one.prices for one in prices] if isinstance(prices, list) else [prices]:
        for price in vars(each).values():
            starts = [tier.start for tier in price.tiers] if isinstance(price, TieredPrices) else []
            found.update(max(start + apart, 0) for start in starts for apart in (-1, 0, 1, 2))
    return found


@pytest.mark.parametrize("vendor", [each.id for each in providers])
def test_the_facts_give_each_price_that_the_library_calculates(vendor: str) -> None:
    known = 0
    [provider] = [each for each in providers if each.id == vendor]
    for model in provider.models:
        listed = Listed(vendor, model.id)
        for at in set(conditions(model.prices)):
            flat = flat_price(listed, at)
            if flat is None:
                with pytest.raises(LookupError):
                    calculated(listed, 1, 1, at)
                continue
            known += 1
            for tokens_in, tokens_out in product(edges(model.prices), OUTPUTS):
                assert flat.cost(tokens_in, tokens_out) == calculated(listed, tokens_in, tokens_out, at).total_price
    assert known or vendor == "fireworks"  # whose models are looked up by other names


BEFORE = """
    import asyncio, json, logging, os, sys
    from decimal import Decimal
    from service import list_prices
    from service.list_prices import Listed, ListPrice, list_price

    logging.basicConfig(stream=sys.stderr, level="INFO")
    MINI, PRO, NONE = Listed("openai", "gpt-4.1-mini"), Listed("google", "gemini-2.5-pro"), Listed("vllm", "mine")

    def learn(*models):
        asyncio.run(list_prices.learn(models))

    def price(model):
        found = list_price(model)
        return None if found is None else float(found.cost(1_000_000, 0))

    def tell(**found):
        print(json.dumps(found | {"loaded": "genai_prices" in sys.modules}))
"""
MINI, PRO = 0.4, 2.5  # a million tokens of input


class Ran(NamedTuple):
    """What a process printed, what it logged, and the environment of each process that it asked for prices."""

    told: dict[str, Any]
    log: str
    asked: list[str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs code in a process that prices can be learnt in; `python` are the lines of the program that it asks."""

    def ran(code: str, python: str = f'exec {sys.executable} "$@"') -> Ran:
        program = tmp_path / "python"
        program.write_text(f"#!/bin/sh\nenv -0 | tr '\\n\\0' ' \\n' > {tmp_path}/asked-$$\n{python}\n")
        program.chmod(0o700)
        code = f"{dedent(BEFORE)}\nsys.executable = {str(program)!r}\n{dedent(code)}"
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ
            | {"PYTHONPATH": str(Path(__file__).parents[1]), "OPENAI_API_KEY": "sk-secret", "JUDGED_KEYS": "secret"},
            check=True,
            capture_output=True,
            text=True,
            timeout=150,
        )
        return Ran(json.loads(done.stdout), done.stderr, [each.read_text() for each in tmp_path.glob("asked-*")])

    return ran


def test_prices_are_learnt_from_one_process_that_has_no_secrets(run: Run) -> None:
    ran = run("""
        async def at_once():
            await asyncio.gather(*(list_prices.learn([MINI, PRO, NONE]) for _ in range(50)))
        asyncio.run(at_once())
        learn(MINI, NONE)
        tell(mini=price(MINI), pro=price(PRO), none=price(NONE))
    """)
    assert ran.told == {"mini": MINI, "pro": PRO, "none": None, "loaded": False}
    assert len(ran.asked) == 1
    assert "secret" not in ran.asked[0]
    assert ran.log == ""


def test_a_price_that_nobody_learnt_is_right(run: Run) -> None:
    ran = run("tell(mini=price(MINI), none=price(NONE))")
    assert ran.told == {"mini": MINI, "none": None, "loaded": True}
    assert ran.asked == []
    assert "nobody has learnt that of openai/gpt-4.1-mini" in ran.log


@pytest.mark.parametrize(
    ("python", "problem"),
    [
        ("echo no memory >&2; exit 3", "exit status 3.: no memory"),
        ("exec sleep 60", "timed out"),
        ("echo nonsense", "malformed"),
        ("echo '[]'", "0 answers for 2 models"),
        ("""echo '[[[[-1,"NaN"]],[],"0"],7]'""", "Expected"),
        ("kill -9 $$", "SIGKILL"),
    ],
)
def test_without_an_answer_the_price_is_the_same(run: Run, python: str, problem: str) -> None:
    ran = run("list_prices.LIMIT_S = 0.5; learn(MINI, NONE); tell(mini=price(MINI), none=price(NONE))", python)
    assert ran.told == {"mini": MINI, "none": None, "loaded": True}
    assert re.search(f"another one can't: .*{problem}", ran.log), ran.log


def test_without_any_program_to_ask_the_price_is_the_same(run: Run) -> None:
    ran = run("sys.executable = ''; learn(MINI); learn(PRO); tell(mini=price(MINI), pro=price(PRO))")
    assert ran.told == {"mini": MINI, "pro": PRO, "loaded": True}
    assert ran.log.count("another one can't") == 1  # the library is there from then on


def test_an_old_price_serves_until_the_new_one_is_there(run: Run) -> None:
    ran = run(
        """
        old = ListPrice(((-1, Decimal(9)),), ((-1, Decimal(9)),), Decimal(0))
        list_prices._known[MINI] = list_prices._Known(old, asked_at=0.0)

        async def over_midnight():
            await list_prices.learn([MINI])
            before = price(MINI)
            open(f"{sys.executable}.go", "w").close()
            await list_prices.learn([PRO])
            return before, price(MINI)

        tell(prices=asyncio.run(over_midnight()))
        """,
        f'until [ -e "$0.go" ]; do sleep 0.05; done; exec {sys.executable} "$@"',
    )
    assert ran.told == {"prices": [9.0, MINI], "loaded": False}


def test_few_prices_are_kept(run: Run) -> None:
    ran = run("""
        models = [Listed("vllm", str(number)) for number in range(list_prices.MOST_KNOWN + 5)]
        learn(*models)
        tell(kept=len(list_prices._known), most=list_prices.MOST_KNOWN)
    """)
    assert ran.told["kept"] == ran.told["most"]
