"""How doubtful a judgment is: the more, the more a label of its item tells.

A doubt is 0 or more, and is quantised into levels, of which each has a rate: items of a rate twice as high are drawn
twice as often. The rate is about the root of the doubt: if a doubt is the expected squared error of a score, no other
rates give a narrower interval (Zrnic and Candes, Active Statistical Inference, 2024).

An item's level is that of the first judgment of its content that was answered, and stays. The weights of labels rest
on it: the labelled items of a level are a random sample of all items of that level only if the level depends neither on
the labels nor on later judgments of the labelled items alone.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence

from service.agreement.coding import scale_of
from service.contracts.judges import Judge
from service.contracts.judgments import Judgment, Vote
from service.contracts.outcomes import Outcome, ParsedFrom

RATES = (0.0, 0.35, 0.5, 0.7, 1.0, 1.4)  # of each level

_LEAST_DOUBTS = (0.09, 0.19, 0.38, 0.75, 1.5)  # of the levels from 1 on: those of doubts 1/8, 1/4, 1/2, 1 and 2

_CONTRADICTION = 1.0  # the two orders of the outputs, or the rankings, gave different verdicts
_UNSCORED = 1.0
_ASKED_AGAIN = 0.5  # at least one answer was unreadable
_HARD_TO_READ = 0.25  # the score was found in prose


def doubt_of(judge: Judge, judgment: Judgment) -> float:
    """Returns the doubt about a judgment.

    It is the sum of: the spread of the scores and the uncertainty by the token probabilities, both as shares of the
    scale's range; the share of votes that are not for the majority; the share of votes without a score; and constants
    for contradicting orders, for re-asks and for a score found in prose. It is 1 for an unscored judgment and 0 for one
    that nobody answered.
    """
    if judgment.outcome is not Outcome.SCORED:
        return _UNSCORED if judgment.outcome is Outcome.UNSCORED else 0.0
    answered = [vote for vote in judgment.votes if vote.outcome in (Outcome.SCORED, Outcome.UNSCORED)]
    scored = [vote for vote in answered if vote.outcome is Outcome.SCORED]
    doubt = _uncertainty(judge, judgment, scored) + _minority(scored)
    if answered:
        doubt += _UNSCORED * (1 - len(scored) / len(answered))
    if judgment.consistent is False:
        doubt += _CONTRADICTION
    if max([vote.asks for vote in answered], default=0) > 1:
        doubt += _ASKED_AGAIN
    if ParsedFrom.PROSE in [vote.parsed_from for vote in scored]:
        doubt += _HARD_TO_READ
    return doubt


def doubt_level(doubt: float) -> int:
    """Returns the level of a doubt: its index in `RATES`."""
    return bisect_right(_LEAST_DOUBTS, doubt)


def _uncertainty(judge: Judge, judgment: Judgment, scored: Sequence[Vote]) -> float:
    """Returns the spread of the scores and twice their largest standard deviation, as shares of the range."""
    apart = (judgment.spread or 0.0) + 2 * max([vote.score_deviation or 0.0 for vote in scored], default=0.0)
    scale = scale_of(judge) if apart else None
    if scale is None or scale.kind == "labels":
        return 0.0
    return apart / (scale.max - scale.min)


def _minority(scored: Sequence[Vote]) -> float:
    """Returns twice the share of the labels that are not the most frequent one: 1 if two are equally frequent."""
    if len(scored) < 2:
        return 0.0
    labels = Counter(vote.label for vote in scored if vote.label is not None)
    return 2 * (1 - max(labels.values()) / labels.total()) if labels else 0.0
