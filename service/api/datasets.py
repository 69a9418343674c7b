"""`/v1/datasets`: items with people's values, to measure judges by."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, delete, get, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, PathParameter
from redis.asyncio import Redis

from service.api.access import needs
from service.api.bodies import CSV, JSON, MOST_LINE_BYTES, NDJSON, Body, decode_aside, media_type
from service.api.openapi import Media, headers, json_body, ndjson_body, operation
from service.api.parameters import Cursor, Limit
from service.api.problems import documented
from service.benchmarks import StoredDataset, store_dataset
from service.config.settings import Settings
from service.contracts.datasets import Dataset, DatasetItem, DatasetPage, DatasetRequest
from service.contracts.decoding import ndjson, numbered
from service.contracts.judges import NAME_PATTERN
from service.contracts.refusals import not_found
from service.files.items import CsvItems
from service.store import datasets

_EXAMPLE = {
    "items": [{"id": "t-1", "input": "Where is it?", "output": "On its way.", "human": {"helpfulness": [4, 5, None]}}]
}
_EXAMPLE_TABLE = "input,output,human.helpfulness.0,human.helpfulness.1\r\nWhere is it?,On its way.,4,5\r\n"
_TABLE = {
    "type": "string",
    "description": "CSV with a header, separated by commas, semicolons or tabs. Columns: `id`, `input`, `output`, "
    "`context`, `reference`, `group`, `case`, `outputs` (a JSON list) or `outputs.0`, `metadata.<name>`, "
    "`human.<criterion>.<annotator>`. An empty cell is a missing value, and an empty text in `output`.",
}

DatasetName = Annotated[str, PathParameter(pattern=NAME_PATTERN, description="The name of the dataset.")]


class DatasetsController(Controller):
    path = "/v1/datasets"
    tags = ("benchmarks",)

    @put(
        "/{name:str}",
        operation_id="storeDataset",
        summary="Store a dataset",
        opt=needs("submit"),
        status_code=200,
        response_description="The dataset replaces an earlier one of this name.",
        response_headers=headers(Location="The URL of the dataset."),
        responses={
            201: ResponseSpec(Dataset, description="The dataset is stored under a new name."),
            **documented(400, 401, 403, 408, 413, 415, 422, 503),
        },
        operation_class=operation(
            body=json_body(DatasetRequest, _EXAMPLE)
            | ndjson_body(DatasetItem)
            | {CSV: Media({"schema": _TABLE, "example": _EXAMPLE_TABLE})}
        ),
    )
    async def store(
        self,
        name: DatasetName,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
    ) -> Response[Dataset]:
        """Stores a dataset, with all of its items or not at all, in place of an earlier one of this name.

        The body is NDJSON (`application/x-ndjson`) with one item per line, each with people's values such as
        `"human": {"faithfulness": [4, 5, null]}`; or JSON; or `text/csv` with columns such as `input`, `output` and
        `human.faithfulness.0`.
        """
        stored = await _stored(request, redis, settings, name)
        location = {"Location": f"{self.path}/{name}"}
        return Response(stored.dataset, status_code=201 if stored.is_new else 200, headers=location)

    @get(
        operation_id="listDatasets",
        summary="List datasets",
        opt=needs("read"),
        response_description="A page of datasets.",
        responses=documented(400, 401, 403, 503),
    )
    async def list_all(self, redis: NamedDependency[Redis], limit: Limit = 100, cursor: Cursor = None) -> DatasetPage:
        """Lists datasets by name."""
        page, next_cursor = await datasets.list_datasets(redis, after=cursor, limit=limit)
        return DatasetPage(datasets=page, next_cursor=next_cursor)

    @get(
        "/{name:str}",
        operation_id="showDataset",
        summary="Show a dataset",
        opt=needs("read"),
        response_description="The dataset without its items.",
        responses=documented(400, 401, 403, 404, 503),
    )
    async def show(self, name: FromPath[str], redis: NamedDependency[Redis]) -> Dataset:
        """Shows the size and the criteria of a dataset."""
        found = await datasets.find_dataset(redis, name)
        if found is None:
            raise not_found(f"dataset {name}")
        return found

    @delete(
        "/{name:str}",
        operation_id="removeDataset",
        summary="Remove a dataset",
        opt=needs("submit"),
        status_code=204,
        response_description="The dataset is removed.",
        responses=documented(400, 401, 403, 404, 503),
    )
    async def remove(self, name: FromPath[str], redis: NamedDependency[Redis]) -> None:
        """Removes a dataset. Benchmarks that have begun keep their items."""
        if not await datasets.delete_dataset(redis, name):
            raise not_found(f"dataset {name}")


async def _stored(request: Request[Any, Any, Any], redis: Redis, settings: Settings, name: str) -> StoredDataset:
    """Stores the items of the body, which is in one of three media types."""
    form = media_type(request, JSON, NDJSON, CSV)
    most_bytes = settings.server.max_body_bytes
    body = Body(request, most_bytes, settings.server.max_upload_bytes)
    if form == JSON:
        asked = await decode_aside(await body.whole(), DatasetRequest)
        return await store_dataset(redis, settings, name, numbered(asked.items))
    if form == NDJSON:
        return await store_dataset(redis, settings, name, ndjson(body.lines(), DatasetItem, "/items"))
    items = CsvItems(body.lines(), min(most_bytes, MOST_LINE_BYTES))
    return await store_dataset(redis, settings, name, items, items.line_of)
