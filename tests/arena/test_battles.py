"""The life of a battle without HTTP, on a real store; tests/flows/test_arena.py has it with workers."""

import pytest
from redis.asyncio import Redis

from service.arena.battles import battle_page, begin_battle, cast_vote, regenerate_battle, show_battle
from service.config.settings import Settings
from service.contracts.arena import BattleRequest, BattleStatus, VoteRequest, Winner
from service.contracts.items import Item
from service.contracts.refusals import Kind, Refused
from service.jobs import EVERYTHING, Caller
from service.store import arena, keys
from service.store.signals import Signals
from tests.flows.conftest import settings_for
from tests.store.battles import MODELS, opened

CONTROLS = ["control/length", "control/overlap"]
CALLER = Caller("ann", "digest of a key")


def asked(**changes: object) -> BattleRequest:
    item = Item(input="q", output="a")
    return BattleRequest(**{"item": item, "judge": "helpfulness", "models": CONTROLS, **changes})  # type: ignore[arg-type]


@pytest.fixture
def settings(store_url: str) -> Settings:
    return settings_for(store_url, {})


async def refused(kind: Kind, awaitable: object) -> list[str]:
    """The pointers of a refusal of this kind."""
    with pytest.raises(Refused) as found:
        await awaitable  # type: ignore[misc]
    assert found.value.kind is kind
    return [fault.pointer for fault in found.value.faults]


async def test_a_battle_begins_once_for_each_key(redis: Redis, settings: Settings) -> None:
    first, again = [await begin_battle(redis, settings, asked(), CALLER, "f") for _ in range(2)]
    assert (first.battle, first.is_repeat, again.is_repeat) == (again.battle, False, True)
    stored = await arena.find_battle(redis, first.battle.id)
    assert stored is not None
    assert stored.record.owner == "ann"
    assert sorted([stored.course.A.model, stored.course.B.model]) == CONTROLS
    another = await regenerate_battle(redis, settings, EVERYTHING, first.battle.id, Caller("ann", None), "g")
    assert (another.battle.item, another.battle.id == first.battle.id) == (first.battle.item, False)
    page = await battle_page(redis, settings, EVERYTHING, BattleStatus.QUEUED, 10, None)
    assert [each.id for each in page.battles] == [another.battle.id, first.battle.id]


async def test_what_can_not_be_judged_is_refused_in_the_battle_s_own_terms(redis: Redis, settings: Settings) -> None:
    one = begin_battle(redis, settings, asked(models=CONTROLS[:1]), CALLER, "f")
    assert await refused(Kind.IMPOSSIBLE, one) == ["/models"]
    no_output = begin_battle(redis, settings, asked(item=Item(input="q")), CALLER, "f")
    assert await refused(Kind.IMPOSSIBLE, no_output) == ["/item/output"]
    assert not [key async for key in redis.scan_iter(f"{keys.PREFIX}job:*")]


async def test_a_vote_reveals_the_names_to_its_voter_alone(redis: Redis, settings: Settings) -> None:
    battle = await opened(redis)
    voted = await cast_vote(redis, settings, EVERYTHING, battle, VoteRequest(winner=Winner.B, voter="ada"))
    assert MODELS[:2] == (voted.models.A, voted.models.B)  # type: ignore[union-attr]
    assert (voted.status, voted.votes) == (BattleStatus.VOTED, 1)
    signals = Signals(redis)
    shown = {
        voter: await show_battle(redis, signals, settings, EVERYTHING, battle, voter, 0)
        for voter in ("ada", "bob", None)
    }
    assert shown["ada"] == voted
    assert shown["bob"] == shown[None]
    assert "models" not in repr(shown["bob"]).replace("models=UNSET", "")
    await signals.aclose()
    again = cast_vote(redis, settings, EVERYTHING, battle, VoteRequest(winner=Winner.A, voter="ada"))
    assert await refused(Kind.ALREADY_VOTED, again) == []
    failed = await opened(redis, status="failed")
    vote = VoteRequest(winner=Winner.A, voter="bob")
    assert await refused(Kind.NOT_OPEN, cast_vote(redis, settings, EVERYTHING, failed, vote)) == []
    assert await refused(Kind.NOT_FOUND, cast_vote(redis, settings, EVERYTHING, "battle_0", vote)) == []
