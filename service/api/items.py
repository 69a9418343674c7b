"""`/v1/items`: everything known about one item."""

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from redis.asyncio import Redis

from service.agreement.labelling import labels_of_item
from service.api.access import needs
from service.api.paths import decoded_name
from service.api.problems import documented
from service.archive.lookup import found_judgments
from service.archive.reading import ArchiveReader
from service.contracts.judgments import EncodedJudgment
from service.contracts.labels import Label
from service.contracts.refusals import not_found
from service.jobs import View


class SeenItem(msgspec.Struct, frozen=True, kw_only=True):
    """The judgments and labels of an item; `judgments` of jobs that the store or the archive keeps, newest last."""

    item_id: str
    judgments: list[EncodedJudgment]
    labels: list[Label]


@get(
    "/v1/items/{item_id:str}",
    operation_id="showItem",
    summary="Show the judgments and labels of an item",
    opt=needs("read"),
    tags=["items"],
    response_description="The item's judgments and labels.",
    responses=documented(400, 401, 403, 404, 503),
)
async def show_item(
    item_id: FromPath[str],
    redis: NamedDependency[Redis],
    archive: NamedDependency[ArchiveReader | None],
    view: NamedDependency[View],
) -> SeenItem:
    """Shows every label of an item, and every judgment of it in jobs of the caller's key; of all jobs with the scope
    admin. Its id is percent-encoded in the path, including `/`. Of more than 1,000 judgments, the newest are shown.
    """
    name = decoded_name(item_id)
    seen = SeenItem(
        item_id=name,
        judgments=(await found_judgments(redis, archive, name, view.owner)).judgments,
        labels=await labels_of_item(redis, name),
    )
    if not seen.judgments and not seen.labels:
        raise not_found(f"judgment or label of item {name!r}")
    return seen
