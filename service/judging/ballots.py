"""Which votes a judgment takes: one a model, a sample and an order of the outputs."""

from functools import lru_cache

from service.contracts.judges import ResolvedJudge
from service.contracts.judgments import Ballot
from service.judging.methods import METHODS


def ballots(judge: ResolvedJudge) -> tuple[Ballot, ...]:
    """All votes of a judgment, in the order in which they are listed."""
    orders = METHODS[judge.definition.method].orders(judge.definition)
    return _ballots(tuple(judge.models), judge.definition.samples, orders)


@lru_cache(maxsize=1024)
def _ballots(models: tuple[str, ...], samples: int, orders: tuple[str | None, ...]) -> tuple[Ballot, ...]:
    return tuple(Ballot(model, sample, order) for model in models for sample in range(samples) for order in orders)
