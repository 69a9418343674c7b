"""`/v1/items`: all that was said of one item."""

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from redis.asyncio import Redis

from service.api.access import needs
from service.api.paths import named
from service.api.problems import documented
from service.contracts.labels import Label
from service.contracts.refusals import not_found
from service.store import judgments, labels


class SeenItem(msgspec.Struct, frozen=True, kw_only=True):
    """What judges and people said of an item; `judgments` are the newest last, as far as their jobs are kept."""

    item_id: str
    judgments: list[msgspec.Raw]
    labels: list[Label]


@get("/v1/items/{item_id:str}", opt=needs("read"), tags=["items"], responses=documented(401, 403, 404, 503))
async def show_item(item_id: FromPath[str], redis: NamedDependency[Redis]) -> SeenItem:
    """Every judgment and every label of an item. Its id is percent-encoded, `/` included."""
    name = named(item_id)
    seen = SeenItem(
        item_id=name,
        judgments=await judgments.of_item(redis, name),
        labels=await labels.of_item(redis, name),
    )
    if not seen.judgments and not seen.labels:
        raise not_found(f"item {name} that anybody judged or labelled")
    return seen
