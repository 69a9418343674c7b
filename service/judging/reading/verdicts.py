"""What is found in a reply, and what the families of notations must be told to find it."""

from enum import IntEnum
from typing import NamedTuple, Protocol

import msgspec

from service.contracts.outcomes import Outcome, ParsedFrom, Reason
from service.judging.reading.words import Words
from service.judging.scales import as_written

Ranking = tuple[tuple[int, ...], ...]  # groups of equals, best first, each of 0-based indices


class Score(msgspec.Struct, frozen=True):
    """A number, not yet held against the scale."""

    score: float


class ChosenLabel(msgspec.Struct, frozen=True):
    """One of the labels asked for, and the score that its choice gives it."""

    label: str
    score: float | None = None


class Order(msgspec.Struct, frozen=True):
    """An order of all outputs."""

    ranking: Ranking


ReadValue = Score | ChosenLabel | Order
_SCORED = (Score, ChosenLabel)  # a tuple: to test for a union makes it anew each time
Verdict = ReadValue | Reason  # the reason if a judge wrote something that can't be a value


class Leading(NamedTuple):
    """A verdict that opens a text, and the offset of its end."""

    verdict: Verdict
    end: int


class Weight(IntEnum):
    """How much a place says that its value is the judge's own verdict."""

    MENTIONED = 0  # named in passing: never read, but a different value is a conflict
    POSSIBLE = 1  # read if nothing else is there; it contradicts nothing
    IMPLIED = 2  # read if nothing is stated; a different value is a conflict
    STATED = 3  # announced or marked as the verdict


class Hit(NamedTuple):
    """A verdict and its place in the text; `cut` is false if the explanation needs the words of the place.

    A verdict of None is a place that announces a verdict and then gives none that can be read.
    """

    verdict: Verdict | None
    start: int
    end: int
    form: ParsedFrom
    weight: Weight = Weight.STATED
    explanation: str | None = None  # only a JSON object says which of its texts explains
    cut: bool = True
    worded: bool = False  # found by a word for the value, not by its form alone
    yields: bool = False  # may be said of something else: gives way to a verdict of the judge's that follows


# A family that finds more places than this found no verdict, and reading them all would take too long.
MOST_PLACES = 300


def crowded(form: ParsedFrom) -> Hit:
    """The hit of a family with too many places."""
    return Hit(Reason.CONFLICT, 0, 0, form, cut=False)


class Expected(Protocol):
    """What is asked for, a number, a label or an order: all that the families need to know of it."""

    @property
    def words(self) -> Words:
        """The names under which the value is given."""

    @property
    def maximum(self) -> float | None:
        """The only right n in `4/n`; None if fractions mean nothing."""

    @property
    def foreign(self) -> Reason:
        """Why a slot kept for the value holds none if its text is something else altogether."""

    def whole(self, text: str) -> Verdict | None:
        """The value that `text` is, and nothing else; None if it is not even an attempt at one."""

    def bracketed(self, text: str) -> Verdict | None:
        """As `whole`, for `[[text]]`, which has notations of its own."""

    def bare(self, text: str, bullet: str = "") -> Verdict | None:
        """As `whole`, for a line that nothing announces; `bullet` stands before it."""

    def opening(self, text: str) -> Leading | None:
        """The value that a line opens with as a judge's verdict: `4 - good but short`."""

    def leading(self, text: str, head: str = "") -> Leading | None:
        """The value that `text` opens with, if what follows does not take it back; `head` announces it."""

    def scalar(self, value: object, key: str) -> Verdict | None:
        """The value of a JSON field that is no object; None as for `whole`. `key` is the field's key form."""

    def fields(self, fields: dict[str, object]) -> Verdict | None:
        """The value that an object gives by its shape, under no name of its own; None if it gives none."""

    def oriented(self, verdict: Verdict, place: str, text: str) -> Verdict:
        """The verdict as its lines, `place`, and the whole text say that it is meant: an order may be worst first."""

    def misplaced(self, value: ReadValue) -> Reason | None:
        """Why a value that was read is none of those offered; None if it is one."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A judge's reply as read: `scored` with a score, a label or a ranking, or `unscored` with a reason.

    `score` is an int if integral. `explanation` is the judge's rationale without the place that holds the
    score, None if nothing remains; an unscored reading has one only from a JSON field. `span` is the place of the
    verdict, as offsets into the part of the reply that is read; `places.py` finds it in the reply itself.
    """

    value: Verdict
    parsed_from: ParsedFrom | None = None
    explanation: str | None = None
    span: tuple[int, int] | None = None

    @property
    def outcome(self) -> Outcome:
        return Outcome.UNSCORED if isinstance(self.value, Reason) else Outcome.SCORED

    @property
    def reason(self) -> Reason | None:
        return self.value if isinstance(self.value, Reason) else None

    @property
    def score(self) -> float | int | None:
        score = self.value.score if isinstance(self.value, _SCORED) else None
        return None if score is None else as_written(score)

    @property
    def label(self) -> str | None:
        return self.value.label if isinstance(self.value, ChosenLabel) else None

    @property
    def ranking(self) -> Ranking | None:
        return self.value.ranking if isinstance(self.value, Order) else None
