"""The arena's leaderboard: the models rated by people's votes, and whether the voters favour a side or length."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from itertools import islice

import msgspec
import numpy as np
from msgspec import UNSET
from redis.asyncio import Redis

from service.arena.length_effect import LengthFit, fit_length_effect
from service.arena.vote_counts import ArenaCounts, LengthCounts, WinCounts, read_vote_counts
from service.arena.vote_log import VOTE_LOG
from service.contracts.arena import ArenaLeaderboard, LeftWinRate, SentVote, Standing, StyleEffects, Winner
from service.contracts.pointing import MOST_FAULTS
from service.contracts.refusals import Fault, impossible, invalid
from service.stats.bradley_terry import RATING_CENTRE, RATING_SCALE, fit_strengths, win_probabilities
from service.stats.elo import elo_ratings
from service.stats.intervals import Z, wilson
from service.stats.rating_ranks import rating_ranks
from service.stats.vote_clusters import ClusteredVotes, battle_effect, share_effect
from service.store import arena

MOST_RATED_MODELS = 500  # the time of a rating grows with the cube of their number: about a second at this size
FEWEST_STYLE_VOTES = 100  # on different lengths; with fewer, the effect shows the models rather than their lengths

ARENA_GAUGES = {
    "arena_rating": "Bradley-Terry rating by people's votes, in points; 1000 on average",
    "arena_rating_lower": "Bradley-Terry rating, lower end of its 95% interval",
    "arena_rating_upper": "Bradley-Terry rating, upper end of its 95% interval",
}

_MOST_KEPT = 100  # criteria
_TIE = 0.5  # of a win

_kept: dict[str | None, tuple[str, ArenaLeaderboard]] = {}  # by criterion: the version, and the leaderboard


async def leaderboard_version(redis: Redis, criterion: str | None) -> str:
    """Returns a text that changes with each vote on a criterion, or with each vote if `criterion` is None."""
    return await arena.newest_vote(redis, criterion)


async def voted_criteria(redis: Redis) -> list[str]:
    """Returns the criteria on which people have voted, by name."""
    await VOTE_LOG.read_on(redis)
    return VOTE_LOG.criteria


async def current_leaderboard(redis: Redis, criterion: str | None, version: str) -> ArenaLeaderboard:
    """Returns the leaderboard of this or a later version; on all criteria together if `criterion` is None.

    It is computed once for each version.
    """
    known = _kept.get(criterion)
    if known is not None and known[0] == version:
        return known[1]
    stored = await arena.arena_counts(redis, criterion)
    await VOTE_LOG.read_on(redis)
    found = await asyncio.to_thread(_computed, stored, criterion)
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    _kept[criterion] = stored.get("version", ""), found
    return found


def _computed(stored: Mapping[str, str], criterion: str | None) -> ArenaLeaderboard:
    counts = read_vote_counts(stored)
    clustered = VOTE_LOG.clustered(criterion, stored.get("version", ""), counts.battles.models)
    votes = sum(counts.outcomes.values())
    return arena_leaderboard(counts, criterion, clustered if len(clustered.won) == votes else None)


def arena_leaderboard(
    counts: ArenaCounts, criterion: str | None, clustered: ClusteredVotes | None = None
) -> ArenaLeaderboard:
    """Returns the leaderboard of a scope from its counters, and from the same votes one by one if they are known."""
    unlike = counts.by_length.on_unlike_lengths
    fit = fit_length_effect(counts.by_length) if unlike >= FEWEST_STYLE_VOTES else None
    told = None if fit is None or fit.regularised else fit
    return ArenaLeaderboard(
        criterion=criterion,
        votes=sum(counts.outcomes.values()),
        left_win_rate=_left_win_rate(counts.outcomes, clustered),
        style=None if told is None else _style_effects(told, unlike, clustered),
        leaderboard=standings(
            counts.battles, counts.elo, clustered, None if told is None else _adjusted(told, counts.by_length)
        ),
    )


def rate_votes(votes: Sequence[SentVote]) -> list[Standing]:
    """Returns the models of these votes, best rating first. A million votes take about a second.

    Raises Refused if there are no votes, if a model meets itself, or if there are more than 500 models.
    """
    if not votes:
        raise impossible([Fault("/votes", "must have at least one vote")])
    found = (
        Fault(f"/votes/{index}/1", "must be another model than the first one")
        for index, (first, second, _) in enumerate(votes)
        if first == second
    )
    faults = list(islice(found, MOST_FAULTS))
    if faults:
        raise invalid(faults)
    models = {model for first, second, _ in votes for model in (first, second)}
    if len(models) > MOST_RATED_MODELS:
        raise invalid([Fault("/votes", f"has {len(models)} models; at most {MOST_RATED_MODELS} can be rated together")])
    return standings(WinCounts.from_votes(votes), elo_ratings(votes))


def standings(
    counts: WinCounts,
    elo: Mapping[str, float],
    clustered: ClusteredVotes | None = None,
    adjusted: Mapping[str, float] | None = None,
) -> list[Standing]:
    """Returns a row for each model that has votes, best rating first. `elo` has a rating of each of them.

    `clustered` has the votes one by one, with positions in `counts.models`, all of which then have votes; without it
    all votes are taken as independent. `adjusted` has the ratings adjusted for length, if they are known.
    """
    counts = counts.voted
    if not counts.models:
        return []
    fit = fit_strengths(counts.wins, counts.ties, clustered)
    ratings = RATING_CENTRE + RATING_SCALE * fit.strengths
    margins = Z * RATING_SCALE * np.sqrt(np.diag(fit.covariance).clip(0))
    lower, upper = ratings - margins, ratings + margins
    ranks = np.array(rating_ranks(fit.strengths, fit.covariance))
    columns = (ratings, lower, upper, ranks, counts.wins.sum(axis=1), counts.wins.sum(axis=0))
    rows = [
        Standing(
            model=model,
            rating=rating,
            lower=low,
            upper=high,
            rank=rank,
            elo=elo[model],
            votes=wins + losses + ties,
            wins=wins,
            losses=losses,
            ties=ties,
            regularised=fit.regularised,
            length_adjusted_rating=UNSET if adjusted is None else adjusted[model],
        )
        for model, rating, low, high, rank, wins, losses, ties in zip(
            counts.models, *(column.tolist() for column in (*columns, counts.ties.sum(axis=1))), strict=True
        )
    ]
    return sorted(rows, key=lambda row: (-row.rating, row.model))


def arena_gauge_rows(rows: Sequence[Standing]) -> dict[str, list[tuple[tuple[str], float]]]:
    """Returns the series of each of `ARENA_GAUGES`: the value of its one label, `model`, and the series' value."""
    return {
        "arena_rating": [((each.model,), each.rating) for each in rows],
        "arena_rating_lower": [((each.model,), each.lower) for each in rows],
        "arena_rating_upper": [((each.model,), each.upper) for each in rows],
    }


