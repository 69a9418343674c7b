"""The arena: battles of two models over one item, people's votes, and ratings of the models by these votes.

Other parts of the service import these names from here, never from the modules inside.
"""

from service.arena.battles import BegunBattle, battle_page, begin_battle, cast_vote, regenerate_battle, show_battle
from service.arena.leaderboard import (
    ARENA_GAUGES,
    arena_gauge_rows,
    current_leaderboard,
    leaderboard_version,
    rate_votes,
    voted_criteria,
)

__all__ = [
    "ARENA_GAUGES",
    "BegunBattle",
    "arena_gauge_rows",
    "battle_page",
    "begin_battle",
    "cast_vote",
    "current_leaderboard",
    "leaderboard_version",
    "rate_votes",
    "regenerate_battle",
    "show_battle",
    "voted_criteria",
]
