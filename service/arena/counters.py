"""How the arena counts votes: one hash of counters a scope, from which all but Elo's ratings are computed.

A scope is a criterion, or all of them. Its fields, with tabs between:
  win <winner> <loser> <bin of the winner's length against the loser's>
  tie <first> <second> <bin of the first's length>     first before second by name; both_bad among them
  vote <winner>                                        A is left, B is right
  elo <model>                                          a rating, no count: it depends on the order of the votes
Counts are additive; those of all scopes are the sum of the criteria's.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from service.arena.style import BINS, LengthBattles, bin_of
from service.arena.win_counts import Battles
from service.contracts.arena import Vote, Winner


class Counted(NamedTuple):
    """The votes of a scope; `outcomes` has how often each was said."""

    battles: Battles
    by_length: LengthBattles
    elo: dict[str, float]
    outcomes: Mapping[Winner, int]


def fields_of(vote: Vote, lengths: tuple[int, int]) -> tuple[str, str]:
    """The two fields that a vote adds one to; `lengths` are those of A's and B's explanations."""
    first, second, winner = vote
    at = bin_of(*lengths)
    if winner is Winner.B or (winner is not Winner.A and second < first):
        first, second, at = second, first, BINS - 1 - at
    kind = "win" if winner in (Winner.A, Winner.B) else "tie"
    return f"{kind}\t{first}\t{second}\t{at}", f"vote\t{winner}"


def read(fields: Mapping[str, str]) -> Counted:
    """The counters of a scope as they are stored; a field of no kind that is known here is passed over."""
    wins: Counter[tuple[str, str, int]] = Counter()
    ties: Counter[tuple[str, str, int]] = Counter()
    elo: dict[str, float] = {}
    outcomes: Counter[Winner] = Counter()
    for field, value in fields.items():
        kind, *rest = field.split("\t")
        if kind in ("win", "tie"):
            cells = wins if kind == "win" else ties
            cells[rest[0], rest[1], int(rest[2])] += int(value)
        elif kind == "vote":
            outcomes[Winner(rest[0])] += int(value)
        elif kind == "elo":
            elo[rest[0]] = float(value)
    by_length = LengthBattles.from_counts(wins, ties)
    battles = Battles(by_length.models, by_length.wins.sum(axis=2), by_length.ties.sum(axis=2))
    return Counted(battles, by_length, elo, outcomes)
