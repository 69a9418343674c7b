"""Which votes a judgment takes: one a model, a sample and an order of the outputs."""

from service.contracts.judges import ResolvedJudge
from service.contracts.judgments import Ballot
from service.judging.methods import METHODS


def ballots(judge: ResolvedJudge) -> list[Ballot]:
    """All votes of a judgment, in the order in which they are listed."""
    return [
        Ballot(model, sample, order)
        for model in judge.models
        for sample in range(judge.definition.samples)
        for order in METHODS[judge.definition.method].orders(judge.definition)
    ]