def _left_win_rate(outcomes: Mapping[Winner, int], clustered: ClusteredVotes | None) -> LeftWinRate | None:
    left, right = (outcomes.get(side, 0) for side in (Winner.A, Winner.B))
    if not left + right:
        return None
    independent = float(left + right)
    if clustered is not None:
        decided = clustered.won != _TIE
        independent /= share_effect(ClusteredVotes(*(each[decided] for each in clustered)))
    value = left / (left + right)
    interval = wilson(value * independent, independent)
    return LeftWinRate(value=value, lower=interval.lower, upper=interval.upper, votes=left + right)


def _style_effects(fit: LengthFit, votes: int, clustered: ClusteredVotes | None) -> StyleEffects:
    times = 1.0 if clustered is None else math.sqrt(battle_effect(clustered, win_probabilities(fit.strengths)))
    effects = {
        name: msgspec.structs.replace(each, standard_error=times * each.standard_error)
        for name, each in fit.effects.items()
    }
    return StyleEffects(longer=effects.get("longer"), much_longer=effects.get("much_longer"), votes=votes)


def _adjusted(fit: LengthFit, counts: LengthCounts) -> dict[str, float]:
    ratings = RATING_CENTRE + RATING_SCALE * fit.strengths
    return dict(zip(counts.models, ratings.tolist(), strict=True))
