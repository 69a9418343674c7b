"""`/v1/criteria`: the scales of people's labels."""

import re
from typing import Any

from litestar import Controller, Request, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath
from redis.asyncio import Redis

from service.agreement.criterion_settings import delete_criterion, find_criterion, page_of_criteria, put_criterion
from service.api.access import can, needs
from service.api.bodies import read_json
from service.api.openapi import json_body, operation
from service.api.parameters import Cursor, Limit
from service.api.paths import decoded_name
from service.api.problems import documented
from service.config.settings import Settings
from service.contracts.criteria import CriteriaPage, NewCriterion, SeenCriterion
from service.contracts.judges import MOST_OF_A_CRITERION
from service.contracts.names import ONE_LINE_PATTERN
from service.contracts.refusals import Fault, invalid

_EXAMPLE = {"scale": {"min": 1, "max": 5}, "description": "Does the reply answer the question?"}


class CriteriaController(Controller):
    path = "/v1/criteria"
    tags = ("agreement",)

    @get(
        operation_id="listCriteria",
        summary="List criteria",
        opt=needs("read"),
        response_description="A page of criteria.",
        responses=documented(400, 401, 403, 503),
    )
    async def list_by_name(
        self, redis: NamedDependency[Redis], limit: Limit = 100, cursor: Cursor = None
    ) -> CriteriaPage:
        """Lists criteria by name, with the scale of their labels, its source, and the number of labels."""
        return await page_of_criteria(redis, after=cursor, limit=limit)

    @get(
        "/{name:str}",
        operation_id="showCriterion",
        summary="Show a criterion",
        opt=needs("read"),
        response_description="The criterion.",
        responses=documented(400, 401, 403, 404, 503),
    )
    async def show(self, name: FromPath[str], redis: NamedDependency[Redis]) -> SeenCriterion:
        """Shows one criterion. Its name is percent-encoded in the path, including `/`."""
        return await find_criterion(redis, decoded_name(name))

    @put(
        "/{name:str}",
        operation_id="storeCriterion",
        summary="Set the scale of a criterion's labels",
        opt=needs("label"),
        status_code=200,
        response_description="The criterion.",
        responses=documented(400, 401, 403, 409, 413, 415, 422, 503),
        operation_class=operation(body=json_body(NewCriterion, _EXAMPLE)),
    )
    async def store(
        self,
        name: FromPath[str],
        request: Request[Any, Any, Any],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
    ) -> SeenCriterion:
        """Sets the values of a criterion's labels, as `scale` or `choices`. Judges of any scale may judge by it.

        Another scale for labels that are there needs the scope `admin`: they are checked against it, and those off it
        stay and are not counted.
        """
        criterion = decoded_name(name)
        if len(criterion) > MOST_OF_A_CRITERION or not re.match(ONE_LINE_PATTERN, criterion):
            detail = f"must be one line of 1 to {MOST_OF_A_CRITERION} characters, without white space at its ends"
            raise invalid([Fault("/name", detail)])
        wanted = await read_json(request, NewCriterion, settings.server.max_body_bytes)
        may_recode = can(request, "admin")
        return await put_criterion(redis, criterion, wanted, may_recode=may_recode, keep_s=settings.store.keep_s)

    @delete(
        "/{name:str}",
        operation_id="deleteCriterion",
        summary="Delete a criterion without labels",
        opt=needs("label"),
        status_code=204,
        response_description="The criterion is deleted.",
        responses=documented(400, 401, 403, 404, 409, 503),
    )
    async def remove(
        self, name: FromPath[str], redis: NamedDependency[Redis], settings: NamedDependency[Settings]
    ) -> None:
        """Deletes a criterion without labels: 409 if it has some. Its judges stay, and bring it their scale again."""
        await delete_criterion(redis, decoded_name(name), keep_s=settings.store.keep_s)
