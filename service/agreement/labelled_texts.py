"""The texts that people have labelled, with their values: what a judge can be measured on."""

from typing import NamedTuple

from redis.asyncio import Redis

from service.agreement.contributions import CodedLabel
from service.agreement.label_lists import labelled_batches
from service.agreement.stored_items import known_item

_MOST_READ = 20_000  # items


class LabelledContent(NamedTuple):
    """Texts of an item, by their digest, with people's values by annotator.

    `is_random` means that all of these labels were drawn at random.
    """

    item_id: str
    content: str
    values: dict[str, float | str]
    is_random: bool


async def labelled_contents(redis: Redis, criterion: str) -> list[LabelledContent]:
    """Returns the labelled texts of a criterion, those of the first 20,000 items; of an item, those labelled last.

    Labels off the criterion's scale, and labels of items that nobody has judged, are left out.
    """
    found: list[LabelledContent] = []
    read = 0
    async for batch in labelled_batches(redis, criterion):
        for (item_id, _), stored in batch:
            labels = known_item(stored, criterion).item.labels
            counted = {name: each for name, each in labels.items() if each.is_matched and not each.is_off_scale}
            if counted:
                newest = max(counted.values(), key=lambda each: each.at_ms).content
                same = {name: each for name, each in counted.items() if each.content == newest}
                values = {name: _value(each) for name, each in sorted(same.items())}
                is_random = all(each.selection == "r" for each in same.values())
                found.append(LabelledContent(item_id, newest, values, is_random))
        read += len(batch)
        if read >= _MOST_READ:
            break
    return found


def _value(label: CodedLabel) -> float | str:
    return label.number if label.is_score and label.number is not None else label.key
