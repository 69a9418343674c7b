"""Combines the votes on one item into one verdict."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import fmean, median
from typing import Any

import msgspec

from service.contracts.judgments import Usage, Vote
from service.contracts.outcomes import Outcome, Reason
from service.judging.scales import as_written

TIE = "tie"

RankGroups = list[int | list[int]]


class CombinedVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict of all votes on an item.

    `spread` is the maximum minus the minimum of the scores, None for labels and rankings. `consistent` tells whether
    the orders agreed, None if one order was asked for. `tied` lists the values that had equally many votes.
    """

    outcome: Outcome
    reason: Reason | None = None
    score: float | int | None = None
    label: str | None = None
    ranking: RankGroups | None = None
    explanation: str | None = None
    consistent: bool | None = None
    spread: float | None = None
    tied: list[Any] | None = None


def combine_scores(panel: str, votes: Sequence[Vote]) -> CombinedVerdict:
    """Returns the mean, the median or the majority of the scores, if at least half of the votes have one."""
    scored = _scored(votes)
    if not _suffice(scored, votes):
        return _without_score(votes)
    if len(scored) == 1:
        return _alone(panel, scored[0])
    spread = _spread(scored)
    if panel == "majority":
        return msgspec.structs.replace(_majority([vote.score for vote in scored], scored), spread=spread)
    scores = [vote.score for vote in scored if vote.score is not None]
    score = as_written(median(scores) if panel == "median" else fmean(scores))
    nearest = min(scored, key=lambda vote: abs((vote.score or 0) - score))
    return CombinedVerdict(outcome=Outcome.SCORED, score=score, explanation=nearest.explanation, spread=spread)


def _alone(panel: str, vote: Vote) -> CombinedVerdict:
    score = vote.score if vote.score is None or panel == "majority" else as_written(vote.score)
    return CombinedVerdict(outcome=Outcome.SCORED, score=score, explanation=vote.explanation, spread=0)


def combine_labels(votes: Sequence[Vote]) -> CombinedVerdict:
    """Returns the label of most votes, if at least half of them have one; unscored if labels tie."""
    scored = _scored(votes)
    if not _suffice(scored, votes):
        return _without_score(votes)
    return _majority([vote.label for vote in scored], scored)


def combine_pairs(votes: Sequence[Vote]) -> CombinedVerdict:
    """Returns the label of most models and samples; contradicting orders of one are a tie, as is a tie of labels.

    A model and sample without a verdict in one of their orders have none.
    """
    asked: defaultdict[tuple[str, int], list[Vote]] = defaultdict(list)
    for vote in votes:
        asked[vote.model, vote.sample].append(vote)
    whole = [orders for orders in asked.values() if len(_scored(orders)) == len(orders)]
    if not _suffice(whole, asked):
        return _without_score([vote for orders in asked.values() if orders not in whole for vote in orders])
    agreed = [len({vote.label for vote in orders}) == 1 for orders in whole]
    labels = [orders[0].label if same else TIE for orders, same in zip(whole, agreed, strict=True)]
    verdict = _majority(labels, [orders[0] for orders in whole])
    if verdict.reason is Reason.TIE:
        verdict = CombinedVerdict(outcome=Outcome.SCORED, label=TIE, tied=verdict.tied)
    in_both = any(len(orders) > 1 for orders in whole)
    supporting = [vote for orders in whole for vote in orders if vote.label == verdict.label]
    return msgspec.structs.replace(
        verdict,
        consistent=all(agreed) if in_both else None,
        explanation=supporting[0].explanation if supporting else whole[0][0].explanation,
    )


def combine_rankings(votes: Sequence[Vote]) -> CombinedVerdict:
    """Returns the outputs by their mean rank over the votes, if at least half of them rank; equal means tie."""
    scored = _scored(votes)
    if not _suffice(scored, votes):
        return _without_score(votes)
    ranks: defaultdict[int, list[float]] = defaultdict(list)
    for vote in scored:
        for index, rank in _ranks(vote.ranking or []).items():
            ranks[index].append(rank)
    means = {index: as_written(fmean(each)) for index, each in ranks.items()}
    groups = [sorted(index for index in means if means[index] == mean) for mean in sorted(set(means.values()))]
    return CombinedVerdict(
        outcome=Outcome.SCORED,
        ranking=as_listed(groups),
        explanation=scored[0].explanation,
        consistent=len({str(vote.ranking) for vote in scored}) == 1 if len(votes) > 1 else None,
    )


def as_listed(ranking: Sequence[Sequence[int]] | None) -> RankGroups | None:
    """Returns a ranking as it is sent: an inner list for indices that tie, the index itself for one alone."""
    if ranking is None:
        return None
    return [group[0] if len(group) == 1 else list(group) for group in ranking]


def total_usage(votes: Sequence[Vote]) -> Usage:
    """Returns the tokens and the cost of the votes together; the cost is None if one of them is unknown."""
    costs = [vote.cost_usd for vote in votes]
    return Usage(
        input_tokens=sum([vote.input_tokens or 0 for vote in votes]),
        output_tokens=sum([vote.output_tokens or 0 for vote in votes]),
        cost_usd=None if None in costs else round(sum([cost for cost in costs if cost is not None]), 12),
    )


def missing_models(votes: Sequence[Vote]) -> list[str]:
    """Returns the models of which no vote was scored."""
    answered = {vote.model for vote in votes if vote.outcome is Outcome.SCORED}
    return list(dict.fromkeys([vote.model for vote in votes if vote.model not in answered]))


def _scored(votes: Sequence[Vote]) -> list[Vote]:
    return [vote for vote in votes if vote.outcome is Outcome.SCORED]


def _suffice(scored: Sequence[Any], asked: Any) -> bool:
    return bool(scored) and 2 * len(scored) >= len(asked)


def _without_score(votes: Sequence[Vote]) -> CombinedVerdict:
    """The most frequent outcome and reason of the votes without a score; unscored if as many failed: an answer came."""
    unscored = [vote for vote in votes if vote.outcome is Outcome.UNSCORED]
    failed = [vote for vote in votes if vote.outcome is Outcome.FAILED]
    most = failed if len(failed) > len(unscored) else unscored
    reasons = Counter(vote.reason for vote in most)
    return CombinedVerdict(outcome=most[0].outcome, reason=reasons.most_common(1)[0][0])


def _majority(values: Sequence[Any], votes: Sequence[Vote]) -> CombinedVerdict:
    """The value of most votes, with the explanation of the first vote that has it."""
    counts = Counter(values)
    most = max(counts.values())
    winners = [value for value, count in counts.items() if count == most]
    if len(winners) > 1:
        return CombinedVerdict(outcome=Outcome.UNSCORED, reason=Reason.TIE, tied=winners)
    vote = votes[values.index(winners[0])]
    is_label = isinstance(winners[0], str)
    return CombinedVerdict(
        outcome=Outcome.SCORED,
        score=vote.score,
        label=winners[0] if is_label else None,
        explanation=vote.explanation,
    )


def _spread(scored: Sequence[Vote]) -> float:
    scores = [vote.score for vote in scored if vote.score is not None]
    return as_written(max(scores) - min(scores))


def _ranks(ranking: RankGroups) -> dict[int, float]:
    """Each output's rank from 1, the mean of the places that they share for those that tie."""
    ranks: dict[int, float] = {}
    for group in ranking:
        members = [group] if isinstance(group, int) else group
        shared = len(ranks) + (len(members) + 1) / 2
        ranks |= dict.fromkeys(members, shared)
    return ranks
