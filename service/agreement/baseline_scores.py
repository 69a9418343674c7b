"""The baselines' scores of items that get labels after they were judged, computed from the stored texts.

Of items that are labelled first, the worker computes them with the judgment.
"""

from collections import defaultdict
from collections.abc import Mapping

from redis.asyncio import Redis

from service.agreement.evidence import SeriesValue, baseline_values
from service.agreement.item_changes import baselines_lacking
from service.agreement.label_changes import LabelPlace
from service.agreement.series_names import token_of
from service.agreement.stored_items import KnownItem
from service.contracts.items import content_digest
from service.store.item_texts import judged_texts


async def baselines_of(redis: Redis, known: Mapping[LabelPlace, KnownItem]) -> dict[LabelPlace, list[SeriesValue]]:
    """Returns the baselines' scores of each item's newest content for the judges that scored it.

    Those that are known already are left out, and those of texts that have expired.
    """
    lacking = {place: baselines_lacking(each.item, each.content) for place, each in known.items()}
    criteria: defaultdict[str, list[str]] = defaultdict(list)
    for (item_id, criterion), tokens in lacking.items():
        if tokens:
            criteria[item_id].append(criterion)
    found: defaultdict[LabelPlace, list[SeriesValue]] = defaultdict(list)
    if not criteria:
        return found
    async for judged in judged_texts(redis, list(criteria)):
        place, token = (judged.item_id, judged.judge.definition.criterion), token_of(judged.judge.ref)
        if token in lacking.get(place, ()) and content_digest(judged.item) == known[place].content:
            lacking[place].discard(token)
            found[place] += baseline_values(judged.judge, judged.item)
    return found
