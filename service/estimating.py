"""What judging many items would cost, by a sample of them."""

from collections.abc import Sequence

from service.config.settings import Settings
from service.contracts.items import Item
from service.contracts.judges import ResolvedJudge
from service.costs import cost_usd
from service.judging.estimating import Call, calls_of

SAMPLE = 200  # items: their mean tells that of all to a few percent


def estimated_cost_usd(
    judges: Sequence[ResolvedJudge], sample: Sequence[Item], items: int, settings: Settings
) -> float | None:
    """US dollars for `items` items like those of the sample, None where a price is unknown.

    Nothing is taken off for what the cache has, and nothing added for answers that have to be asked for again.
    """
    calls: dict[str, list[Call]] = {}
    total = 0.0
    for judge in judges:
        if judge.ref.digest not in calls:
            calls[judge.ref.digest] = list(calls_of(judge.definition, sample))
        for model in judge.models:
            cost = _cost(model, calls[judge.ref.digest], settings)
            if cost is None:
                return None
            total += cost * judge.definition.samples * items / len(sample)
    return total


def _cost(model: str, calls: Sequence[Call], settings: Settings) -> float | None:
    provider = settings.provider_of(model)
    if provider is None:
        return None
    costs = [cost_usd(model, provider, call.input_tokens, call.output_tokens) for call in calls]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None
