"""The arena's leaderboard with what is known of its voters: whether they favour a side, or long critiques."""

from collections.abc import Sequence

import msgspec

from service.arena import style
from service.arena.counters import Counted
from service.arena.standings import Standing, leaderboard
from service.contracts.arena import Winner
from service.stats.intervals import wilson

FEWEST_VOTES = 100  # on critiques of unlike lengths: fewer tell of their models rather than of length

GAUGES = {
    "arena_rating": "Bradley-Terry rating by people's votes, in points; 1000 on average",
    "arena_rating_lower": "Bradley-Terry rating, lower end of its 95% interval",
    "arena_rating_upper": "Bradley-Terry rating, upper end of its 95% interval",
}


class LeftWinRate(msgspec.Struct, frozen=True, kw_only=True):
    """The share of decided votes that A won, with Wilson's 95% interval: A is shown first, and drawn to be."""

    value: float
    lower: float
    upper: float
    votes: int


class LengthEffect(msgspec.Struct, frozen=True, kw_only=True):
    """By how many rating points a longer critique lifted its model, and the standard error of that."""

    points: float
    standard_error: float


class StyleEffects(msgspec.Struct, frozen=True, kw_only=True):
    """What the length of a critique was worth, estimated together with the ratings.

    `longer`: by more than a tenth or so; `much_longer`: from half as long again. Null where no votes were on such
    lengths. `votes` were on critiques of unlike lengths.
    """

    longer: LengthEffect | None
    much_longer: LengthEffect | None
    votes: int


class ArenaLeaderboard(msgspec.Struct, frozen=True, kw_only=True):
    """The models that have votes, best rating first; of all criteria together where `criterion` is null.

    `left_win_rate` is null without a decided vote, `style` where there is too little to tell length from strength.
    """

    criterion: str | None
    votes: int
    left_win_rate: LeftWinRate | None
    style: StyleEffects | None
    leaderboard: list[Standing]


def board(counted: Counted, criterion: str | None) -> ArenaLeaderboard:
    """All of it from counters, however many votes they hold."""
    return ArenaLeaderboard(
        criterion=criterion,
        votes=sum(counted.outcomes.values()),
        left_win_rate=_left_win_rate(counted),
        style=_style(counted),
        leaderboard=leaderboard(counted.battles, counted.elo),
    )


def gauge_rows(standings: Sequence[Standing]) -> dict[str, list[tuple[tuple[str], float]]]:
    """For each of `GAUGES`, whose one label is `model`, each series' label values and its own value."""
    return {
        "arena_rating": [((each.model,), each.rating) for each in standings],
        "arena_rating_lower": [((each.model,), each.lower) for each in standings],
        "arena_rating_upper": [((each.model,), each.upper) for each in standings],
    }


def _left_win_rate(counted: Counted) -> LeftWinRate | None:
    left, right = (counted.outcomes.get(side, 0) for side in (Winner.A, Winner.B))
    if not left + right:
        return None
    interval = wilson(left, left + right)
    return LeftWinRate(value=left / (left + right), lower=interval.lower, upper=interval.upper, votes=left + right)


def _style(counted: Counted) -> StyleEffects | None:
    votes = _on_unlike_lengths(counted.by_length)
    if votes < FEWEST_VOTES:
        return None
    found = style.fit(counted.by_length)
    if found.regularised:
        return None
    effects = {
        level: LengthEffect(points=effect.points, standard_error=effect.standard_error)
        for level, effect in found.effects.items()
    }
    return StyleEffects(longer=effects.get("longer"), much_longer=effects.get("much_longer"), votes=votes)


def _on_unlike_lengths(battles: style.LengthBattles) -> int:
    """How many votes; a tie is there twice, once from the longer side."""
    alike = style.BINS // 2
    decided = battles.wins.sum() - battles.wins[:, :, alike].sum()
    return int(decided + battles.ties[:, :, alike + 1 :].sum())
