"""Combines the votes on one item into a judgment."""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean, median
from typing import Any

import msgspec

from service.contracts.judges import Judge, Method
from service.contracts.judgments import Usage, Vote
from service.contracts.outcomes import Outcome, Reason
from service.judging.scales import as_written

LABELLED = frozenset({Method.PASS_FAIL, Method.CATEGORY, Method.PAIRWISE})


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the votes amount to. `spread` is the range of the scores, None for labels."""

    outcome: Outcome
    reason: Reason | None = None
    score: float | int | None = None
    label: str | None = None
    explanation: str | None = None
    spread: float | None = None


def combine(judge: Judge, votes: Sequence[Vote]) -> Verdict:
    """Scored when at least half of the votes are; otherwise as the votes that are not scored mostly ended.

    Where as many failed as are unscored it is `unscored`: an answer came.
    """
    scored = [vote for vote in votes if vote.outcome is Outcome.SCORED]
    if not scored or 2 * len(scored) < len(votes):
        return _without_score(votes)
    if judge.method in LABELLED:
        return _majority_label(scored)
    if judge.panel == "majority":
        return _majority_score(scored)
    scores = [vote.score for vote in scored if vote.score is not None]
    score = as_written(median(scores) if judge.panel == "median" else fmean(scores))
    nearest = min(scored, key=lambda vote: abs((vote.score or 0) - score))
    return Verdict(outcome=Outcome.SCORED, score=score, explanation=nearest.explanation, spread=_spread(scored))


def usage(votes: Sequence[Vote]) -> Usage:
    """What the votes cost together; the cost is None as soon as one price is unknown."""
    costs = [vote.cost_usd for vote in votes]
    return Usage(
        input_tokens=sum(vote.input_tokens or 0 for vote in votes),
        output_tokens=sum(vote.output_tokens or 0 for vote in votes),
        cost_usd=None if None in costs else round(sum(cost for cost in costs if cost is not None), 12),
    )


def _without_score(votes: Sequence[Vote]) -> Verdict:
    unscored = [vote for vote in votes if vote.outcome is Outcome.UNSCORED]
    failed = [vote for vote in votes if vote.outcome is Outcome.FAILED]
    most = failed if len(failed) > len(unscored) else unscored
    reasons = Counter(vote.reason for vote in most)
    return Verdict(outcome=most[0].outcome, reason=reasons.most_common(1)[0][0])


def _majority_label(scored: list[Vote]) -> Verdict:
    return _majority({vote.label: vote for vote in scored}, Counter(vote.label for vote in scored))


def _majority_score(scored: list[Vote]) -> Verdict:
    verdict = _majority({vote.score: vote for vote in scored}, Counter(vote.score for vote in scored))
    return msgspec.structs.replace(verdict, spread=_spread(scored))


def _majority(voices: dict[Any, Vote], counted: Counter[Any]) -> Verdict:
    most = max(counted.values())
    winners = [value for value, count in counted.items() if count == most]
    if len(winners) > 1:
        return Verdict(outcome=Outcome.UNSCORED, reason=Reason.TIE)
    vote = voices[winners[0]]
    return Verdict(outcome=Outcome.SCORED, score=vote.score, label=vote.label, explanation=vote.explanation)


def _spread(scored: list[Vote]) -> float:
    scores = [vote.score for vote in scored if vote.score is not None]
    return as_written(max(scores) - min(scores))
