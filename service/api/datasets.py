"""`/v1/datasets`: items that people labelled, to measure judges by."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter
from redis.asyncio import Redis

from service.api.access import needs
from service.api.bodies import CSV, JSON, NDJSON, Body, media_type
from service.api.parameters import Cursor, Limit
from service.api.problems import documented
from service.benchmarks.dataset_intake import DatasetIntake
from service.config.settings import Settings
from service.contracts.datasets import Dataset, DatasetRequest
from service.contracts.decoding import decode
from service.contracts.judges import NAME_PATTERN
from service.contracts.refusals import Refused, not_found
from service.store import datasets

DatasetNamed = Annotated[str, PathParameter(pattern=NAME_PATTERN, description="A dataset's name.")]


class DatasetPage(msgspec.Struct, frozen=True, kw_only=True):
    datasets: list[Dataset]
    next_cursor: str | None


class DatasetsController(Controller):
    path = "/v1/datasets"
    tags = ("benchmarks",)

    @put(
        "/{name:str}",
        opt=needs("submit"),
        status_code=200,
        responses=documented(400, 401, 403, 408, 413, 415, 422, 503),
    )
    async def store(
        self,
        name: DatasetNamed,
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
    ) -> Response[Dataset]:
        """Stores a dataset, whole or not at all, in place of what its name stood for: 201 where the name is new.

        As NDJSON (`application/x-ndjson`) with one item a line and in it `"human": {"faithfulness": [4, 5, null]}`, as
        JSON, or as `text/csv` with columns such as `input`, `output` and `human.faithfulness.0`.
        """
        kind = media_type(request, JSON, NDJSON, CSV)
        body = Body(request, settings.server.max_body_bytes)
        intake = DatasetIntake(redis, settings, name)
        try:
            if kind == JSON:
                await intake.take_json(decode(await body.whole(), DatasetRequest).items)
            elif kind == CSV:
                await intake.take_csv(body.lines())
            else:
                await intake.take_lines(body.lines())
        except Refused:
            await intake.discard()
            raise
        dataset, is_new = await intake.commit()
        headers = {"Location": f"/v1/datasets/{name}"}
        return Response(dataset, status_code=201 if is_new else 200, headers=headers)

    @get(opt=needs("read"), responses=documented(400, 401, 403, 503))
    async def list_all(self, redis: NamedDependency[Redis], limit: Limit = 100, cursor: Cursor = None) -> DatasetPage:
        """Datasets, by name."""
        page, next_cursor = await datasets.list_datasets(redis, after=cursor, limit=limit)
        return DatasetPage(datasets=page, next_cursor=next_cursor)

    @get("/{name:str}", opt=needs("read"), responses=documented(400, 401, 403, 404, 503))
    async def show(self, name: FromPath[str], redis: NamedDependency[Redis]) -> Dataset:
        """What a dataset is."""
        found = await datasets.find_dataset(redis, name)
        if found is None:
            raise not_found(f"dataset {name}")
        return found

    @delete("/{name:str}", opt=needs("submit"), status_code=204, responses=documented(400, 401, 403, 404, 503))
    async def remove(self, name: FromPath[str], redis: NamedDependency[Redis]) -> None:
        """Removes a dataset. Benchmarks that were begun with it are not changed by that."""
        if not await datasets.delete_dataset(redis, name):
            raise not_found(f"dataset {name}")
