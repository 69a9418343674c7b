"""An item's judgments and texts in the store and in the archive together."""

from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.archive.reading import ArchivedJudgment, ArchiveReader, JudgmentKey, hidden_by
from service.store.item_texts import JudgedText, judged_texts
from service.store.judgments import judgments_of_item

MOST_JUDGMENTS = 1_000  # of an item, the newest, as the store lists


class FoundJudgments(NamedTuple):
    """An item's judgments, the newest last, and those of them that came from the archive alone."""

    judgments: list[msgspec.Raw]
    archived: list[ArchivedJudgment]


async def found_judgments(
    redis: Redis, archive: ArchiveReader | None, item_id: str, owner: str | None, *, with_texts: bool = False
) -> FoundJudgments:
    """Returns each judgment of an item once, of one API key's jobs if `owner` is given.

    The store is read first: a judgment leaves it only after the archive has it.
    """
    stored = await judgments_of_item(redis, item_id, owner)
    if archive is None:
        return FoundJudgments(stored, [])
    archived = await archive.judgments_of_item(redis, item_id, owner, with_texts=with_texts)
    hidden = hidden_by((await archive.catalog(redis)).forgotten)
    keys = [(msgspec.json.decode(each, type=JudgmentKey), each) for each in stored]
    shown = [(key, each) for key, each in keys if not hidden(key.item_id, key.job_id, key.finished_at)]
    known = {key.id for key, _ in shown}
    others = [each for each in archived if each.id not in known]
    placed = [
        *((key.finished_at, key.id, each) for key, each in shown),
        *((each.finished_at, each.id, msgspec.Raw(each.json)) for each in others),
    ]
    newest = sorted(placed, key=lambda each: each[:2])[-MOST_JUDGMENTS:]
    return FoundJudgments([each for _, _, each in newest], others)


async def found_texts(redis: Redis, found: FoundJudgments, item_id: str, most: int) -> list[JudgedText]:
    """Returns the texts of an item's newest judgments, at most so many of the store and of the archive."""
    texts = [each async for each in judged_texts(redis, [item_id], most=most)]
    for each in found.archived[-most:]:
        texts.append(JudgedText(item_id, each.decoded_item(), each.record().judge_at(each.position), each.job_id))
    return texts
