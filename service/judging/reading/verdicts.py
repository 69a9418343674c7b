"""What the families of notations find, and what they must be told to find it."""

from typing import NamedTuple, Protocol

import msgspec

from service.contracts.outcomes import Outcome, ParsedFrom, Reason
from service.judging.reading.words import Words

Ranking = tuple[tuple[int, ...], ...]  # groups of equals, best first, each of 0-based indices


class Verdict(NamedTuple):
    """One value that a judge wrote, not yet held against the scale; `reason` where it can't be a value."""

    score: float | None = None
    label: str | None = None
    reason: Reason | None = None
    ranking: Ranking | None = None


class Leading(NamedTuple):
    """A value that opens a text, and the offset where it ends."""

    verdict: Verdict
    end: int


class Hit(NamedTuple):
    """A verdict and the place to cut out of the explanation; `start == end` cuts nothing."""

    verdict: Verdict
    start: int
    end: int
    explanation: str | None = None  # only a JSON object says which of its texts explains


# A family that finds more places than this found no verdict, and reading them all would take too long.
MOST_PLACES = 300
CROWDED = Hit(Verdict(reason=Reason.CONFLICT), 0, 0)


class Expected(Protocol):
    """What is asked for, a number, a label or an order: all that the families need to know of it."""

    @property
    def words(self) -> Words:
        """The names under which the value is given."""

    @property
    def maximum(self) -> float | None:
        """The only right n in `4/n`; None where fractions mean nothing."""

    @property
    def foreign(self) -> Reason:
        """Why a slot kept for the value holds none, where its text is something else altogether."""

    def whole(self, text: str) -> Verdict | None:
        """The value that `text` is, and nothing else; None where it is not even an attempt at one."""

    def bracketed(self, text: str) -> Verdict | None:
        """As `whole`, for `[[text]]`, which has notations of its own."""

    def leading(self, text: str) -> Leading | None:
        """The value that `text` opens with, where what follows does not take it back."""

    def scalar(self, value: object) -> Verdict | None:
        """The value of a JSON field that is no object; None as for `whole`."""

    def score_of(self, verdict: Verdict) -> float | None:
        """The score that goes with a value: the number itself, or what the choice of a label is worth."""

    def misplaced(self, verdict: Verdict) -> Reason | None:
        """Why a value that was read is none of those offered; None where it is one."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A judge's reply as read: `scored` with a score, a label or a ranking, or `unscored` with a reason.

    `score` is an int where integral. `explanation` is the judge's rationale without the place that holds the
    score, None where nothing remains; an unscored reading has one only from a JSON field.
    """

    outcome: Outcome
    reason: Reason | None = None
    score: float | int | None = None
    label: str | None = None
    ranking: Ranking | None = None
    parsed_from: ParsedFrom | None = None
    explanation: str | None = None


def unscored(reason: Reason, explanation: str | None = None) -> Reading:
    return Reading(outcome=Outcome.UNSCORED, reason=reason, explanation=explanation)
